import type { ClientExchange, ClientRequest } from '../downstream/exchange.js';
import type { ReadonlyFields } from '../http/fields.js';
import type { ContentFraming } from '../http/framing.js';
import type { TrustedPeers } from '../net/trusted-peers.js';
import type { HandleContext } from './passage.js';

/** The client's request as it came. It never changes; what is sent on is a draft of its own. */
export interface DownstreamRequest {
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
  readonly fields: ReadonlyFields;
  /** The peer's address; null where the socket has none. */
  readonly clientAddress: string | null;
  /** Whether the peer is one of the `trustedProxies`. */
  readonly trusted: boolean;
  /** The message as Node gave it, for what frameworks hang on it (`request.params`, `request.user`). */
  readonly raw: ClientRequest;
}

/** What we know of a client's request beside what hooks see. */
export interface ReadRequest {
  downstream: DownstreamRequest;
  framing: ContentFraming;
}

let requests = 0;
const idPrefix = `${Date.now().toString(36)}-${process.pid.toString(36)}-`;

export function nextRequestId(): string {
  requests += 1;
  return idPrefix + requests.toString(36);
}

/** Reads and judges a request that Node's server has let pass. Throws `http_request_error`. */
export function readDownstreamRequest(
  client: ClientExchange,
  context: HandleContext,
  id: string,
  peers: TrustedPeers,
): ReadRequest {
  const { method, target, fields, framing } = client.readHead(context.target);
  const { clientAddress } = client;
  return {
    framing,
    downstream: {
      id,
      method,
      path: target.path === '' ? '/' : target.path,
      query: target.query,
      mountPath: context.mountPath ?? '',
      host: target.authority ?? fields.get('host') ?? null,
      protocol: client.isEncrypted ? 'https' : 'http',
      httpVersion: client.httpVersion,
      fields,
      clientAddress,
      trusted: peers.includes(clientAddress),
      raw: client.request,
    },
  };
}
