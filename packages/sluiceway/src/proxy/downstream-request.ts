import type { IncomingMessage } from 'node:http';
import { SluicewayError } from '../errors.js';
import { Fields, type ReadonlyFields } from '../http/fields.js';
import { type ContentFraming, decideRequestFraming, judgeRequestHead } from '../http/framing.js';
import { parseRequestTarget } from '../http/target.js';
import type { TrustedPeers } from '../net/trusted-peers.js';

/** Node keeps about a thousand field lines and drops the rest unseen, so that many cannot be trusted to be all. */
const MAX_FIELDS = 1000;

/** The client's request as it came. It never changes; what is sent on is a draft of its own. */
export interface DownstreamRequest {
  /** Unique within the process's life; the same in the log. */
  readonly id: string;
  readonly method: string;
  /** Path of the request-target, byte for byte; `*` for `OPTIONS *`. */
  readonly path: string;
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
  readonly raw: IncomingMessage;
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
export function readDownstreamRequest(raw: IncomingMessage, id: string, peers: TrustedPeers): ReadRequest {
  const fields = Fields.fromParser(raw.rawHeaders);
  if (fields.size >= MAX_FIELDS) {
    throw new SluicewayError('http_request_error', `More than ${MAX_FIELDS} field lines`, {
      status: 431,
      publicMessage: 'The request has too many fields.',
    });
  }
  const httpVersion = judgeRequestHead(raw.httpVersion, fields);
  const target = parseRequestTarget(raw.url ?? '/');
  // That of CONNECT is valid, and the method is refused.
  if (target.form === 'authority' && raw.method !== 'CONNECT')
    throw new SluicewayError('http_request_error', 'An authority is no target here');
  const { socket } = raw;
  const clientAddress = socket.remoteAddress ?? null;
  return {
    framing: decideRequestFraming(httpVersion, fields),
    downstream: {
      id,
      method: raw.method ?? 'GET',
      path: target.path === '' ? '/' : target.path,
      query: target.query,
      host: target.authority ?? fields.get('host') ?? null,
      protocol: 'encrypted' in socket && socket.encrypted === true ? 'https' : 'http',
      httpVersion: raw.httpVersion,
      fields,
      clientAddress,
      trusted: peers.includes(clientAddress),
      raw,
    },
  };
}
