import type { Socket } from 'node:net';
import { SluicewayError } from '../../errors.js';
import type { ChunkSink } from '../../stream/chunk-source.js';
import type { Splice, SpliceOffer } from '../../stream/splice.js';
import { spliceToSocket, toWriteError } from '../../zero-copy/splice-to-socket.js';
import { checkRequestLine, requestContentLength } from '../request-rules.js';
import type { RequestContent, TransportRequest } from '../transport.js';
import type { ExchangeConnection } from './exchange-connection.js';

/** Formats the request head. Write it as latin1. */
export function formatRequestHead(request: TransportRequest): string {
  checkRequestLine(request);
  const { method, path, content } = request;
  let head = `${method} ${path} HTTP/1.1\r\n`;
  const raw = request.headers.raw;
  for (let i = 0; i < raw.length; i += 2) head += `${raw[i]}: ${raw[i + 1]}\r\n`;
  if (request.upgrade !== null) head += `Connection: Upgrade\r\nUpgrade: ${request.upgrade}\r\n`;
  else if (request.headers.has('te')) head += 'Connection: TE\r\n';
  const length = requestContentLength(request);
  if (length !== null) head += `Content-Length: ${length}\r\n`;
  else if (content !== null) head += 'Transfer-Encoding: chunked\r\n';
  if (content !== null && request.expectContinue) head += 'Expect: 100-continue\r\n';
  return `${head}\r\n`;
}

type WrittenConnection = Pick<ExchangeConnection, 'socket' | 'cork'>;

/** Writes request content to the connection, sized or chunked (RFC 9112 section 6). */
export class RequestContentWriter implements ChunkSink {
  readonly #connection: WrittenConnection;
  readonly #socket: Socket;
  readonly #content: RequestContent;
  readonly #onEnd: () => void;
  readonly #onFail: (error: Error) => void;
  #written = 0;

  constructor(
    connection: WrittenConnection,
    content: RequestContent,
    onEnd: () => void,
    onFail: (error: Error) => void,
  ) {
    this.#connection = connection;
    this.#socket = connection.socket;
    this.#content = content;
    this.#onEnd = onEnd;
    this.#onFail = onFail;
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    this.#written += bytes.length;
    const { length } = this.#content;
    if (length !== null && this.#written > length) {
      done();
      this.#fail(`Request content is longer than the declared ${length} bytes`);
      return;
    }
    // The server's parser cuts content into small pieces.
    this.#connection.cork();
    if (length !== null) {
      this.#socket.write(bytes, done);
      return;
    }
    if (bytes.length === 0) {
      done();
      return;
    }
    this.#socket.write(`${bytes.length.toString(16)}\r\n`, 'latin1');
    this.#socket.write(bytes);
    this.#socket.write('\r\n', 'latin1', done);
  }

  splice(offer: SpliceOffer): Splice | null {
    const socket = this.#socket;
    const { length } = this.#content;
    if (length === null || this.#written + offer.length > length) return null;
    const counted: SpliceOffer = {
      source: offer.source,
      length: offer.length,
      flow: offer.flow,
      onMoved: (bytes) => {
        this.#written += bytes;
        offer.onMoved(bytes);
      },
      onWait: (what) => offer.onWait(what),
      onStopped: () => offer.onStopped(),
    };
    // After a write error, the response of a server that refuses the content can still be read.
    const onBroken = (): void => void socket.emit('error', toWriteError());
    return spliceToSocket(counted, socket, onBroken);
  }

  end(): void {
    const { length, source } = this.#content;
    if (length === null) {
      let last = '0\r\n';
      for (const [name, value] of source.trailers ?? []) last += `${name}: ${value}\r\n`;
      this.#socket.write(`${last}\r\n`, 'latin1', this.#onLastWrite);
    } else if (this.#written < length) {
      this.#fail(`Request content ended after ${this.#written} of ${length} bytes`);
    } else {
      // The callback of an empty write comes after all earlier writes.
      this.#socket.write('', this.#onLastWrite);
    }
  }

  fail(error: Error): void {
    this.#onFail(error);
  }

  /** Ignores errors: the socket's `error` event reports them. */
  readonly #onLastWrite = (error?: Error | null): void => {
    if (!error) this.#onEnd();
  };

  #fail(message: string): void {
    this.#content.source.cancel();
    this.#onFail(new SluicewayError('http_request_error', message));
  }
}
