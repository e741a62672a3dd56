import { createServer } from 'node:http';
import { createServer as createHttp2Server, createSecureServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { NodeServer } from 'sluiceway';

export interface ListenAddress {
  /** A name or an address, IPv6 without brackets; empty for all addresses of the machine. */
  host: string;
  /** 0 for any free port. */
  port: number;
}

export interface ServerIdentity {
  /** PEM, with the certificates between it and the root. */
  cert: string;
  /** PEM. */
  key: string;
}

/** The server could not be started where it was told to. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Reads `host:port`, `[address]:port` or `:port`. An IPv6 address needs its brackets: `::1:80` could mean either
 * of two addresses. Throws a `RangeError` that says what was expected.
 */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s:[\]/@]*)):(\d{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (!match || port > 65_535) {
    throw new RangeError(`must be host:port, [address]:port or :port, not ${JSON.stringify(text)}`);
  }
  return { host: match[1] ?? match[2] ?? '', port };
}

/**
 * A client splits a Cookie into as many field lines as it has cookies, and Node would reset a stream with more than 128.
 * The proxy refuses a thousand (431), and Node has to let that many come.
 */
const HTTP2_OPTIONS = { maxHeaderListPairs: 1024 } as const;

/**
 * A server that speaks HTTPS where it has an identity, and HTTP/2 there with clients that ask for it (ALPN), unless
 * `http2` is false. It has no listener for requests yet.
 */
export function createListener(identity: ServerIdentity | null, http2 = true): NodeServer {
  if (identity === null) return createServer();
  const { cert, key } = identity;
  if (!http2) return createTlsServer({ cert, key });
  return createSecureServer({ ...HTTP2_OPTIONS, cert, key, allowHTTP1: true });
}

/** A server for clients that speak HTTP/2 without TLS from the first byte on, and nothing else. */
export function createH2cListener(): NodeServer {
  return createHttp2Server(HTTP2_OPTIONS);
}

/**
 * Starts listening and resolves with the URL under which the server can be reached, its port the real one.
 * Rejects with a `ListenError`. Later failures to accept a connection (no file descriptor left, say) go to
 * `onAcceptError`, and the server goes on.
 */
export async function listen(
  server: NodeServer,
  address: ListenAddress,
  onAcceptError: (error: Error) => void,
): Promise<string> {
  const { host, port } = address;
  await new Promise<void>((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => reject(toListenError(error, address));
    server.once('error', refuse);
    server.listen({ port, ...(host !== '' && { host }) }, () => {
      server.off('error', refuse);
      server.on('error', onAcceptError);
      resolve();
    });
  });
  const bound = server.address() as AddressInfo;
  const scheme = 'cert' in server ? 'https' : 'http';
  return `${scheme}://${formatAddress({ host: host === '' ? bound.address : host, port: bound.port })}`;
}

function formatAddress({ host, port }: ListenAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no such name',
  EAI_AGAIN: 'the name could not be looked up',
};

function toListenError(error: NodeJS.ErrnoException, address: ListenAddress): ListenError {
  const reason = reasons[error.code ?? ''] ?? error.message;
  return new ListenError(`cannot listen on ${formatAddress(address)}: ${reason}`, { cause: error });
}
