import { BufferPool } from '../../src/stream/buffer-pool.js';

/** A buffer pool that tracks its lent blocks. Throws if a block is returned twice or lent twice. */
export class CountingPool extends BufferPool {
  readonly out = new Set<Buffer>();
  readonly #back = new Set<Buffer>();

  override acquire(size: number): Buffer {
    const block = super.acquire(size);
    if (this.out.has(block)) throw new Error('A block was lent out twice');
    this.#back.delete(block);
    this.out.add(block);
    return block;
  }

  override release(block: Buffer): void {
    if (this.#back.has(block)) throw new Error(`A block of ${block.length} bytes came back twice`);
    this.out.delete(block);
    this.#back.add(block);
    super.release(block);
  }

  get bytesOut(): number {
    let sum = 0;
    for (const block of this.out) sum += block.length;
    return sum;
  }
}
