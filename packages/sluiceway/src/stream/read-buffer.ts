import { type BufferPool, CONTENT_BLOCK_SIZES, HEAD_BLOCK_SIZE, PARKED_BLOCK_SIZE } from './buffer-pool.js';

/** A TLS record carries at most 16 KiB. With less room, records would be split. */
const MIN_ROOM = 16 * 1024;

/**
 * A sink that keeps a chunk longer than this is slow, or a limit holds it back. A block that is larger than what it takes in
 * this time would only occupy memory.
 */
const SLOW_MS = 100;

/**
 * How many bytes must flow without a stop before the next size of `CONTENT_BLOCK_SIZES` is used: the kernel's buffers
 * take the first megabytes at once even for the slowest client.
 */
const GROWS_AFTER_BYTES = [4 * 1024 * 1024, 16 * 1024 * 1024];

/**
 * The largest level over TLS. Decrypted bytes are in the processor's cache, and by the time a larger block is full, its
 * beginning has left the cache. Blocks of 256 KiB therefore take less CPU time than blocks of 1 MiB.
 */
const MAX_TLS_LEVEL = 1;

/** A piece of pooled memory. */
export class Block {
  readonly bytes: Buffer;
  /** Unread bytes are [start, end). */
  start = 0;
  end = 0;
  /** A sink holds bytes of the block. */
  isLent = false;
  /** The block goes back to the pool as soon as it is no longer lent. */
  isLeft = false;
  lentSince = 0;
  lentBytes = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

/**
 * The memory that one connection reads into. Provides the space for the next read, keeps unread bytes in order, and
 * adapts the size of its blocks to how fast the other side takes them. An idle connection holds one small block.
 *
 * A socket with `onread` gets the buffer for its *next* read right after each read callback, and it cannot be changed
 * later. So the block that the kernel writes to changes only in `space`, which is called then.
 */
export class ReadBuffer {
  readonly #pool: BufferPool;
  readonly #readsWhilePaused: boolean;
  readonly #maxLevel: number;
  #current: Block;
  /** Blocks before the current one that still hold unread bytes, oldest first. */
  readonly #behind: Block[] = [];
  /** Index of the size in use among `CONTENT_BLOCK_SIZES`. */
  #level = 0;
  #flowed = 0;
  #disposed = false;
  /**
   * Content bytes of this message that are not read from the kernel yet (Infinity if unknown). 0 while heads are read, and
   * once the message is complete.
   */
  expected = 0;
  /** Whether unread bytes are content, and not an incomplete head that must stay contiguous with the next bytes. */
  isContent = false;
  /** Whether the kernel will probably move the content that is not read yet, so that the next read needs little space. */
  isParked = false;

  /**
   * `readsWhilePaused` is true for TLS: it delivers decrypted records even after reading was paused, so they must not
   * overwrite lent bytes.
   */
  constructor(pool: BufferPool, readsWhilePaused: boolean) {
    this.#pool = pool;
    this.#readsWhilePaused = readsWhilePaused;
    this.#maxLevel = readsWhilePaused ? MAX_TLS_LEVEL : CONTENT_BLOCK_SIZES.length - 1;
    this.#current = new Block(pool.acquire(HEAD_BLOCK_SIZE));
  }

