import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { createProxy, Proxy, TransferRecord } from '../../src/index.js';
import type { TestCertificate } from './certificates.js';
import { until } from './until.js';

export type ProxyOptions = Parameters<typeof createProxy>[0];

export interface ListenOptions {
  /** Serve HTTPS. */
  tls?: TestCertificate;
}

/** A server on a free loopback port that knows how many sockets it holds. */
export interface RunningServer {
  readonly server: Server;
  readonly port: number;
  /** Sockets that are open on the server's side. */
  readonly open: number;
  /** Destroys all sockets and stops listening. */
  stop(): Promise<void>;
}

export interface RunningProxy extends RunningServer {
  readonly proxy: Proxy;
  /** One record for each transfer that has ended, in that order. */
  readonly records: readonly TransferRecord[];
  /** The record of the `index`th transfer to end, waited for. */
  record(index?: number): Promise<TransferRecord>;
}

/** Starts a server with the given listener (or none, for `attach`). */
export async function startServer(
  listener?: RequestListener,
  options: ListenOptions = {},
): Promise<RunningServer> {
  const { tls } = options;
  const server: Server = tls ? createTlsServer({ cert: tls.cert, key: tls.key }) : createServer();
  if (listener) server.on('request', listener);

  const sockets = new Set<object>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
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
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Starts a proxy behind `attach`, the way that users are told to. */
export async function startProxy(options: ProxyOptions, listen: ListenOptions = {}): Promise<RunningProxy> {
  // Not at the top: tests of the lower layers load what they test and no more.
  const { attach, createProxy } = await import('../../src/index.js');
  const records: TransferRecord[] = [];
  const proxy = createProxy({
    ...options,
    observers: [...(options.observers ?? []), { onTransferEnd: (record) => void records.push(record) }],
  });
  const running = await startServer(undefined, listen);
  attach(running.server, proxy);

  return {
    ...running,
    // A spread would read the getter once.
    get open() {
      return running.open;
    },
    proxy,
    records,
    async record(index = 0) {
      await until(() => records.length > index, `transfer ${index} had ended`);
      return records[index] as TransferRecord;
    },
    async stop() {
      proxy.destroy();
      await running.stop();
    },
  };
}
