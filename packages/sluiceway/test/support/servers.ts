import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttp2Server, createSecureServer, type Http2Session } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import type { createProxy, NodeServer, ReverseProxy, TransferRecord } from '../../src/index.js';
import { loopbackCertificate, type TestCertificate } from './certificates.js';
import { until } from './until.js';

export type ProxyOptions = Parameters<typeof createProxy>[0];

export interface ListenOptions {
  /** Serve HTTPS. */
  tls?: TestCertificate;
}

/** How HTTP/2 is served: over TLS with ALPN, together with HTTP/1.1, or with prior knowledge. */
export type Http2Listening = 'tls' | 'h2c';

export interface ProxyListenOptions extends ListenOptions {
  /** Serve HTTP/2. `tls` uses the certificate for loopback addresses. */
  http2?: Http2Listening;
}

/** A server on a free loopback port that counts its sockets. */
export interface RunningServer<S extends NodeServer = Server> {
  readonly server: S;
  readonly port: number;
  /** Number of open sockets on the server's side. */
  readonly open: number;
  /** Number of open HTTP/2 sessions. */
  readonly sessions: number;
  /** Destroys all sockets and stops listening. */
  stop(): Promise<void>;
}

export interface RunningProxy extends RunningServer<NodeServer> {
  readonly proxy: ReverseProxy;
  /** The certificate authority that clients have to trust; undefined without TLS. */
  readonly ca: string | undefined;
  /**
   * One record for each ended transfer, in the order of their ends, once there are `count`: a transfer ends a turn after
   * its client has the response. More are a failure.
   */
  records(count: number): Promise<readonly TransferRecord[]>;
  /** Waits for the record of the `index`th transfer to end. */
  record(index?: number): Promise<TransferRecord>;
  /** The records so far. For conditions that are waited for, and for transfers that have certainly ended. */
  readonly recorded: readonly TransferRecord[];
}

/** Starts a server with the given listener (or none, for `attach`). */
export async function startServer(
  listener?: RequestListener,
  options: ListenOptions = {},
): Promise<RunningServer> {
  const { tls } = options;
  const server: Server = tls ? createTlsServer({ cert: tls.cert, key: tls.key }) : createServer();
  if (listener) server.on('request', listener);
  return run(server);
}

async function run<S extends NodeServer>(server: S): Promise<RunningServer<S>> {
  const sockets = new Set<Socket>();
  const sessions = new Set<Http2Session>();
  const events: NetServer = server;
  events.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  events.on('session', (session: Http2Session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });

  return {
    server,
    port: (server.address() as AddressInfo).port,
    get open() {
      return sockets.size;
    },
    get sessions() {
      return sessions.size;
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Starts a server for a proxy. Also returns the certificate authority that its clients have to trust. */
export async function startListening(
  listen: ProxyListenOptions,
): Promise<{ running: RunningServer<NodeServer>; ca: string | undefined }> {
  const { tls, http2 } = listen;
  const identity = http2 === 'tls' ? await loopbackCertificate() : tls;
  const running = http2 ? await run(createHttp2(identity)) : await startServer(undefined, listen);
  return { running, ca: identity?.ca };
}

/** Starts a proxy with `attach`, as the documentation recommends. */
export async function startProxy(
  options: ProxyOptions,
  listen: ProxyListenOptions = {},
): Promise<RunningProxy> {
  // Not at the top: tests of the lower layers load only what they test.
  const { attach, createProxy } = await import('../../src/index.js');
  const recorded: TransferRecord[] = [];
  const proxy = createProxy({
    ...options,
    observers: [...(options.observers ?? []), { onTransferEnd: (record) => void recorded.push(record) }],
  });
  const { running, ca } = await startListening(listen);
  attach(running.server, proxy);

  return {
    ...running,
    // A spread would read the getters only once.
    get open() {
      return running.open;
    },
    get sessions() {
      return running.sessions;
    },
    proxy,
    ca,
    recorded,
    async records(count) {
      await until(() => recorded.length >= count, `${count} transfers had ended`);
      if (recorded.length > count) throw new Error(`${recorded.length} transfers have ended, not ${count}`);
      return recorded;
    },
    async record(index = 0) {
      await until(() => recorded.length > index, `transfer ${index} had ended`);
      return recorded[index] as TransferRecord;
    },
    async stop() {
      proxy.destroy();
      await running.stop();
    },
  };
}

/** Creates HTTP/2 servers as the documentation recommends. */
function createHttp2(identity: TestCertificate | undefined): NodeServer {
  const options = { maxHeaderListPairs: 1024 };
  if (identity === undefined) return createHttp2Server(options);
  return createSecureServer({ ...options, cert: identity.cert, key: identity.key, allowHTTP1: true });
}
