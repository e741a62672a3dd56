import type { SluicewayError } from '../errors.js';
import type { Fields } from '../http/fields.js';
import { DISCARD_LIMITS, discard } from '../stream/discard.js';
import { askWithGet, type HeadConversion, refusesHead, withoutContent } from './convert-head.js';
import { decideRedirect, isSameOrigin, redirectedMethod, refused } from './redirect-policy.js';
import type { Target } from './target.js';
import type { Exchange, Transport, TransportRequest, TransportResponse } from './transport.js';

/** Fields that are not sent to another origin. The same list as in Go. */
const CREDENTIALS = ['authorization', 'cookie', 'cookie2', 'proxy-authorization', 'www-authenticate'];

/** Fields other than `Content-*` that describe content (RFC 9110 section 15.4). */
const OF_CONTENT: ReadonlySet<string> = new Set([
  'digest',
  'expect',
  'last-modified',
  'repr-digest',
  'trailer',
]);

export interface SendOptions {
  /**
   * Most redirects that are followed. With 0, every redirect is returned. A redirect that requires sending content again
   * is returned too, since the content has been used up.
   */
  maxRedirects: number;
  /** Whether a HEAD is sent as GET. Default: `never`. */
  convertHead?: HeadConversion;
  /** Returns an error if a target is not allowed. Called for the first target and each redirect. Default: all allowed. */
  check?(target: Target): SluicewayError | null | Promise<SluicewayError | null>;
  /** Names of further fields that only the first origin gets. */
  secretFields?(): readonly string[];
  /** Called with the fields of each request before it is sent, to mark requests that could come back to us. */
  markLoop?(fields: Fields, target: Target): void;
  /** Called with the target and the fields of each request before it is sent. It may set fields that describe the request. */
  trace?(target: Target, fields: Fields): void;
  /** Called with each exchange when it begins, and its target. */
  onAttempt(exchange: Exchange, target: Target): void;
}

/** A target, and the request for it. */
export interface StartingPoint {
  target: Target;
  request: TransportRequest;
}

/** An answered request, as it was last sent: redirects may have changed its target, method and fields. */
export interface Sent {
  target: Target;
  request: TransportRequest;
  response: TransportResponse;
}

/** Sends a request to `target` and follows redirects. Resolves when the last final response head has arrived. */
export async function send(
  transport: Transport,
  request: TransportRequest,
  target: Target,
  options: SendOptions,
): Promise<Sent> {
  const isHead = request.method === 'HEAD';
  const { convertHead = 'never', maxRedirects } = options;
  let from = target;
  let hop = isHead && convertHead === 'always' ? askWithGet(request) : request;
  for (let hops = 0; ; ) {
    const refusal = options.check === undefined ? null : await options.check(from);
    if (refusal !== null) throw refusal;
    options.markLoop?.(hop.headers, from);
    options.trace?.(from, hop.headers);
    const exchange = transport.send(hop);
    options.onAttempt(exchange, from);
    const response = await exchange.response;
    if (hop.method === 'HEAD' && convertHead === 'fallback' && refusesHead(response.status)) {
      discard(response.content, DISCARD_LIMITS);
      hop = askWithGet(hop);
      continue;
    }
    let next: Target | null = null;
    const method = redirectedMethod(hop.method, response.status);
    if (maxRedirects > 0 && (hop.content === null || method !== hop.method)) {
      try {
        next = decideRedirect(from, response);
        if (next !== null && hops >= maxRedirects) throw refused(`more than ${maxRedirects} redirects`);
      } catch (error) {
        response.content.cancel();
        throw error;
      }
    }
    if (next === null) {
      const isConverted = isHead && hop.method !== 'HEAD';
      return { target: from, request: hop, response: isConverted ? withoutContent(response) : response };
    }
    discard(response.content, DISCARD_LIMITS);
    hop = retarget(hop, from, next, options.secretFields?.() ?? []);
    if (method !== hop.method) hop = withoutRequestContent(hop, method);
    from = next;
    hops += 1;
  }
}

/** The same request for another target. Removes secret fields if the origin differs. */
export function retarget(
  request: TransportRequest,
  from: Target,
  to: Target,
  secretFields: readonly string[],
): TransportRequest {
  const headers = request.headers.clone();
  if (!isSameOrigin(from, to)) removeSecrets(headers, secretFields);
  headers.set('Host', to.base.host);
  return { ...request, destination: to.base, path: to.path, headers };
}

function removeSecrets(fields: Fields, secretFields: readonly string[]): void {
  const secrets = new Set([...CREDENTIALS, ...secretFields.map((name) => name.toLowerCase())]);
  fields.retain((name) => !secrets.has(name.toLowerCase()));
}

/** Changes a request to a method without content. Removes the fields that describe content (RFC 9110 section 15.4). */
function withoutRequestContent(request: TransportRequest, method: string): TransportRequest {
  const { headers } = request;
  headers.retain((name) => !/^content-/i.test(name) && !OF_CONTENT.has(name.toLowerCase()));
  return { ...request, method, content: null, expectContinue: false, upgrade: null };
}
