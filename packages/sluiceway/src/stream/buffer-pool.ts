/** Sizes of the blocks that connections read content into, smallest first. Each is four times the one before. */
export const BLOCK_SIZES: readonly number[] = [64 * 1024, 256 * 1024, 1024 * 1024];

export const SMALLEST_BLOCK: number = Math.min(...BLOCK_SIZES);
export const LARGEST_BLOCK: number = Math.max(...BLOCK_SIZES);

export interface BufferPoolOptions {
  /**
   * Bytes that all blocks above the smallest size may take together, in use or kept. Default 64 MiB. When they
   * are used up, transfers read into the smallest blocks: slower per byte, but a thousand fast transfers that
   * stall at once do not hold a gigabyte.
   */
  largeBytes?: number;
  /** Bytes of unused blocks that are kept for the next transfer. Default 8 MiB. */
  keptBytes?: number;
}

/** Read blocks shared by the connections of one transport. A block belongs to one connection at a time. */
export class BufferPool {
  readonly #free = new Map<number, Buffer[]>(BLOCK_SIZES.map((size) => [size, []]));
  readonly #largeLimit: number;
  readonly #keptLimit: number;
  #large = 0;
  #kept = 0;

  constructor(options: BufferPoolOptions = {}) {
    this.#largeLimit = options.largeBytes ?? 64 * 1024 * 1024;
    this.#keptLimit = options.keptBytes ?? 8 * 1024 * 1024;
  }

  /** Lends a block of `size` (one of `BLOCK_SIZES`), or of the smallest size where the budget is used up. */
  acquire(size: number): Buffer {
    const kept = this.#free.get(size)?.pop();
    if (kept !== undefined) {
      this.#kept -= kept.length;
      return kept;
    }
    if (size <= SMALLEST_BLOCK) return Buffer.allocUnsafeSlow(SMALLEST_BLOCK);
    if (this.#large + size > this.#largeLimit) return this.acquire(SMALLEST_BLOCK);
    this.#large += size;
    return Buffer.allocUnsafeSlow(size);
  }

  /** Takes a block back. Nobody may read from it or write to it afterwards. */
  release(block: Buffer): void {
    if (this.#kept + block.length <= this.#keptLimit) {
      this.#kept += block.length;
      this.#free.get(block.length)?.push(block);
    } else if (block.length > SMALLEST_BLOCK) {
      this.#large -= block.length;
    }
  }
}
