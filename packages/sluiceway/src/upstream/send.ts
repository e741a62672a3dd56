import type { SluicewayError } from '../errors.js';
import type { Fields } from '../http/fields.js';
import { type DiscardLimits, discard } from '../stream/discard.js';
import { decideRedirect, isSameOrigin, refused, type Target } from './redirect-policy.js';
import type { Exchange, Transport, TransportRequest, TransportResponse } from './transport.js';

/** Content that nobody wants is read, to keep its connection, for as long as that costs less than a new one. */
export const DISCARD_LIMITS: DiscardLimits = { maxBytes: 64 * 1024, maxMs: 1000 };

/** Fields that were meant for one origin only. */
const CREDENTIALS = ['authorization', 'cookie'];

export interface SendOptions {
  /** Redirects that are followed; 0 hands every redirect over. Only for requests without content. */
  maxRedirects: number;
  /** Says why a target may not be asked; asked for the first one and for that of each redirect. Default: any may. */
  judge?(target: Target): SluicewayError | null;
  /** Names of further fields that were meant for the first origin only. */
  secretFields?: readonly string[];
  /** Called with the fields of each request before it is sent: one that may come back to us is marked. */
  markLoop?(fields: Fields, target: Target): void;
  /** Told each exchange as it begins. */
  onAttempt(exchange: Exchange): void;
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
  let from = target;
  let hop = request;
  for (let hops = 0; ; hops += 1) {
    const refusal = options.judge?.(from) ?? null;
    if (refusal !== null) throw refusal;
    options.markLoop?.(hop.fields, from);
    const exchange = transport.send(hop);
    options.onAttempt(exchange);
    const response = await exchange.response;
    if (options.maxRedirects === 0) return { target: from, request: hop, response };
    let next: Target | null;
    try {
      next = decideRedirect(from, response);
      if (next !== null && hops >= options.maxRedirects)
        throw refused(`more than ${options.maxRedirects} redirects`);
    } catch (error) {
      response.content.cancel();
      throw error;
    }
    if (next === null) return { target: from, request: hop, response };
    discard(response.content, DISCARD_LIMITS);
    hop = aimElsewhere(hop, from, next, options.secretFields ?? []);
    from = next;
  }
}

/** The same request for another target. What was meant for the first one's origin only does not go to another. */
export function aimElsewhere(
  request: TransportRequest,
  from: Target,
  to: Target,
  secretFields: readonly string[],
): TransportRequest {
  const fields = request.fields.clone();
  if (!isSameOrigin(from, to)) removeSecrets(fields, secretFields);
  fields.set('Host', to.base.host);
  return { ...request, destination: to.base, path: to.path, fields };
}

function removeSecrets(fields: Fields, secretFields: readonly string[]): void {
  const secrets = new Set([...CREDENTIALS, ...secretFields.map((name) => name.toLowerCase())]);
  fields.retain((name) => !secrets.has(name.toLowerCase()));
}
