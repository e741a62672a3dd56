import { type BufferPool, CONTENT_BLOCK_SIZES, HEAD_BLOCK_SIZE } from './buffer-pool.js';

/** A TLS record carries at most 16 KiB; less room than that would cut records into pieces. */
const MIN_ROOM = 16 * 1024;

/** A chunk that the sink kept longer than this marks a slow client: large blocks would only lie there. */
const SLOW_MS = 100;

/**
 * How much must flow without a stop before each next size of `CONTENT_BLOCK_SIZES` is tried: the kernel's buffers
 * take the first megabytes of the slowest client at once.
 */
const GROWS_AFTER_BYTES = [4 * 1024 * 1024, 16 * 1024 * 1024];

/**
 * What TLS has decrypted lies in the processor's cache; by the time a block of 1 MiB is full, its beginning has left
 * it. Downloads of 1 GB from an HTTPS origin server, median of 12: 1.45 CPU seconds with 256 KiB, 1.55 with 1 MiB.
 */
const MAX_TLS_LEVEL = 1;

/** A piece of pooled memory. */
export class Block {
  readonly bytes: Buffer;
  /** Unread bytes are [start, end). */
  start = 0;
  end = 0;
  /** A sink holds bytes of it. */
  isLent = false;
  /** Goes back to the pool as soon as it is not lent any more. */
  isLeft = false;
  lentSince = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

/**
 * The memory that one connection reads into: it says where the next read goes, keeps unread bytes in order, and
 * adapts the size of its blocks to how fast the other side takes them. An idle connection holds one small block.
 *
 * A socket made with `onread` fetches the place of its *next* read right after each read callback, and nothing
 * moves it later. So the block under the kernel's hand changes only in `space`, which is called then.
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
   * Content bytes of this message that have not come from the kernel yet (Infinity where unknown); 0 while heads
   * are read, and from when the message is complete.
   */
  expected = 0;
  /** Whether unread bytes are content, not an unfinished head that needs the bytes behind it in one piece. */
  isContent = false;

  /**
   * `readsWhilePaused` is true for TLS: it delivers records that it has decrypted even after reading was
   * paused, so lent bytes must be out of their way.
   */
  constructor(pool: BufferPool, readsWhilePaused: boolean) {
    this.#pool = pool;
    this.#readsWhilePaused = readsWhilePaused;
    this.#maxLevel = readsWhilePaused ? MAX_TLS_LEVEL : CONTENT_BLOCK_SIZES.length - 1;
    this.#current = new Block(pool.acquire(HEAD_BLOCK_SIZE));
  }

  /** Where the next read goes; never empty. To be called once before the first read and right after each. */
  space(): Buffer {
    const current = this.#current;
    if (current.start === current.end) {
      // Over TCP nothing is read while content is lent and more is to come, so it may come to the same place.
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

  /** Notes `n` bytes read into the last `space`. */
  filled(n: number): void {
    this.#current.end += n;
  }

  /** The block with the oldest unread bytes: [start, end) of `bytes`. */
  get front(): Block {
    return this.#behind[0] ?? this.#current;
  }

  /** Unread bytes in all. */
  get unread(): number {
    let sum = this.#current.end - this.#current.start;
    for (const block of this.#behind) sum += block.end - block.start;
    return sum;
  }

  get nearlyFull(): boolean {
    return this.#current.bytes.length - this.#current.end < MIN_ROOM;
  }

  /** Takes the front's bytes up to `position` as read. */
  take(position: number): void {
    const front = this.front;
    front.start = position;
    if (front !== this.#current && front.start === front.end) {
      this.#behind.shift();
      this.#leave(front);
    }
  }

  /** Lends the front block, of which `bytes` are content. To be called before `take` reads over it. */
  lend(bytes: number): Block {
    const front = this.front;
    front.isLent = true;
    front.lentSince = performance.now();
    this.#flowed += bytes;
    const isFilled = bytes >= front.bytes.length / 2;
    const next = this.#level + 1;
    if (isFilled && next <= this.#maxLevel && this.#flowed >= (GROWS_AFTER_BYTES[this.#level] ?? 0))
      this.#level = next;
    return front;
  }

  /** The block is free again. */
  returned(block: Block): void {
    block.isLent = false;
    if (performance.now() - block.lentSince > SLOW_MS) {
      this.#level = 0;
      this.#flowed = 0;
    }
    if (block.isLeft) this.#pool.release(block.bytes);
  }

  /** Gives all blocks back, once the socket is closed. A lent block follows when it is returned. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const block of this.#behind.splice(0)) this.#leave(block);
    this.#leave(this.#current);
  }

  /** Nothing unread: the next read starts at the beginning of the block that suits what is expected. */
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

  /** A block larger than what is to come would lie there half empty, and so would one beyond the budget. */
  #wantedSize(): number {
    if (this.expected <= HEAD_BLOCK_SIZE) return HEAD_BLOCK_SIZE;
    let level = this.#level;
    while (level > 0 && blockSize(level - 1) >= this.expected) level -= 1;
    const size = blockSize(level);
    return size === this.#current.bytes.length ? size : this.#pool.affordable(size);
  }

  /** A head larger than its block moves to a larger one, so that it can be parsed in one piece. */
  #enlarge(): Buffer {
    const from = this.#current;
    const size = from.bytes.length * 4;
    const isPooled = CONTENT_BLOCK_SIZES.includes(size);
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
