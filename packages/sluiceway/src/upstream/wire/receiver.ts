import type { Socket } from 'node:net';
import { stopReading } from '../../net/reading.js';
import { atTurnEnd, type TurnTask } from '../../net/turn-end.js';
import type { BufferPool } from '../../stream/buffer-pool.js';
import { ReadBuffer } from '../../stream/read-buffer.js';

/** Number of unread bytes at which a connection that reads ahead stops. */
const READ_AHEAD_BYTES = 32 * 1024;

/** Parses the bytes that a `Receiver` reads. */
export interface ReceiverOwner {
  /** Takes some of the unread bytes. Returns false if it cannot continue for now. Its errors are passed to `onBroken`. */
  advance(): boolean;
  onBroken(error: Error): void;
  /** Whether the sink has not taken earlier bytes, so that new ones have to wait. */
  readonly isWaiting: boolean;
  /** Content bytes of the current message that have not been read; 0 if its end has been read, or for a head. */
  readonly expected: number;
  /** Whether the current message has reached its content. */
  readonly isContent: boolean;
  /** Whether the kernel will probably move the content that is not read yet. */
  readonly isSpliceNext: boolean;
  readonly isClosed: boolean;
}

/** Reads a socket into pooled memory, as fast as its owner takes the bytes. */
export class Receiver implements TurnTask {
  readonly buffer: ReadBuffer;
  readonly #owner: ReceiverOwner;
  readonly #coalesces: boolean;
  #socket: Socket | null = null;
  #stepping = false;
  #stopped = false;
  #flushing = false;
  /** The owner's `expected` after the last read. */
  #expected = 0;

  /**
   * `tls`: the socket is read record by record. The records of one turn of the event loop are handled together, which
   * takes a third of the CPU time.
   */
  constructor(owner: ReceiverOwner, buffers: BufferPool, tls: boolean) {
    this.#owner = owner;
    this.#coalesces = tls;
    this.buffer = new ReadBuffer(buffers, tls);
  }

  /** For the `onread` option of the socket. */
  readonly onread = {
    buffer: (): Uint8Array => this.#space(),
    callback: (length: number): boolean => this.#onRead(length),
  };

  attach(socket: Socket): void {
    this.#socket = socket;
  }

  /** Passes unread bytes to the owner until it stops, then resumes reading if more bytes can be used. */
  run(): void {
    // A chunk was returned before its sink has returned: the outer call continues.
    if (this.#stepping) return;
    this.#step();
    if (!this.#stopped || this.#mustStop(this.#owner.expected)) return;
    this.#stopped = false;
    if (!this.#owner.isClosed) this.#readOn();
  }

  /** Stops reading until `run` resumes it. */
  hold(): void {
    this.#stopped = true;
    if (this.#socket !== null) stopReading(this.#socket);
  }

  /** Resumes reading. With `onread`, `read` is enough; `resume` would also emit events of the empty stream. */
  #readOn(): void {
    const socket = this.#socket;
    // A socket without `onread` (TLS inside a tunnel) was paused.
    if (socket?.isPaused() === true) socket.resume();
    else socket?.read(0);
  }

  #space(): Buffer {
    this.buffer.expected = this.#expected;
    this.buffer.isContent = this.#owner.isContent;
    this.buffer.isParked = !this.#coalesces && this.#owner.isSpliceNext;
    return this.buffer.space();
  }

  /** Runs for each 16 KiB over TLS, so it reads properties that the owner has to compute only once. */
  #onRead(length: number): boolean {
    const owner = this.#owner;
    this.buffer.filled(length);
    if (owner.isClosed) return false;
    if (this.#isBetween(length)) {
      this.#expected -= length;
      return true;
    }
    this.#expected = owner.expected;
    // Content over TLS arrives record by record. Collect the records until this turn of the event loop ends.
    if (this.#coalesces && owner.isContent && this.#expected > 0 && !this.buffer.nearlyFull) {
      this.#flushLater();
    } else {
      this.#step();
      this.#expected = owner.expected;
    }
    this.#stopped = this.#mustStop(this.#expected);
    return !this.#stopped;
  }

  /** Whether this is another record of sized content, with earlier ones collected in this turn, and more to come. */
  #isBetween(length: number): boolean {
    if (!this.#flushing || length >= this.#expected || this.#expected === Number.POSITIVE_INFINITY)
      return false;
    return this.#owner.isContent && !this.#owner.isWaiting && !this.buffer.nearlyFull;
  }

  #flushLater(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    atTurnEnd(this);
  }

  /** Passes on what was read in this turn of the event loop. */
  endTurn(): void {
    this.#flushing = false;
    this.run();
  }

  /**
   * If no more content is expected, reading continues, so that it finds the end of the connection. For chunked content,
   * that is a guess that an origin server could exploit forever, so unread bytes are limited as well.
   */
  #mustStop(expected: number): boolean {
    if (!this.#owner.isContent || !this.#owner.isWaiting) return false;
    return (expected > 0 && !this.#coalesces) || this.buffer.unread >= READ_AHEAD_BYTES;
  }

  #step(): void {
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      while (this.#owner.advance());
    } catch (error) {
      this.#owner.onBroken(error as Error);
    } finally {
      this.#stepping = false;
    }
  }
}
