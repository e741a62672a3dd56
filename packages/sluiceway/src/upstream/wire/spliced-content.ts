import type { Socket } from 'node:net';
import type { ChunkSink } from '../../stream/chunk-source.js';
import { MIN_SPLICE_BYTES, RETRY_SPLICE_BYTES, type Splice } from '../../stream/splice.js';
import { isZeroCopyPrepared } from '../../zero-copy/zero-copy.js';
import type { ContentReader } from './content-reader.js';
import type { Receiver } from './receiver.js';

/**
 * Content that the kernel moves from the connection's socket to the sink's. A splice begins only when everything read is
 * delivered. When it stops, for any reason, the connection resumes reading, and finds the end of the content, the end of
 * the stream or an error as usual.
 */
export class SplicedContent {
  readonly #receiver: Receiver;
  #splice: Splice | null = null;
  #isRefused = false;
  /** Bytes to deliver in chunks before the rest is offered again. */
  #toCopy = 0;

  constructor(receiver: Receiver) {
    this.#receiver = receiver;
  }

  get isUnderWay(): boolean {
    return this.#splice !== null;
  }

  /** New content begins. */
  reset(): void {
    this.#isRefused = false;
    this.#toCopy = 0;
  }

  /**
   * Whether the content that is not read, `expected` bytes, is moved or will be offered once all bytes before it are
   * delivered.
   */
  isNext(reader: ContentReader, expected: number): boolean {
    if (this.#splice !== null) return true;
    if (!isZeroCopyPrepared() || this.#isRefused || this.#toCopy > 0) return false;
    return reader.skip !== undefined && expected >= MIN_SPLICE_BYTES;
  }

  /** `bytes` bytes of the content are delivered in a chunk. */
  copied(bytes: number): void {
    this.#toCopy -= bytes;
  }

  /** Offers the content that has not been read to the sink. */
  offer(socket: Socket, reader: ContentReader, sink: ChunkSink): void {
    const { expected } = reader;
    if (reader.skip === undefined || this.#isRefused) return;
    if (this.#toCopy > 0 || expected < MIN_SPLICE_BYTES) return;
    const isPlain = !('encrypted' in socket);
    const splice = isPlain
      ? sink.splice?.({
          source: socket,
          length: expected,
          flow: null,
          onMoved: (bytes) => reader.skip?.(bytes),
          onWait: () => {},
          onStopped: () => {
            this.#splice = null;
            this.#toCopy = RETRY_SPLICE_BYTES;
            this.#receiver.run();
          },
        })
      : null;
    this.#splice = splice ?? null;
    if (this.#splice === null) this.#isRefused = true;
    else this.#receiver.hold();
  }

  cancel(): void {
    this.#splice?.cancel();
    this.#splice = null;
  }
}
