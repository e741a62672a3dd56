import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2';
import { openStreams } from './http2-sessions.js';
import type { ContentWriter } from './response-sink.js';

/**
 * What is written at a time. Node refuses new streams of a connection that holds more than 10 MB, so that all streams
 * of one share 2 MiB; with 64 KiB even the last of `MAX_CONCURRENT_STREAMS` stalled ones stays below. A large piece is
 * cheaper: 0.13 CPU seconds per GB between 64 KiB and 1 MiB.
 */
const MIN_PIECE_BYTES = 64 * 1024;
const PIECES_BYTES = 2 * 1024 * 1024;

/** Writes content to a stream, and knows how much of it the connection has not taken. */
export class Http2ContentWriter implements ContentWriter {
  readonly #response: Http2ServerResponse;
  readonly #stream: ServerHttp2Stream;
  readonly #onEnd: () => void;
  #outstanding = 0;
  /** Bytes that the connection had taken when the oldest outstanding ones were written. */
  #takenBefore = 0;

  constructor(response: Http2ServerResponse, stream: ServerHttp2Stream, onEnd: () => void) {
    this.#response = response;
    this.#stream = stream;
    this.#onEnd = onEnd;
  }

  write(bytes: Uint8Array, done?: () => void): boolean {
    if (this.#outstanding === 0) this.#takenBefore = this.#taken;
    this.#outstanding += bytes.length;
    return this.#writeFrom(bytes, 0, done);
  }

  #writeFrom(bytes: Uint8Array, start: number, done: (() => void) | undefined): boolean {
    const size = Math.max(MIN_PIECE_BYTES, PIECES_BYTES / openStreams(this.#stream));
    const piece = bytes.subarray(start, start + size);
    const next = start + piece.length;
    // Where nothing calls back, the chunk has to go at once.
    if (done === undefined) return this.#response.write(bytes);
    return this.#response.write(piece, () => {
      this.#outstanding -= piece.length;
      this.#takenBefore = this.#taken;
      if (next < bytes.length && !this.#stream.destroyed) this.#writeFrom(bytes, next, done);
      else done();
    });
  }

  end(): void {
    this.#response.end();
    this.#onEnd();
  }

  on(event: string, listener: () => void): void {
    this.#response.on(event, listener);
  }

  /**
   * A client may take a large chunk in many small steps. Nothing tells of them but the connection's count, so what
   * other streams of it send counts too: a client that takes any of them is there.
   */
  get queuedBytes(): number {
    if (this.#outstanding === 0) return 0;
    return Math.max(0, this.#outstanding - (this.#taken - this.#takenBefore));
  }

  get #taken(): number {
    return this.#stream.session?.socket.bytesWritten ?? 0;
  }
}
