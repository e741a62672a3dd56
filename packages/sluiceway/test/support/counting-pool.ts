import { BufferPool } from '../../src/stream/buffer-pool.js';

/** A buffer pool that knows what is out. Throws where a block comes back that is not. */
export class CountingPool extends BufferPool {
  readonly out = new Set<Buffer>();
  acquired = 0;

  override acquire(size: number): Buffer {
    const block = super.acquire(size);
    if (this.out.has(block)) throw new Error('A block was lent out twice');
    this.out.add(block);
    this.acquired += 1;
    return block;
  }

  override release(block: Buffer): void {
    if (!this.out.delete(block))
      throw new Error(`A block of ${block.length} bytes came back that was not out`);
    super.release(block);
  }

  get bytesOut(): number {
    let sum = 0;
    for (const block of this.out) sum += block.length;
    return sum;
  }
}
