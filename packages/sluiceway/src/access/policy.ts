import type { IncomingMessage } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import { isFieldValue, isToken, type ReadonlyFields } from '../http/fields.js';
import { isWireText } from '../http/target.js';
import type { ClientCertificate } from '../net/client-certificate.js';
import type { ForwardedClient } from '../net/forwarded-client.js';

/** The client's request as received, for an access policy to check. It never changes. */
export interface AccessRequest {
  /** Unique within the process's lifetime. The log uses the same id. */
  readonly id: string;
  readonly method: string;
  /** Path of the request-target, byte for byte. `*` for `OPTIONS *`. */
  readonly path: string;
  /** The prefix that `stripPrefix` has removed from `path`, without a trailing slash. `''` if there was none. */
  readonly mountPath: string;
  /** Query without the question mark. Null if there is none. */
  readonly query: string | null;
  /** The requested authority: from an absolute-form target, else from the Host field. */
  readonly host: string | null;
  readonly protocol: 'http' | 'https';
  readonly httpVersion: string;
  readonly headers: ReadonlyFields;
  /** The peer's address, which can be a proxy's. Null if the socket has none. */
  readonly clientAddress: string | null;
  /** Whether the peer is one of the `trustedProxies`. */
  readonly trusted: boolean;
  /** The client as a trusted peer forwards it. If the peer is not trusted, the data of the connection itself. */
  readonly forwarded: ForwardedClient;
  /**
   * The certificate that the client of this connection has proved to own, verified by the TLS server. Null without TLS,
   * without a certificate, or if it was not verified (`rejectUnauthorized: false` and an unknown authority).
   */
  readonly clientCertificate: ClientCertificate | null;
  /**
   * Node's request object, for properties that frameworks add (`request.params`, `request.user`). Throws a `TypeError`
   * if the request came through `sluiceway/fetch`, which has no such object.
   */
  readonly raw: IncomingMessage | Http2ServerRequest;
}

/** Allows the request. */
export interface AccessGrant {
  allowed: true;
  /**
   * The authenticated user or client, for hooks, observers and the log. It must not be a secret. Default null: no
   * identity.
   */
  identity?: string | null;
  /**
   * Names of the fields whose credentials this proxy has consumed. They are not sent to the origin server. Default
   * none.
   */
  consumed?: readonly string[];
  /**
   * Fields to set on the request to the origin server, such as the groups of the user. They replace those of the client.
   * A profile with a list of request fields sends only those in its list. Default none.
   */
  headers?: Readonly<Record<string, string | readonly string[]>>;
  /**
   * The query without the credentials that the policy has consumed, or null for no query. Hooks and the origin server
   * see this query. Default: the query as received.
   */
  query?: string | null;
}

/** Refuses the request. The proxy answers it and does not forward it. */
export interface AccessRefusal {
  allowed: false;
  /** 401: other credentials may help. 403: no credentials help. 429: too many attempts. */
  status: 401 | 403 | 429;
  /** Values of `WWW-Authenticate`, one per field line. Required with 401 (RFC 9110 section 15.5.2). */
  challenge?: string | readonly string[];
  /** For logs only; clients do not see it. It must not contain a secret. */
  reason: string;
  /**
   * The response to send in place of the proxy's own, such as a redirect to a login page. Its `WWW-Authenticate` is
   * `challenge`. Default: a short problem report.
   */
  response?: RefusalResponse;
}

/** The response to a refused request. */
export interface RefusalResponse {
  /** 300 to 499. */
  status: number;
  /** Default none. */
  headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Default: no content. */
  content?: string | Uint8Array;
}

export type AccessDecision = AccessGrant | AccessRefusal;

/**
 * Decides whether a request is allowed. Runs before any other processing of the request. If it throws, rejects or
 * returns something other than a decision, the request is refused with 500. If it throws a `SluicewayError`, the answer
 * has that error's status.
 */
export interface AccessPolicy {
  (request: AccessRequest): AccessDecision | Promise<AccessDecision>;
  /**
   * Names of request fields that only this policy sets. The origin server never gets the client's own, whatever the
   * decision is and whichever policy of several makes it. Default none.
   */
  readonly ownFields?: readonly string[];
}

/** The policy with names in its `ownFields`. */
export function withOwnFields(
  policy: (request: AccessRequest) => AccessDecision | Promise<AccessDecision>,
  ownFields: readonly string[],
): AccessPolicy {
  return ownFields.length === 0 ? policy : Object.assign(policy, { ownFields });
}

/** Checks a decision, since an application's policy can return anything. Throws a `TypeError`. */
export function checkDecision(decision: AccessDecision): AccessDecision {
  if (typeof decision !== 'object' || decision === null) throw new TypeError('it returned no decision');
  if (typeof decision.allowed !== 'boolean') throw new TypeError('allowed must be true or false');
  if (decision.allowed) {
    const { identity = null, consumed = [], query = null, headers = {} } = decision;
    if (identity !== null && typeof identity !== 'string')
      throw new TypeError('the identity must be a string');
    if (!isListOfStrings(consumed)) throw new TypeError('consumed must be a list of field names');
    if (query !== null && (typeof query !== 'string' || !isWireText(query)))
      throw new TypeError('the query must be a string of characters that are valid in a request-target');
    if (!areFields(headers)) throw new TypeError('headers must be values by valid field names');
    return decision;
  }
  if (![401, 403, 429].includes(decision.status)) throw new TypeError('the status must be 401, 403 or 429');
  const challenges = challengesOf(decision);
  if (!isListOfStrings(challenges))
    throw new TypeError('the challenge must be a string or a list of strings');
  if (decision.response !== undefined) checkResponse(decision.response);
  else if (decision.status === 401 && challenges.length === 0) throw new TypeError('a 401 needs a challenge');
  return decision;
}

function checkResponse({ status, headers = {} }: RefusalResponse): void {
  if (!Number.isInteger(status) || status < 300 || status > 499)
    throw new TypeError('the status of a response must be from 300 to 499');
  if (!areFields(headers)) throw new TypeError('headers must be values by valid field names');
}

const areFields = (headers: Readonly<Record<string, string | readonly string[]>>): boolean =>
  typeof headers === 'object' &&
  headers !== null &&
  Object.entries(headers).every(
    ([name, value]) =>
      isToken(name) &&
      (typeof value === 'string' ? [value] : value).every(
        (line) => typeof line === 'string' && isFieldValue(line),
      ),
  );

export function challengesOf({ challenge = [] }: AccessRefusal): readonly string[] {
  return typeof challenge === 'string' ? [challenge] : challenge;
}

const isListOfStrings = (value: unknown): boolean =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');
