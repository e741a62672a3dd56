import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import type { SecureContext, TLSSocket, TlsOptions } from 'node:tls';
import { attach, type Handler, type NodeServer } from 'sluiceway';
import { Connections } from './connections.js';
import { SecureContexts, type TlsSettings } from './secure-contexts.js';

/** How a listener speaks with clients. */
export interface ProtocolSettings {
  /** Null without TLS. */
  tls: TlsSettings | null;
  /**
   * `auto`: HTTP/1.1, and HTTP/2 with clients that ask for it over TLS (ALPN). `http1`: never HTTP/2. `h2c`: HTTP/2
   * without TLS from the first byte on, and nothing else.
   */
  protocol: 'auto' | 'http1' | 'h2c';
  handler: Handler;
}

/**
 * A client splits a Cookie into as many field lines as it has cookies, and Node would reset a stream with more than 128.
 * The proxy refuses a thousand (431), and Node has to let that many come.
 */
const HTTP2_OPTIONS = { maxHeaderListPairs: 1024 } as const;

/**
 * A server of Node's that does not listen: a listener gives it connections. Its handler and its certificates change
 * while it runs; whatever else differs makes another server.
 */
export class ProtocolServer {
  readonly server: NodeServer;
  readonly connections: Connections;
  /** Equal for settings that this server can take over. */
  readonly key: string;
  #handler: Handler;
  #contexts: SecureContexts | null;

  constructor(settings: ProtocolSettings) {
    const { tls, handler } = settings;
    this.key = keyOf(settings);
    this.#handler = handler;
    this.#contexts = tls === null ? null : new SecureContexts(tls);
    this.server = createNodeServer(settings, () => this.#contexts);
    this.connections = new Connections(this.server);
    // Before the listener of the protocol, which reads requests.
    if (tls?.clients?.required === false) this.server.prependListener('secureConnection', refuseUntrusted);
    attach(this.server, {
      handle: (request, response, context) => this.#handler.handle(request, response, context),
      upgrade: (request, socket, head, context) => this.#handler.upgrade(request, socket, head, context),
    });
    // Node begins to watch the time that heads take when a server listens.
    this.server.emit('listening');
  }

  /** Serves new requests by other settings with the same key. */
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
    // Node's own servers differ in this: only HTTP/1.1 without TLS serves a client that has ended its side.
    socket.allowHalfOpen = this.#contexts === null && !('updateSettings' in this.server);
    this.server.emit('connection', socket);
  }

  /** Closes connections as they become idle. Resolves when all are closed. */
  async close(): Promise<void> {
    await this.connections.closeWhenIdle();
    // It stops watching. It has never listened, which is no reason to complain.
    this.server.close(() => {});
  }
}

/** Without a handler. `contexts` gives the certificates that are served at that time; null without TLS. */
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

/** Settings of client certificates are part of it: a TLS session that was resumed would keep what it was admitted by. */
export function keyOf({ tls, protocol }: ProtocolSettings): string {
  if (tls === null) return protocol;
  const clients = tls.clients === null ? '' : `${tls.clients.required} ${digestOf(tls.clients.ca)}`;
  return `tls ${protocol} ${tls.minVersion} ${clients}`;
}

const digestOf = (text: string): string => createHash('sha256').update(text).digest('base64');

/** Where a certificate is optional, one that nobody trusts is still refused, as nginx does. */
function refuseUntrusted(socket: TLSSocket): void {
  if (socket.authorized || Object.keys(socket.getPeerCertificate()).length === 0) return;
  socket.destroy();
}