  /** The space for the next read; never empty. Call it once before the first read and right after each read. */
  space(): Buffer {
    const current = this.#current;
    if (current.start === current.end) {
      // Over TCP, nothing is read while content is lent and more is expected, so the space can be reused.
      if (!current.isLent || (this.expected > 0 && !this.#readsWhilePaused)) return this.#startOver();
    }
    const room = current.bytes.length - current.end;
    if (this.isContent) {
      if (this.#readsWhilePaused && this.expected > 0 && room >= MIN_ROOM)
        return current.bytes.subarray(current.end);
    } else if (current.start < current.end) {
      return room > 0 ? current.bytes.subarray(current.end) : this.#enlarge();
    }
    if (current.start < current.end) this.#behind.push(current);
    else this.#leave(current);
    this.#current = this.#acquire();
    return this.#current.bytes;
  }

  /** Records `n` bytes read into the last `space`. */
  filled(n: number): void {
    this.#current.end += n;
  }

  /** The block with the oldest unread bytes: [start, end) of `bytes`. */
  get front(): Block {
    return this.#behind[0] ?? this.#current;
  }

  /** The total number of unread bytes. */
  get unread(): number {
    let sum = this.#current.end - this.#current.start;
    for (const block of this.#behind) sum += block.end - block.start;
    return sum;
  }

  get nearlyFull(): boolean {
    return this.#current.bytes.length - this.#current.end < MIN_ROOM;
  }

  /** Marks the front's bytes up to `position` as read. */
  take(position: number): void {
    const front = this.front;
    front.start = position;
    if (front !== this.#current && front.start === front.end) {
      this.#behind.shift();
      this.#leave(front);
    }
  }

  /** Lends the front block with `bytes` content bytes. Call it before `take`. */
  lend(bytes: number): Block {
    const front = this.front;
    front.isLent = true;
    front.lentSince = performance.now();
    front.lentBytes = bytes;
    this.#flowed += bytes;
    const isFilled = bytes >= front.bytes.length / 2;
    const next = this.#level + 1;
    if (isFilled && next <= this.#maxLevel && this.#flowed >= (GROWS_AFTER_BYTES[this.#level] ?? 0))
      this.#level = next;
    return front;
  }

  /** Call this when the sink returns the block. */
  returned(block: Block): void {
    block.isLent = false;
    const ms = performance.now() - block.lentSince;
    if (ms > SLOW_MS) {
      const taken = (block.lentBytes * SLOW_MS) / ms;
      while (this.#level > 0 && blockSize(this.#level) > taken) this.#level -= 1;
      this.#flowed = 0;
    }
    if (block.isLeft) this.#pool.release(block.bytes);
  }

  /** Returns all blocks to the pool. Call it once the socket is closed. A lent block follows when the sink returns it. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const block of this.#behind.splice(0)) this.#leave(block);
    this.#leave(this.#current);
  }

  /** With no unread bytes, the next read starts at the beginning of a block that suits the expected bytes. */
  #startOver(): Buffer {
    const current = this.#current;
    const size = this.#wantedSize();
    if (size !== current.bytes.length) {
      this.#current = this.#acquire();
      this.#leave(current);
    }
    this.#current.start = 0;
    this.#current.end = 0;
    return this.#current.bytes;
  }

  #acquire(): Block {
    return new Block(this.#pool.acquire(this.#wantedSize()));
  }

  /** The block size for the expected bytes: not larger than needed, and within the budget. */
  #wantedSize(): number {
    if (this.expected <= HEAD_BLOCK_SIZE) return HEAD_BLOCK_SIZE;
    if (this.isParked) return PARKED_BLOCK_SIZE;
    let level = this.#level;
    while (level > 0 && blockSize(level - 1) >= this.expected) level -= 1;
    const size = blockSize(level);
    return size === this.#current.bytes.length ? size : this.#pool.affordable(size);
  }

  /** Moves a head that is larger than its block to a larger one, so that it can be parsed in one piece. */
  #enlarge(): Buffer {
    const from = this.#current;
    const size = Math.max(from.bytes.length * 4, HEAD_BLOCK_SIZE);
    const isPooled = size === HEAD_BLOCK_SIZE || CONTENT_BLOCK_SIZES.includes(size);
    const to = new Block(isPooled ? this.#pool.acquire(size) : Buffer.allocUnsafeSlow(size));
    to.end = from.bytes.copy(to.bytes, 0, from.start, from.end);
    this.#current = to;
    this.#leave(from);
    return to.bytes.subarray(to.end);
  }

  #leave(block: Block): void {
    block.start = block.end;
    block.isLeft = true;
    if (!block.isLent) this.#pool.release(block.bytes);
  }
}

const blockSize = (level: number): number => CONTENT_BLOCK_SIZES[level] ?? HEAD_BLOCK_SIZE;
