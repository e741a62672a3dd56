/** Size of the blocks that heads and small responses are read into; an idle connection keeps one. */
export const HEAD_BLOCK_SIZE: number = 8 * 1024;

/** Sizes of the blocks that content is read into, smallest first. A TLS record, 16 KiB, fits twice into each. */
export const CONTENT_BLOCK_SIZES: readonly number[] = [32 * 1024, 256 * 1024, 1024 * 1024];

const SMALLEST_CONTENT_BLOCK = Math.min(...CONTENT_BLOCK_SIZES);

export interface BufferPoolOptions {
  /**
   * Bytes that all blocks above the smallest content size may take together, in use or kept. Default 64 MiB. When
   * they are used up, transfers read into small blocks: slower per byte, but a thousand fast transfers that stall
   * at once do not hold a gigabyte.
   */
  largeBytes?: number;
  /** Bytes of unused blocks that are kept for the next transfer. Default 8 MiB. */
  keptBytes?: number;
}

/** Read blocks shared by the connections of one transport. A block belongs to one connection at a time. */
export class BufferPool {
  readonly #free = new Map<number, Buffer[]>(
    [HEAD_BLOCK_SIZE, ...CONTENT_BLOCK_SIZES].map((size) => [size, []]),
  );
  readonly #largeLimit: number;
  readonly #keptLimit: number;
  #large = 0;
  #kept = 0;

  constructor(options: BufferPoolOptions = {}) {
    this.#largeLimit = options.largeBytes ?? 64 * 1024 * 1024;
    this.#keptLimit = options.keptBytes ?? 8 * 1024 * 1024;
  }

  /** The size itself, or the smallest content size where the budget has no room for it. */
  affordable(size: number): number {
    if (size <= SMALLEST_CONTENT_BLOCK || this.#free.get(size)?.length) return size;
    return this.#large + size > this.#largeLimit ? SMALLEST_CONTENT_BLOCK : size;
  }

  /** Lends a block of one of the sizes above. */
  acquire(size: number): Buffer {
    const kept = this.#free.get(size)?.pop();
    if (kept !== undefined) {
      this.#kept -= size;
      return kept;
    }
    if (size > SMALLEST_CONTENT_BLOCK) this.#large += size;
    return Buffer.allocUnsafeSlow(size);
  }

  /** Takes a block back. Nobody may read from it or write to it afterwards. One of another size is dropped. */
  release(block: Buffer): void {
    const size = block.length;
    const free = this.#free.get(size);
    if (free === undefined) return;
    if (this.#kept + size <= this.#keptLimit) {
      this.#kept += size;
      free.push(block);
    } else if (size > SMALLEST_CONTENT_BLOCK) {
      this.#large -= size;
    }
  }
}
