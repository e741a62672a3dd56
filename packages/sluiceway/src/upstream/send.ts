import type { SluicewayError } from '../errors.js';
import type { Fields } from '../http/fields.js';
import { discard } from '../stream/discard.js';
import { decideRedirect, refused, type Target } from './redirect-policy.js';
import type { Exchange, Transport, TransportRequest, TransportResponse } from './transport.js';

/** A redirect's content is read, to keep its connection, for as long as that costs less than a new one. */
const DISCARD_LIMITS = { maxBytes: 64 * 1024, maxMs: 1000 };

/** Fields that were meant for one origin only. */
const CREDENTIALS = ['authorization', 'cookie'];

export interface SendOptions {
  /** Redirects that are followed; 0 hands every redirect over. Only for requests without content. */
  maxRedirects: number;
  /** Says why a target may not be asked; asked for the first one and for that of each redirect. Default: any may. */
  judge?(target: Target): SluicewayError | null;
  /** Names of further fields that were meant for the first origin only. */
  secretFields?: readonly string[];
  /** Told each exchange as it begins. */
  onAttempt(exchange: Exchange): void;
}

/** Sends a request to `target` until a final response head is there that is no redirect to be followed. */
export async function send(
  transport: Transport,
  request: TransportRequest,
  target: Target,
  options: SendOptions,
): Promise<TransportResponse> {
  let from = target;
  let hop = request;
  for (let hops = 0; ; hops += 1) {
    const refusal = options.judge?.(from) ?? null;
    if (refusal !== null) throw refusal;
    const exchange = transport.send(hop);
    options.onAttempt(exchange);
    const response = await exchange.response;
    if (options.maxRedirects === 0) return response;
    let next: Target | null;
    try {
      next = decideRedirect(from, response);
      if (next !== null && hops >= options.maxRedirects)
        throw refused(`more than ${options.maxRedirects} redirects`);
    } catch (error) {
      response.content.cancel();
      throw error;
    }
    if (next === null) return response;
    discard(response.content, DISCARD_LIMITS);
    prepareForHop(request.fields, from, next, options.secretFields ?? []);
    from = next;
    hop = { ...request, destination: next.base, path: next.path };
  }
}

function prepareForHop(fields: Fields, from: Target, next: Target, secretFields: readonly string[]): void {
  const sameOrigin = from.base.protocol === next.base.protocol && from.base.host === next.base.host;
  if (!sameOrigin) {
    const secrets = new Set([...CREDENTIALS, ...secretFields.map((name) => name.toLowerCase())]);
    fields.retain((name) => !secrets.has(name.toLowerCase()));
  }
  fields.set('Host', next.base.host);
}
