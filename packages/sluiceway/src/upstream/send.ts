import type { SluicewayError } from '../errors.js';
import type { Fields } from '../http/fields.js';
import { DISCARD_LIMITS, discard } from '../stream/discard.js';
import { askWithGet, type HeadConversion, refusesHead, withoutContent } from './convert-head.js';
import { decideRedirect, isSameOrigin, redirectedMethod, refused } from './redirect-policy.js';
import type { Target } from './target.js';
import type { Exchange, Transport, TransportRequest, TransportResponse } from './transport.js';

/** Fields that were meant for one origin only, as Go has them. */
const CREDENTIALS = ['authorization', 'cookie', 'cookie2', 'proxy-authorization', 'www-authenticate'];

/** Fields beside `Content-*` that describe content (RFC 9110 section 15.4). */
const OF_CONTENT: ReadonlySet<string> = new Set([
  'digest',
  'expect',
  'last-modified',
  'repr-digest',
  'trailer',
]);

export interface SendOptions {
  /**
   * Redirects that are followed; 0 hands every redirect over. One that would have content sent again is handed over too:
   * it has gone by.
   */
  maxRedirects: number;
  /** Whether a HEAD is asked with GET: default `never`. */
  convertHead?: HeadConversion;
  /** Says why a target may not be asked; asked for the first one and for that of each redirect. Default: any may. */
  check?(target: Target): SluicewayError | null | Promise<SluicewayError | null>;
  /** Names of further fields that were meant for the first origin only. */
  secretFields?(): readonly string[];
  /** Called with the fields of each request before it is sent: one that may come back to us is marked. */
  markLoop?(fields: Fields, target: Target): void;
  /** Told each exchange as it begins, and what it asks. */
  onAttempt(exchange: Exchange, target: Target): void;
}

/** A request that has been answered, as it was sent last: redirects have changed its target and perhaps its fields. */
export interface Sent {
  target: Target;
  request: TransportRequest;
  response: TransportResponse;
}

/** Sends a request to `target` until a final response head is there that is no redirect to be followed. */
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

/** The same request for another target. What was meant for the first one's origin only does not go to another. */
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

/** The same request by a method without content: the fields that describe content go with it (RFC 9110 section 15.4). */
function withoutRequestContent(request: TransportRequest, method: string): TransportRequest {
  const { headers } = request;
  headers.retain((name) => !/^content-/i.test(name) && !OF_CONTENT.has(name.toLowerCase()));
  return { ...request, method, content: null, expectContinue: false, upgrade: null };
}
