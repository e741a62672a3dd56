import { type AddressInfo, createServer, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { TestCertificate } from './certificates.js';
import { ConnectionEnded } from './connection-end.js';
import { type Seed, seededViews } from './content.js';
import { RequestHead } from './message-head.js';
import { TlsTap } from './tls-tap.js';
import { Wire } from './wire.js';

/** One connection that the origin server has accepted. */
export class OriginConnection extends Wire {
  /** 0 for the first connection of this origin server. */
  readonly index: number;

  constructor(index: number, socket: Socket, tap?: TlsTap) {
    super(socket, tap);
    this.index = index;
  }

  /** Reads the next request head. Throws `ConnectionEnded` if there is none. */
  async readHead(): Promise<RequestHead> {
    return new RequestHead(await this.readThrough('\r\n\r\n'));
  }

  /** Reads the request content that `head` announces. */
  async readContent(head: RequestHead): Promise<Buffer> {
    if (!head.isChunked) return this.readExactly(head.contentLength ?? 0);
    const parts: Buffer[] = [];
    await this.readChunkedContent((bytes) => parts.push(bytes));
    return Buffer.concat(parts);
  }

  /** Reads the head and content of the next request. */
  async readRequest(): Promise<{ head: RequestHead; content: Buffer }> {
    const head = await this.readHead();
    return { head, content: await this.readContent(head) };
  }

  /** Reads everything until the peer's FIN or reset. */
  async readAll(): Promise<Buffer> {
    return (await this.readUntilClose()).bytes;
  }

  /** Writes seeded content from `offset` up to `end`, as fast as the peer reads it. */
  async writeSeeded(seed: Seed, offset: number, end: number): Promise<void> {
    for (const view of seededViews(seed, offset, end - offset)) await this.write(view);
  }
}

/** Handles a connection of an origin server. When it returns, the connection stays open until the peer's FIN. */
export type OriginScript = (connection: OriginConnection) => Promise<void> | void;

export interface OriginOptions {
  /** Serve TLS. `clientCa` requires a client certificate of that authority. `alpn`: protocols to choose from. */
  tls?: TestCertificate & { clientCa?: string; alpn?: readonly string[] };
  /** Default 127.0.0.1. */
  host?: string;
  /** Default: a free port. */
  port?: number;
}

export interface RawOrigin {
  readonly port: number;
  /** `http://127.0.0.1:<port>`, or https with the name `localhost`. */
  readonly url: string;
  /** Every connection so far, in order. */
  readonly connections: readonly OriginConnection[];
  /** Number of connections so far. */
  readonly total: number;
  /** Number of connections that neither side has ended. */
  readonly open: number;
  /** Errors of scripts, without `ConnectionEnded`: mostly failed expectations. */
  readonly failures: readonly unknown[];
  /** Closes the listener and every connection. Throws the first of `failures`. */
  stop(): Promise<void>;
}

/** Starts an origin server that runs `script` for each connection. It sends only what the script writes. */
export async function startOrigin(script: OriginScript, options: OriginOptions = {}): Promise<RawOrigin> {
  const { tls, host = '127.0.0.1', port = 0 } = options;
  const connections: OriginConnection[] = [];
  const failures: unknown[] = [];

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (tcp) => {
    const connection = accept(connections.length, tcp, tls);
    connections.push(connection);
    void run(script, connection, failures);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo;

  return {
    port: address.port,
    url: tls
      ? `https://localhost:${address.port}`
      : `http://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    connections,
    failures,
    get total() {
      return connections.length;
    },
    get open() {
      return connections.filter((connection) => connection.ending === undefined).length;
    },
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const connection of connections) connection.destroy();
      await closed;
      if (failures.length > 0) throw failures[0];
    },
  };
}

function accept(index: number, tcp: Socket, tls: OriginOptions['tls']): OriginConnection {
  if (tls === undefined) return new OriginConnection(index, tcp);
  const tap = new TlsTap(tcp);
  const { cert, key, clientCa, alpn } = tls;
  const secureContext = createSecureContext({
    cert,
    key,
    maxVersion: 'TLSv1.2',
    ...(clientCa && { ca: clientCa }),
  });
  const demandsClient = clientCa !== undefined;
  const socket = new TLSSocket(tap, {
    isServer: true,
    secureContext,
    ...(alpn && { ALPNProtocols: [...alpn] }),
    requestCert: demandsClient,
    rejectUnauthorized: demandsClient,
  });
  return new OriginConnection(index, socket, tap);
}

async function run(script: OriginScript, connection: OriginConnection, failures: unknown[]): Promise<void> {
  try {
    await script(connection);
  } catch (error) {
    if (!(error instanceof ConnectionEnded)) failures.push(error);
    connection.destroy();
    return;
  }
  if ((await connection.closed) === 'fin') connection.end();
}

/**
 * A script that answers every request of a persistent connection after reading its content. The raw response is written
 * as it is. Its connection stays open, so it must state its length.
 */
export function respondWith(
  response: string | Uint8Array | ((head: RequestHead, content: Buffer) => string | Uint8Array),
): OriginScript {
  return async (connection) => {
    for (;;) {
      const { head, content } = await connection.readRequest();
      await connection.write(typeof response === 'function' ? response(head, content) : response);
    }
  };
}
