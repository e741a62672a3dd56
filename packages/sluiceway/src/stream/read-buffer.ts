import {
  BLOCK_SIZES,
  type BufferPool,
  LARGEST_BLOCK as LARGEST,
  SMALLEST_BLOCK as SMALLEST,
} from './buffer-pool.js';

/**
 * What every connection owns for as long as it lives: heads are read here, small responses are complete here,
 * and here the kernel's read points while the connection idles, so that an idle connection holds no block.
 */
const HOME_BYTES = 8 * 1024;

/** A TLS record carries at most 16 KiB; less room than that would cut records into pieces. */
const MIN_ROOM = 16 * 1024;

/** A chunk that the sink kept longer than this marks a slow client: large blocks would only lie there. */
const SLOW_MS = 100;

/** So many times its size must flow through a block before a larger one is tried: kernel buffers swallow the first megabytes. */
const GROWTH_FACTOR = 16;

class Block {
  readonly bytes: Buffer;
  /** Unread bytes are [start, end). */
  start = 0;
  end = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

/**
 * The memory that one connection reads into: it says where the next read goes, keeps unread bytes in order,
 * and adapts the size of its blocks to how fast the other side takes them.
 *
 * A socket made with `onread` fetches the place of its *next* read right after each read callback, and nothing
 * moves it later. So the block under the kernel's hand changes only in `space`, which is called then.
 */
export class ReadBuffer {
  readonly #pool: BufferPool;
  readonly #readsWhilePaused: boolean;
  readonly #home = new Block(Buffer.allocUnsafeSlow(HOME_BYTES));
  #current: Block = this.#home;
  /** Blocks before the current one that still hold unread bytes, oldest first. */
  readonly #behind: Block[] = [];
  #lent: Block | null = null;
  #lentSince = 0;
  #size = SMALLEST;
  #flowed = 0;
  /** Content bytes that are still to come (Infinity where unknown); 0 while heads are read. */
  expected = 0;

  /**
   * `readsWhilePaused` is true for TLS: it delivers records that it has decrypted even after reading was
   * paused, so lent bytes must be out of their way.
   */
  constructor(pool: BufferPool, readsWhilePaused: boolean) {
    this.#pool = pool;
    this.#readsWhilePaused = readsWhilePaused;
  }

  /** Where the next read goes; never empty. To be called once before the first read and right after each. */
  space(): Buffer {
    const current = this.#current;
    const untouchable = current === this.#lent && this.#readsWhilePaused;
    if (current.start === current.end && !untouchable) return this.#startOver();
    const room = current.bytes.length - current.end;
    if (room >= MIN_ROOM || (current === this.#home && room > 0 && !untouchable)) {
      return current.bytes.subarray(current.end);
    }
    if (current.start === current.end) this.#leave(current);
    else if (this.#lent === null && this.#behind.length === 0 && this.expected === 0) return this.#moveHead();
    else this.#behind.push(current);
    this.#current = new Block(this.#pool.acquire(this.#size));
    return this.#current.bytes;
  }

  /** Notes `n` bytes read into the last `space`. */
  filled(n: number): void {
    this.#current.end += n;
  }

  /** The block with the oldest unread bytes: [start, end) of `bytes`. */
  get front(): Readonly<Block> {
    return this.#front();
  }

  /** Unread bytes in all. */
  get unread(): number {
    let sum = this.#current.end - this.#current.start;
    for (const block of this.#behind) sum += block.end - block.start;
    return sum;
  }

  get nearlyFull(): boolean {
    return this.#current.bytes.length - this.#current.end < 2 * MIN_ROOM;
  }

  get isLent(): boolean {
    return this.#lent !== null;
  }

  /** True while the memory that the connection keeps is lent: then the next response cannot be read. */
  get homeIsLent(): boolean {
    return this.#lent === this.#home;
  }

  /** Takes the front's bytes up to `position` as read. */
  take(position: number): void {
    const front = this.#front();
    front.start = position;
    if (front !== this.#current && front.start === front.end) {
      this.#behind.shift();
      this.#leave(front);
    }
  }

  /** Lends the front block; to be called before `take` reads over it. `bytes` is how many of it are lent. */
  lend(bytes: number): void {
    const front = this.#front();
    this.#lent = front;
    this.#lentSince = performance.now();
    this.#flowed += bytes;
    const filled = bytes >= front.bytes.length / 2;
    if (filled && this.#flowed >= this.#size * GROWTH_FACTOR && this.#size < LARGEST) this.#size *= 4;
  }

  /** The lent block is free again. */
  returned(): void {
    const block = this.#lent;
    if (block === null) return;
    this.#lent = null;
    if (performance.now() - this.#lentSince > SLOW_MS) {
      this.#size = SMALLEST;
      this.#flowed = 0;
    }
    if (block !== this.#current && !this.#behind.includes(block)) this.#leave(block);
  }

  /** Gives all blocks back, once the socket is closed. A lent block follows when it is returned. */
  dispose(): void {
    for (const block of this.#behind.splice(0)) this.#leave(block);
    const current = this.#current;
    this.#current = this.#home;
    this.#leave(current);
  }

  #front(): Block {
    return this.#behind[0] ?? this.#current;
  }

  /** Nothing unread: the next read starts at the beginning of the block that suits what is expected. */
  #startOver(): Buffer {
    const current = this.#current;
    const next = this.#choose(current);
    if (next !== current) {
      this.#current = next;
      this.#leave(current);
    }
    next.start = 0;
    next.end = 0;
    return next.bytes;
  }

  #choose(current: Block): Block {
    if (this.expected === 0) return this.#home;
    let size = this.#size;
    // A block larger than what is to come would lie there half empty.
    while (size > SMALLEST && size / 4 >= this.expected) size /= 4;
    if (current !== this.#home && current.bytes.length === size) return current;
    const block = new Block(this.#pool.acquire(size));
    if (current !== this.#home && current.bytes.length === block.bytes.length) {
      // The budget gave no larger block: stay.
      this.#pool.release(block.bytes);
      return current;
    }
    return block;
  }

  /** A head larger than its block moves, once, to the smallest pooled one: heads are limited to that size. */
  #moveHead(): Buffer {
    const from = this.#current;
    const to = new Block(Buffer.allocUnsafeSlow(Math.max(SMALLEST * 2, from.bytes.length * 2)));
    to.end = from.bytes.copy(to.bytes, 0, from.start, from.end);
    this.#current = to;
    this.#leave(from);
    return to.bytes.subarray(to.end);
  }

  #leave(block: Block): void {
    block.start = block.end;
    if (block === this.#home || block === this.#lent || block === this.#current) return;
    if (BLOCK_SIZES.includes(block.bytes.length)) this.#pool.release(block.bytes);
  }
}
