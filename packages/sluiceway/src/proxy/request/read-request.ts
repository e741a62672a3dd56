import type { ClientExchange, ClientRequest, RequestHead } from '../../downstream/exchange.js';
import type { ReadonlyFields } from '../../http/fields.js';
import { type ContentFraming, isHostValue } from '../../http/framing.js';
import { type ClientCertificate, readClientCertificate } from '../../net/client-certificate.js';
import { type ForwardedClient, readForwardedClient } from '../../net/forwarded-client.js';
import type { TrustedPeers } from '../../net/trusted-peers.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';
import type { HandleContext, KnownClient } from '../messages/handle-context.js';
import type { GrantedFields } from './granted-fields.js';
import { type RequestIds, readRequestId } from './request-id.js';

/** A client's request, with what hooks do not see. */
export interface ReadRequest {
  /** The access policy sets the identity, and removes credentials from the query, after the request has been read. */
  downstream: DownstreamRequest & { identity: string | null; query: string | null };
  framing: ContentFraming;
  /** Names of fields whose credentials were meant for this proxy. */
  consumed: readonly string[];
  /** Fields that the access policy sets; null if it sets none. */
  grantedFields: GrantedFields | null;
}

const NOTHING: readonly string[] = [];

let requests = 0;
const idPrefix = `${Date.now().toString(36)}-${process.pid.toString(36)}-`;

export function nextRequestId(): string {
  requests += 1;
  return idPrefix + requests.toString(36);
}

/** Reads and validates a request that Node's server has accepted. Throws `http_request_error`. */
export function readDownstreamRequest(
  client: ClientExchange,
  context: HandleContext,
  id: string,
  peers: TrustedPeers,
  requestIds: RequestIds,
): ReadRequest {
  const head = client.readHead(context.target);
  const downstream = new ReadDownstreamRequest(client, context, id, peers, head, requestIds);
  return { downstream, framing: head.framing, consumed: NOTHING, grantedFields: null };
}

/** The host that an application took from forwarding fields, which can contain anything; undefined if it is not valid. */
const knownHost = (known: KnownClient | undefined): string | undefined =>
  known?.host !== undefined && isHostValue(known.host) ? known.host : undefined;

class ReadDownstreamRequest implements DownstreamRequest {
  readonly id: string;
  readonly requestId: string;
  readonly method: string;
  readonly path: string;
  query: string | null;
  readonly mountPath: string;
  readonly isMountPoint: boolean;
  readonly host: string | null;
  readonly protocol: 'http' | 'https';
  readonly httpVersion: string;
  readonly headers: ReadonlyFields;
  readonly clientAddress: string | null;
  readonly trusted: boolean;
  readonly context: unknown;
  identity: string | null = null;
  readonly #client: ClientExchange;
  readonly #peers: TrustedPeers;
  #forwarded: ForwardedClient | null = null;

  constructor(
    client: ClientExchange,
    context: HandleContext,
    id: string,
    peers: TrustedPeers,
    { method, target, headers }: RequestHead,
    { field, made }: RequestIds,
  ) {
    const known = context.client;
    const clientAddress = known?.address ?? client.clientAddress;
    this.id = id;
    this.method = method;
    this.path = target.path === '' ? '/' : target.path;
    this.query = target.query;
    this.mountPath = context.mountPath ?? '';
    this.isMountPoint = context.isMountPoint === true && this.path === '/';
    this.host = knownHost(known) ?? target.authority ?? headers.get('host') ?? null;
    this.protocol = known?.protocol ?? (client.isEncrypted ? 'https' : 'http');
    this.httpVersion = client.httpVersion;
    this.headers = headers;
    this.clientAddress = clientAddress;
    this.trusted =
      clientAddress === null ? peers.unix && client.isOnUnixSocket : peers.includes(clientAddress);
    this.requestId = (this.trusted && field !== null ? readRequestId(headers, field) : null) ?? made;
    this.context = context.context;
    this.#client = client;
    this.#peers = peers;
  }

  /** Throws if the request was not read by a Node.js server. */
  get raw(): ClientRequest {
    return this.#client.request;
  }

  /** Read on first use: few proxies need it. */
  get clientCertificate(): ClientCertificate | null {
    return readClientCertificate(this.#client.connection);
  }

  /** Read on first use: most proxies do not need it. */
  get forwarded(): ForwardedClient {
    const { clientAddress, host, protocol, trusted } = this;
    this.#forwarded ??= readForwardedClient(
      this.headers,
      { clientAddress, host, proto: protocol, trusted },
      this.#peers,
    );
    return this.#forwarded;
  }
}
