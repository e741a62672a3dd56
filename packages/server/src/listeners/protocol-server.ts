import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket, TlsOptions } from 'node:tls';
import { attach, type Handler, type NodeServer } from 'sluiceway';
import type { OnConnectionFailure } from './connection-failure.js';
import { Connections, socketBelow } from './connections.js';
import { copyProxiedConnection } from './proxied-socket.js';
import { SecureContexts, type TlsSettings } from './secure-contexts.js';

/** The protocol settings of a listener. */
export interface ProtocolSettings {
  /** Null without TLS. */
  tls: TlsSettings | null;
  /**
   * `auto`: HTTP/1.1, and HTTP/2 with clients that negotiate it over TLS (ALPN). `http1`: never HTTP/2. `h2c`: only HTTP/2
   * without TLS, with prior knowledge.
   */
  protocol: 'auto' | 'http1' | 'h2c';
  handler: Handler;
}

/**
 * Clients can send each cookie in its own field line, and by default Node resets a stream with more than 128 lines. The
 * proxy itself refuses requests with a thousand (431).
 */
const HTTP2_OPTIONS = { maxHeaderListPairs: 1024 } as const;

/**
 * A Node server that does not listen: a listener passes connections to it. Its handler and its certificates can change
 * while it runs. Other changes require another server.
 */
export class ProtocolServer {
  readonly server: NodeServer;
  readonly connections: Connections;
  /** Equal for settings that this server can adopt. */
  readonly key: string;
  #handler: Handler;
  #contexts: SecureContexts | null;

  /** `onConnectionFailure` is called for connections whose handshake or protocol fails. */
  constructor(settings: ProtocolSettings, onConnectionFailure: OnConnectionFailure) {
    const { tls, handler } = settings;
    this.key = keyOf(settings);
    this.#handler = handler;
    this.#contexts = tls === null ? null : new SecureContexts(tls);
    this.server = createNodeServer(settings, () => this.#contexts);
    this.connections = new Connections(this.server);
    // Before the protocol's own listener, which reads requests.
    this.server.prependListener('secureConnection', (socket: TLSSocket) =>
      copyProxiedConnection(socketBelow(socket), socket),
    );
    if (tls?.clients?.required === false)
      this.server.prependListener('secureConnection', (socket: TLSSocket) =>
        refuseUntrusted(socket, onConnectionFailure),
      );
    attach(
      this.server,
      {
        handle: (request, response, context) => this.#handler.handle(request, response, context),
        upgrade: (request, socket, head, context) => this.#handler.upgrade(request, socket, head, context),
      },
      { onConnectionError: onConnectionFailure },
    );
    // Node starts its timeouts for request heads when a server listens.
    this.server.emit('listening');
  }

  /** Serves new requests with other settings that have the same key. */
  update({ tls, handler }: ProtocolSettings): void {
    if (tls !== null && 'setSecureContext' in this.server) {
      const contexts = new SecureContexts(tls);
      this.server.setSecureContext(contexts.options);
      this.#contexts = contexts;
    }
    this.serve(handler);
  }

  serve(handler: Handler): void {
    this.#handler = handler;
  }

  take(socket: Socket): void {
    // As in Node's own servers: only HTTP/1.1 without TLS serves a client that has ended its side.
    socket.allowHalfOpen = this.#contexts === null && !('updateSettings' in this.server);
    this.server.emit('connection', socket);
  }

  /** Closes connections when they become idle. Resolves when all are closed. */
  async close(): Promise<void> {
    await this.connections.closeWhenIdle();
    // Stops the timeouts. Ignore the error: the server has never listened.
    this.server.close(() => {});
  }
}

/** Creates a server without a handler. `contexts` returns the current certificates; null without TLS. */
export function createNodeServer(
  { tls, protocol }: Omit<ProtocolSettings, 'handler'>,
  contexts: () => SecureContexts | null,
): NodeServer {
  if (protocol === 'h2c') return createHttp2Server(HTTP2_OPTIONS);
  if (tls === null) return createServer();
  const options: TlsOptions = {
    ...contexts()?.options,
    SNICallback: (name: string, callback: (error: Error | null, context?: SecureContext) => void) =>
      callback(null, contexts()?.find(name)),
    ...(tls.clients !== null && { requestCert: true, rejectUnauthorized: tls.clients.required }),
  };
  if (protocol === 'http1') return createTlsServer(options);
  return createSecureServer({ ...HTTP2_OPTIONS, ...options, allowHTTP1: true });
}

/** Includes the settings of client certificates: a resumed TLS session would keep the old ones. */
export function keyOf({ tls, protocol }: ProtocolSettings): string {
  if (tls === null) return protocol;
  const clients = tls.clients === null ? '' : `${tls.clients.required} ${digestOf(tls.clients.ca)}`;
  return `tls ${protocol} ${tls.minVersion} ${clients}`;
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64');

/** If a client certificate is optional, an untrusted one is still refused, as in nginx. */
function refuseUntrusted(socket: TLSSocket, onRefused: OnConnectionFailure): void {
  if (socket.authorized || Object.keys(socket.getPeerCertificate()).length === 0) return;
  const { remoteAddress: clientAddress = null, authorizationError } = socket;
  socket.destroy();
  // Node's types say Error. It is the code of the error.
  const code = String(authorizationError);
  onRefused({ kind: 'tls', message: 'the client certificate is not valid', code, clientAddress });
}
