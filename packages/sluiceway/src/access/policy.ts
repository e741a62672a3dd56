import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { ReadonlyFields } from '../http/fields.js';
import { isWireText } from '../http/target.js';
import type { ForwardedClient } from '../net/forwarded-client.js';

/** The client's request as it came: what an access policy decides by. It never changes. */
export interface AccessRequest {
  /** Unique within the process's life; the same in the log. */
  readonly id: string;
  readonly method: string;
  /** Path of the request-target, byte for byte; `*` for `OPTIONS *`. */
  readonly path: string;
  /** The prefix that `stripPrefix` has taken off before `path`, without a slash at its end; `''` where none was. */
  readonly mountPath: string;
  /** Query without the question mark; null where there is none. */
  readonly query: string | null;
  /** The authority that the client asked for: of an absolute-form target, else the Host field. */
  readonly host: string | null;
  readonly protocol: 'http' | 'https';
  readonly httpVersion: string;
  readonly headers: ReadonlyFields;
  /** The peer's address, which may be a proxy's; null where the socket has none. */
  readonly clientAddress: string | null;
  /** Whether the peer is one of the `trustedProxies`. */
  readonly trusted: boolean;
  /** The client behind the peer, where that is trusted, by its word; else what the connection shows. */
  readonly forwarded: ForwardedClient;
  /**
   * The message as Node gave it, for what frameworks hang on it (`request.params`, `request.user`). A request that came
   * through `sluiceway/fetch` has none: then this throws a `TypeError`.
   */
  readonly raw: IncomingMessage | Http2ServerRequest;
}

/** The request may go on. */
export interface AccessGrant {
  allowed: true;
  /** Who sent it: for hooks, observers and the log, so never a secret. Default nobody. */
  identity?: string | null;
  /**
   * Names of fields whose credentials were meant for this proxy and have done their work: the origin server does
   * not get them. Default none.
   */
  consumed?: readonly string[];
  /**
   * What is left of the query when credentials that were in it have done their work, null for none: hooks and the
   * origin server see this one. Default the query as it came.
   */
  query?: string | null;
}

/** The request is answered by the proxy, and goes no further. */
export interface AccessRefusal {
  allowed: false;
  /** 401: other credentials may help; 403: none would; 429: there were too many attempts. */
  status: 401 | 403 | 429;
  /** Values of `WWW-Authenticate`, a line for each. Has to be there with 401 (RFC 9110 section 15.5.2). */
  challenge?: string | readonly string[];
  /** For logs: no client gets it. It must hold no secret. */
  reason: string;
}

export type AccessDecision = AccessGrant | AccessRefusal;

/**
 * Decides who may: called with each request before anything else is done about it. One that throws, rejects or
 * returns something else than a decision lets nobody in: the client gets 500. A `SluicewayError` that it throws is
 * answered as it says.
 */
export type AccessPolicy = (request: AccessRequest) => AccessDecision | Promise<AccessDecision>;

/** Nothing but a whole decision is one: policies of applications may return anything. Throws a `TypeError`. */
export function checkDecision(decision: AccessDecision): AccessDecision {
  if (typeof decision !== 'object' || decision === null) throw new TypeError('it returned no decision');
  if (typeof decision.allowed !== 'boolean') throw new TypeError('allowed must be true or false');
  if (decision.allowed) {
    const { identity = null, consumed = [], query = null } = decision;
    if (identity !== null && typeof identity !== 'string')
      throw new TypeError('the identity must be a string');
    if (!isListOfStrings(consumed)) throw new TypeError('consumed must be a list of field names');
    if (query !== null && (typeof query !== 'string' || !isWireText(query)))
      throw new TypeError('the query must be a string that can be sent');
    return decision;
  }
  if (![401, 403, 429].includes(decision.status)) throw new TypeError('the status must be 401, 403 or 429');
  const challenges = challengesOf(decision);
  if (!isListOfStrings(challenges))
    throw new TypeError('the challenge must be a string or a list of strings');
  if (decision.status === 401 && challenges.length === 0) throw new TypeError('a 401 needs a challenge');
  return decision;
}

export function challengesOf({ challenge = [] }: AccessRefusal): readonly string[] {
  return typeof challenge === 'string' ? [challenge] : challenge;
}

const isListOfStrings = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');
