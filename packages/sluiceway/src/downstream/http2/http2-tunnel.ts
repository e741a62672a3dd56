import type { ServerHttp2Stream } from 'node:http2';
import { type Http2Loans, http2Loans } from '../../http2/loans.js';
import { resetStream } from '../../http2/stream.js';
import type { ChunkSource } from '../../stream/chunk-source.js';
import { ReadableSource } from '../../stream/readable-source.js';
import type { ClientTunnel } from '../exchange.js';

/** A stream that carries a WebSocket (RFC 8441 section 5). */
export class Http2Tunnel implements ClientTunnel {
  readonly status = 200;
  readonly source: ChunkSource;
  readonly #stream: ServerHttp2Stream;
  readonly #loans: Http2Loans;

  constructor(stream: ServerHttp2Stream) {
    this.#stream = stream;
    this.#loans = http2Loans(stream);
    this.source = new ReadableSource(stream, { destroyOnCancel: false });
  }

  write(bytes: Uint8Array, done: () => void): void {
    const since = this.#loans.position;
    this.#stream.write(bytes, () => {
      this.#loans.returned(this.#stream, bytes, since, done);
    });
  }

  end(onSent: () => void): void {
    this.#stream.end(onSent);
  }

  /** CANCEL corresponds to the reset of a TCP connection. */
  destroy(): void {
    const { writableEnded, readableEnded } = this.#stream;
    if (!writableEnded || !readableEnded) resetStream(this.#stream, 'cancel');
  }

  onClose(listener: () => void): void {
    this.#stream.once('close', listener);
  }
}
