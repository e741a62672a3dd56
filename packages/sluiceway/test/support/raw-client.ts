import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { ConnectionEnded, type Ending } from './connection-end.js';
import { ResponseHead } from './message-head.js';
import { TlsTap } from './tls-tap.js';
import { Wire } from './wire.js';

export interface ClientOptions {
  /** Use TLS 1.2 and trust `ca`. `alpn`: protocols to offer. */
  tls?: { ca: string; servername?: string; alpn?: readonly string[] };
  /** Default 127.0.0.1. */
  host?: string;
  /** Do not read until `resume`. */
  paused?: boolean;
}

export interface ReadResponseOptions {
  /** The method of the request: a response to HEAD has no content. Default GET. */
  method?: string;
  /** Takes the content piece by piece. `content` stays empty then. For content that is too large for memory. */
  onContent?: (bytes: Buffer) => void;
}

/** A response as it was on the wire. */
export interface RawResponse {
  head: ResponseHead;
  /** The 1xx heads before the response. */
  interim: ResponseHead[];
  content: Buffer;
  /** Number of content bytes that arrived, even if they are not in `content`. */
  contentLength: number;
  delimitedBy: 'nothing' | 'length' | 'chunked' | 'close';
  /** Whether everything that the framing announces has arrived. Content delimited by close needs an announced end. */
  complete: boolean;
  /** Trailer field lines as sent. */
  trailers: string[];
  /** How the connection had ended when the response was read; undefined if it was open. */
  ended: Ending | undefined;
}

/** A client that writes exactly the given bytes and returns exactly those that arrive. */
export class RawClient extends Wire {
  /** Sends bytes, or a string with one byte per character. */
  send(data: string | Uint8Array): Promise<void> {
    return this.write(data);
  }

  /** Sends a GET request with a Host field and further lines (`Name: value`). */
  get(target: string, lines: readonly string[] = []): Promise<void> {
    return this.send(
      ['GET ', target, ' HTTP/1.1\r\nHost: test\r\n', ...lines.map((line) => `${line}\r\n`), '\r\n'].join(''),
    );
  }

  /** Reads the next head, interim or final. Throws `ConnectionEnded` if there is none. */
  async readHead(): Promise<ResponseHead> {
    return new ResponseHead(await this.readThrough('\r\n\r\n'));
  }

  /** Reads the next response with its interim ones. Content that ends early is not an error: see `complete`. */
  async readResponse(options: ReadResponseOptions = {}): Promise<RawResponse> {
    const interim: ResponseHead[] = [];
    let head = await this.readHead();
    while (head.status < 200 && head.status !== 101) {
      interim.push(head);
      head = await this.readHead();
    }
    const rest = await this.readContent(head, options);
    return { head, interim, ...rest, ended: this.ending };
  }

  /** Reads the content after a head that `readHead` has returned. */
  async readContent(
    head: ResponseHead,
    options: ReadResponseOptions = {},
  ): Promise<Pick<RawResponse, 'content' | 'contentLength' | 'delimitedBy' | 'complete' | 'trailers'>> {
    const parts: Buffer[] = [];
    let contentLength = 0;
    const onBytes = (bytes: Buffer) => {
      contentLength += bytes.length;
      if (options.onContent) options.onContent(bytes);
      else parts.push(bytes);
    };
    const delimitedBy = framing(head, options.method ?? 'GET');
    let complete = true;
    let trailers: string[] = [];
    if (delimitedBy === 'length') {
      complete = await this.take(head.contentLength ?? 0, onBytes);
    } else if (delimitedBy === 'close') {
      await this.take(Number.POSITIVE_INFINITY, onBytes);
      complete = this.ending === 'fin';
    } else if (delimitedBy === 'chunked') {
      try {
        ({ trailers } = await this.readChunkedContent(onBytes));
      } catch (error) {
        if (!(error instanceof ConnectionEnded)) throw error;
        complete = false;
      }
    }
    return { content: Buffer.concat(parts), contentLength, delimitedBy, complete, trailers };
  }

  /** Closes both directions at once. */
  close(): void {
    this.destroy();
  }
}

/** RFC 9112 section 6.3, for a client. */
function framing(head: ResponseHead, method: string): RawResponse['delimitedBy'] {
  if (method === 'HEAD' || head.status < 200 || head.status === 204 || head.status === 304) return 'nothing';
  if (method === 'CONNECT' && head.status < 300) return 'nothing';
  if (head.isChunked) {
    if (head.has('content-length')) throw new Error('Both Content-Length and Transfer-Encoding');
    return 'chunked';
  }
  return head.contentLength === undefined ? 'close' : 'length';
}

/** Connects. Resolves when the connection (with TLS, the secure one) is open. */
export async function openClient(port: number, options: ClientOptions = {}): Promise<RawClient> {
  const { tls, host = '127.0.0.1', paused = false } = options;
  const tcp = connect({ port, host, allowHalfOpen: true, noDelay: true });
  const client = tls === undefined ? new RawClient(tcp) : secureClient(tcp, tls);
  if (paused) client.pause();
  await new Promise<void>((resolve, reject) => {
    client.socket.once('error', reject);
    client.socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
      client.socket.off('error', reject);
      resolve();
    });
  });
  return client;
}

function secureClient(tcp: Socket, tls: NonNullable<ClientOptions['tls']>): RawClient {
  const tap = new TlsTap(tcp);
  const socket = tlsConnect({
    socket: tap,
    ca: tls.ca,
    servername: tls.servername ?? 'localhost',
    maxVersion: 'TLSv1.2',
    ...(tls.alpn && { ALPNProtocols: [...tls.alpn] }),
  });
  return new RawClient(socket, tap);
}
