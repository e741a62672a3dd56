import { readSecondLevelCacheBytes } from './cache-size.js';

/** Size of the blocks for heads and small responses. An idle connection keeps one. */
export const HEAD_BLOCK_SIZE: number = 8 * 1024;

/**
 * Size of the block for a read that the kernel will probably make unnecessary, because it moves the content: a thousand
 * slow transfers hold no more than that.
 */
export const PARKED_BLOCK_SIZE: number = 1024;

const MIN_LARGEST_BLOCK = 512 * 1024;
const MAX_LARGEST_BLOCK = 2 * 1024 * 1024;
const DEFAULT_LARGEST_BLOCK = 1024 * 1024;

/**
 * The block size of fast transfers for a second-level cache of `cacheBytes` (null: unknown).
 *
 * Larger blocks need fewer steps in JavaScript, and less of it is compiled; those beyond the cache can cost more in the
 * kernel's copies. CPU time of downloads of 1 GB on Node 20, by a process that has just started, as multiples of nginx in
 * the same run: with a cache of 2 MiB, 1.28 and 1.42 with blocks of 1 MiB, 1.13 and 1.06 with 2 MiB (two runs); with
 * 512 KiB, 1.67 with 1 MiB and 1.09 with 512 KiB (one run). On Node 26 the difference was small in the first case, and
 * 1 MiB was better in the second. A process that has run for longer showed hardly any difference.
 */
export function chooseLargestBlock(cacheBytes: number | null): number {
  if (cacheBytes === null) return DEFAULT_LARGEST_BLOCK;
  return Math.min(Math.max(cacheBytes, MIN_LARGEST_BLOCK), MAX_LARGEST_BLOCK);
}

/** Sizes of the blocks for content, smallest first. Each has room for at least two TLS records of 16 KiB. */
export const CONTENT_BLOCK_SIZES: readonly number[] = [
  32 * 1024,
  256 * 1024,
  chooseLargestBlock(readSecondLevelCacheBytes()),
];

const SMALLEST_CONTENT_BLOCK = Math.min(...CONTENT_BLOCK_SIZES);

export interface BufferPoolOptions {
  /**
   * Most bytes of all blocks above the smallest content size, in use or kept. Default 64 MiB. Above it, transfers use
   * small blocks. They take more CPU time per byte, but a thousand fast transfers that stall at once do not hold a
   * gigabyte.
   */
  largeBytes?: number;
  /** Most bytes of unused blocks that are kept for the next transfer. Default 8 MiB. */
  keptBytes?: number;
}

/** Read blocks shared by the connections of one transport. A block belongs to one connection at a time. */
export class BufferPool {
  readonly #free = new Map<number, Buffer[]>(
    [PARKED_BLOCK_SIZE, HEAD_BLOCK_SIZE, ...CONTENT_BLOCK_SIZES].map((size) => [size, []]),
  );
  readonly #largeLimit: number;
  readonly #keptLimit: number;
  #large = 0;
  #kept = 0;

  constructor(options: BufferPoolOptions = {}) {
    this.#largeLimit = options.largeBytes ?? 64 * 1024 * 1024;
    this.#keptLimit = options.keptBytes ?? 8 * 1024 * 1024;
  }

  /** The size itself, or the largest smaller size that fits into the budget. */
  affordable(size: number): number {
    if (this.#isAffordable(size)) return size;
    return CONTENT_BLOCK_SIZES.findLast((smaller) => smaller < size && this.#isAffordable(smaller)) ?? size;
  }

  #isAffordable(size: number): boolean {
    if (size <= SMALLEST_CONTENT_BLOCK || this.#free.get(size)?.length) return true;
    return this.#large + size <= this.#largeLimit;
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

  /** Takes a block back. Do not read from it or write to it afterwards. Drops blocks of other sizes. */
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
