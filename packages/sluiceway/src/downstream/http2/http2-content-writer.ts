import type { Http2ServerResponse, ServerHttp2Stream } from 'node:http2';
import { type Http2Loans, http2Loans } from '../../http2/loans.js';
import { queuedBytes } from '../../net/write-queue.js';
import type { ContentWriter } from '../response-sink.js';
import { type SessionQueue, sessionQueue } from './http2-sessions.js';

/**
 * The sizes of pieces. Node refuses new streams of a connection that holds more than 10 MB. So a stream takes at most a
 * quarter of what the others have left of `SHARED_BYTES`, and even the last of `MAX_CONCURRENT_STREAMS` stalled streams
 * gets its smallest piece. Large pieces take less CPU time.
 */
const SHARED_BYTES = 4 * 1024 * 1024;
const MIN_PIECE_BYTES = 32 * 1024;

/** A chunk that is not fully written. */
interface Chunk {
  bytes: Uint8Array;
  at: number;
  /** The position of `Http2Loans` before the first piece. */
  since: number;
  done: () => void;
}

/** Writes content to a stream piece by piece, and knows how much of it the connection has not taken. */
export class Http2ContentWriter implements ContentWriter {
  readonly #response: Http2ServerResponse;
  readonly #stream: ServerHttp2Stream;
  readonly #onEnd: () => void;
  /** The bytes that Node holds for all streams of the connection. */
  readonly #queue: SessionQueue;
  readonly #loans: Http2Loans;
  readonly #chunks: Chunk[] = [];
  #hasEnded = false;
  /** Bytes of this stream that Node holds. */
  #written = 0;
  /** Bytes of chunks that Node has not taken. */
  #outstanding = 0;
  /** Bytes that the connection had taken when the oldest outstanding ones were written. */
  #takenBefore = 0;

  constructor(response: Http2ServerResponse, stream: ServerHttp2Stream, onEnd: () => void) {
    this.#response = response;
    this.#stream = stream;
    this.#onEnd = onEnd;
    this.#queue = sessionQueue(stream);
    this.#loans = http2Loans(stream);
  }

  write(bytes: Uint8Array, done?: () => void): boolean {
    // Without a callback, the chunk must be written at once.
    if (done === undefined) return this.#response.write(bytes);
    if (this.#outstanding === 0) this.#takenBefore = this.#taken;
    this.#outstanding += bytes.length;
    this.#chunks.push({ bytes, at: 0, since: 0, done });
    this.#writePieces();
    return true;
  }

  end(): void {
    this.#hasEnded = true;
    this.#endOnceWritten();
  }

  on(event: string, listener: () => void): void {
    this.#response.on(event, listener);
  }

  /**
   * Bytes that the client has not taken. It may take a large chunk in many small steps. Only the connection's count shows
   * them, so it includes what other streams send: a client that takes any of it is alive.
   */
  get queuedBytes(): number {
    if (this.#outstanding === 0) return 0;
    return Math.max(0, this.#outstanding - (this.#taken - this.#takenBefore));
  }

  get #taken(): number {
    const socket = this.#stream.session?.socket;
    return socket === undefined ? 0 : socket.bytesWritten - (queuedBytes(socket) ?? 0);
  }

  #writePieces(): void {
    for (let [chunk] = this.#chunks; chunk !== undefined; [chunk] = this.#chunks) {
      const room = this.#room();
      if (room <= 0) return;
      this.#writePiece(chunk, room);
    }
  }

  #room(): number {
    const ofOthers = this.#queue.bytes - this.#written;
    return Math.max(MIN_PIECE_BYTES, Math.floor((SHARED_BYTES - ofOthers) / 4)) - this.#written;
  }

  #writePiece(chunk: Chunk, room: number): void {
    if (chunk.at === 0) chunk.since = this.#loans.position;
    const piece = chunk.bytes.subarray(chunk.at, chunk.at + room);
    const { length } = piece;
    chunk.at += length;
    const isLast = chunk.at === chunk.bytes.length;
    if (isLast) this.#chunks.shift();
    this.#written += length;
    this.#queue.bytes += length;
    this.#response.write(piece, () => {
      this.#written -= length;
      this.#queue.bytes -= length;
      this.#outstanding -= length;
      this.#takenBefore = this.#taken;
      if (isLast) this.#return(chunk);
      if (this.#stream.destroyed) this.#giveBack();
      this.#writePieces();
      this.#endOnceWritten();
    });
  }

  /** Returns the chunks that will not be written. */
  #giveBack(): void {
    this.#outstanding = 0;
    for (const chunk of this.#chunks.splice(0)) {
      if (chunk.at === 0) chunk.done();
      else this.#return(chunk);
    }
  }

  #return({ bytes, since, done }: Chunk): void {
    this.#loans.returned(this.#stream, bytes, since, done);
  }

  #endOnceWritten(): void {
    if (!this.#hasEnded || this.#chunks.length > 0) return;
    this.#hasEnded = false;
    this.#response.end();
    this.#onEnd();
  }
}
