import { once } from 'node:events';
import {
  createSecureServer,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerOptions,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { TestCertificate } from './certificates.js';
import type { Network } from './fixture.js';

export interface Http2ServerOptions extends ServerOptions {
  /** Serve TLS, with ALPN. */
  tls?: TestCertificate;
}

export interface Http2Server {
  readonly port: number;
  readonly url: string;
  /** Every session so far, in order. */
  readonly sessions: readonly ServerHttp2Session[];
}

/** Starts Node's HTTP/2 server. Ignores errors of its streams and sessions, which only matter to the peer. */
export async function startHttp2Server(
  net: Network,
  serve: (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
    raw: string[],
  ) => void | Promise<void>,
  options: Http2ServerOptions = {},
): Promise<Http2Server> {
  const { tls, ...rest } = options;
  const server = tls ? createSecureServer({ ...rest, cert: tls.cert, key: tls.key }) : createServer(rest);
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => {
    session.on('error', () => {});
    sessions.push(session);
  });
  const onStream: (...parts: Parameters<typeof serve>) => void = (stream, headers, flags, raw) => {
    stream.on('error', () => {});
    void serve(stream, headers, flags, raw);
  };
  server.on('stream', onStream as (...parts: unknown[]) => void);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  net.cleanup(() => {
    server.close();
    for (const session of sessions) session.destroy();
  });
  const { port } = server.address() as AddressInfo;
  return { port, url: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`, sessions };
}
