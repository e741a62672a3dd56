import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Network } from './fixture.js';

/** A server of another party, such as one that decides about access. Its connections may outlive the proxy. */
export interface AnsweringServer {
  url: string;
  /** Heads of the requests so far, in order. */
  seen: IncomingMessage[];
  /** Number of accepted connections. */
  connections: number;
  stop(): Promise<void>;
}

/** Starts an HTTP server on a free loopback port. */
export async function answeringServer(
  net: Network,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<AnsweringServer> {
  const server = createServer((request, response) => {
    started.seen.push(request);
    answer(request, response);
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', () => {
    started.connections += 1;
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  const started: AnsweringServer = { url: `http://127.0.0.1:${port}`, seen: [], connections: 0, stop };
  net.cleanup(stop);
  return started;
}
