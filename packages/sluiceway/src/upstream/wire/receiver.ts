import type { Socket } from 'node:net';
import { stopReading } from '../../net/reading.js';
import { atTurnEnd, type TurnTask } from '../../net/turn-end.js';
import type { BufferPool } from '../../stream/buffer-pool.js';
import { ReadBuffer } from '../../stream/read-buffer.js';

/** Unread bytes at which a connection that reads ahead is told to stop. */
const READ_AHEAD_BYTES = 32 * 1024;

/** Whoever makes sense of the bytes that a `Receiver` reads. */
export interface ReceiverOwner {
  /** Takes some of the unread bytes; false when it cannot go on for now. What it throws reaches `onBroken`. */
  advance(): boolean;
  onBroken(error: Error): void;
  /** Whether bytes are of no use at the moment, because the sink has not taken those before. */
  readonly isWaiting: boolean;
  /** Content bytes of the message under way that have not been read; 0 where its end has been, or for a head. */
  readonly expected: number;
  /** Whether the message under way has come to its content. */
  readonly isContent: boolean;
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
  /** What the owner expected after the last read. */
  #expected = 0;

  /**
   * `tls` sockets are read record by record: what arrives in one turn of the event loop is handled together,
   * which makes them three times cheaper.
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

  /** Goes as far as the bytes read and the owner allow, then reads on if there is use for it. */
  run(): void {
    // A chunk came back before its sink has returned: the call that lent it goes on, and knows what follows.
    if (this.#stepping) return;
    this.#step();
    if (!this.#stopped || this.#mustStop(this.#owner.expected)) return;
    this.#stopped = false;
    if (!this.#owner.isClosed) this.#readOn();
  }

  /** Reads nothing more until `run` finds use for it. */
  hold(): void {
    this.#stopped = true;
    if (this.#socket !== null) stopReading(this.#socket);
  }

  /** For a socket with `onread`, `read` starts the reading; `resume` would also go through events of its empty stream. */
  #readOn(): void {
    const socket = this.#socket;
    // One without `onread` (TLS inside a tunnel) was paused.
    if (socket?.isPaused() === true) socket.resume();
    else socket?.read(0);
  }

  #space(): Buffer {
    this.buffer.expected = this.#expected;
    this.buffer.isContent = this.#owner.isContent;
    return this.buffer.space();
  }

  /** Runs once for each 16 KiB over TLS: what the owner has to reckon is asked for once. */
  #onRead(length: number): boolean {
    const owner = this.#owner;
    this.buffer.filled(length);
    if (owner.isClosed) return false;
    if (this.#isBetween(length)) {
      this.#expected -= length;
      return true;
    }
    this.#expected = owner.expected;
    // Content over TLS comes record by record; it waits for its neighbours until this turn of the loop ends.
    if (this.#coalesces && owner.isContent && this.#expected > 0 && !this.buffer.nearlyFull) {
      this.#flushLater();
    } else {
      this.#step();
      this.#expected = owner.expected;
    }
    this.#stopped = this.#mustStop(this.#expected);
    return !this.#stopped;
  }

  /** One more record of sized content, with others before it that wait for the end of this turn, and more behind it. */
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

  /** Passes on what this turn of the event loop has brought. */
  endTurn(): void {
    this.#flushing = false;
    this.run();
  }

  /**
   * Where nothing more is expected, reading goes on: it would find the origin server's end. But that is a guess
   * where content is chunked, which an origin server could make come true for ever.
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
