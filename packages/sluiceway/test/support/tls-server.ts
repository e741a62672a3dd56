import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Network } from './fixture.js';

export interface TlsServer {
  /** `https://localhost:<port>` */
  readonly url: string;
  readonly port: number;
  /** Secure connections so far, in order. */
  readonly connections: readonly TLSSocket[];
  /** Whether each of them has resumed an earlier session. */
  readonly resumed: readonly boolean[];
}

/**
 * Starts Node's TLS server, with any version. Unlike `startOrigin`, it does not know how a connection ended. `serve` gets
 * each secure connection.
 */
export async function startTlsServer(
  net: Network,
  options: TlsOptions,
  serve: (socket: TLSSocket) => void,
): Promise<TlsServer> {
  const connections: TLSSocket[] = [];
  const resumed: boolean[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, ...options }, (socket) => {
    connections.push(socket);
    resumed.push(socket.isSessionReused());
    socket.on('error', () => {});
    serve(socket);
  });
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  net.cleanup(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { url: `https://localhost:${port}`, port, connections, resumed };
}

/** Answers every request, read up to its empty line, with the same bytes. */
export const serveAlways =
  (response: string) =>
  (socket: TLSSocket): void => {
    let read = '';
    socket.setEncoding('latin1').on('data', (text: string) => {
      read += text;
      while (read.includes('\r\n\r\n')) {
        read = read.slice(read.indexOf('\r\n\r\n') + 4);
        socket.write(response, 'latin1');
      }
    });
  };
