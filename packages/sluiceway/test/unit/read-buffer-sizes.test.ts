import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  type BufferPool,
  CONTENT_BLOCK_SIZES,
  HEAD_BLOCK_SIZE,
  PARKED_BLOCK_SIZE,
} from '../../src/stream/buffer-pool.js';
import { ReadBuffer } from '../../src/stream/read-buffer.js';
import { CountingPool } from '../support/counting-pool.js';

const KiB = 1024;
const MiB = 1024 * KiB;
const [SMALL = 0, MEDIUM = 0, LARGE = 0] = CONTENT_BLOCK_SIZES;

let now = 0;
beforeEach(() => {
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** Reads content into a buffer in the way of a connection over TCP whose sink takes `takesMs` for each chunk. */
class Flow {
  readonly buffer: ReadBuffer;
  space: Buffer;

  constructor(pool: BufferPool, expected: number = Number.POSITIVE_INFINITY) {
    this.buffer = new ReadBuffer(pool, false);
    this.buffer.isContent = true;
    this.buffer.expected = expected;
    this.space = this.buffer.space();
  }

  /** So many bytes in all, `share` of each block at a time. Returns the size of the last block. */
  run(bytes: number, share = 1, takesMs = 0): number {
    for (let left = bytes; left > 0; ) {
      const length = Math.max(1, Math.floor(Math.min(left, this.space.length * share)));
      left -= length;
      this.buffer.filled(length);
      const block = this.buffer.lend(length);
      this.buffer.take(this.buffer.front.end);
      now += takesMs;
      this.buffer.returned(block);
      this.space = this.buffer.space();
    }
    return this.space.length;
  }
}

describe('blocks grow with the flow', () => {
  test('a head, and content of no more than a head, are read into the smallest block', () => {
    for (const expected of [0, 1, HEAD_BLOCK_SIZE]) {
      expect(new Flow(new CountingPool(), expected).space.length).toBe(HEAD_BLOCK_SIZE);
    }
    expect(new Flow(new CountingPool(), HEAD_BLOCK_SIZE + 1).space.length).toBe(SMALL);
  });

  test('the first megabytes, which the kernel of any client takes, change nothing', () => {
    expect(new Flow(new CountingPool()).run(3 * MiB)).toBe(SMALL);
  });

  test('a fast flow gets larger blocks, step by step, and no more than the largest', () => {
    const flow = new Flow(new CountingPool());
    const sizes = new Set<number>();
    for (let i = 0; i < 64; i += 1) sizes.add(flow.run(MiB));
    expect([...sizes]).toEqual([SMALL, MEDIUM, LARGE]);
  });

  test('a flow that does not fill its blocks keeps small ones', () => {
    expect(new Flow(new CountingPool()).run(64 * MiB, 0.4)).toBe(SMALL);
  });

  test('a flow that is not taken at once keeps small ones', () => {
    expect(new Flow(new CountingPool()).run(64 * MiB, 1, 101)).toBe(SMALL);
  });

  test('one slow chunk brings a fast flow back to small blocks, and then it has to prove itself anew', () => {
    const flow = new Flow(new CountingPool());
    expect(flow.run(64 * MiB)).toBe(LARGE);
    expect(flow.run(MiB, 1, 10_000)).toBe(SMALL);
    expect(flow.run(3 * MiB)).toBe(SMALL);
    expect(flow.run(64 * MiB)).toBe(LARGE);
  });

  test('a flow at a steady rate gets the blocks that it fills within a tenth of a second [Sluiceway]', () => {
    const sizes = [1, 4, 100].map((kibPerMs) => {
      const flow = new Flow(new CountingPool());
      const seen: number[] = [];
      // Now and then it tries a larger block.
      for (let at = 0; at < 128 * MiB; ) {
        const size = flow.space.length;
        if (at >= 32 * MiB) seen.push(size);
        flow.run(size, 1, size / (kibPerMs * KiB));
        at += size;
      }
      return Math.min(...seen);
    });
    expect(sizes).toEqual([SMALL, MEDIUM, LARGE]);
  });

  test('the end of content is not read into a block that is much too large for it', () => {
    const flow = new Flow(new CountingPool());
    flow.run(64 * MiB);
    const sizes = [LARGE, MEDIUM + 1, MEDIUM, SMALL + 1, SMALL, HEAD_BLOCK_SIZE + 1, HEAD_BLOCK_SIZE, 0];
    const found = sizes.map((expected) => {
      flow.buffer.expected = expected;
      return flow.run(1);
    });
    expect(found).toEqual([LARGE, LARGE, MEDIUM, MEDIUM, SMALL, SMALL, HEAD_BLOCK_SIZE, HEAD_BLOCK_SIZE]);
  });
});

describe('memory in use', () => {
  test('an idle connection holds one small block, whatever it has carried', () => {
    const pool = new CountingPool();
    const flow = new Flow(pool);
    flow.run(64 * MiB);
    flow.buffer.expected = 0;
    flow.buffer.isContent = false;
    flow.run(1);
    expect(pool.bytesOut).toBe(HEAD_BLOCK_SIZE);
  });

  test('a connection in full flow holds one block', () => {
    const pool = new CountingPool();
    new Flow(pool).run(64 * MiB);
    expect(pool.bytesOut).toBe(LARGE);
  });

  test('many fast connections stay within the budget for large blocks', () => {
    const pool = new CountingPool({ largeBytes: 4 * MiB, keptBytes: 0 });
    const flows = Array.from({ length: 20 }, () => new Flow(pool));
    for (let round = 0; round < 40; round += 1) for (const flow of flows) flow.run(MiB);
    const large = [...pool.out].filter(({ length }) => length > SMALL);
    expect(large.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(4 * MiB);
    expect(flows.filter(({ space }) => space.length === SMALL).length).toBeGreaterThanOrEqual(16 - 12);
    // Whoever gives a large block up makes room for another.
    for (const flow of flows) flow.run(1, 1, 101);
    expect(flows[0]?.run(64 * MiB)).toBe(LARGE);
  });
});

test('a head larger than its block is kept in one piece', () => {
  const buffer = new ReadBuffer(new CountingPool(), true);
  const head = Buffer.alloc(900 * KiB, 'head');
  for (let at = 0; at < head.length; ) {
    const space = buffer.space();
    const length = head.copy(space, 0, at, at + 16 * KiB);
    buffer.filled(length);
    at += length;
  }
  const { bytes, start, end } = buffer.front;
  expect(head.equals(bytes.subarray(start, end))).toBe(true);
  buffer.take(end);
  expect(buffer.space().length).toBe(HEAD_BLOCK_SIZE);
});

test('a head that fills its first block takes the next one from the pool, and gives both back', () => {
  const pool = new CountingPool();
  const buffer = new ReadBuffer(pool, false);
  for (let at = 0; at < 20 * KiB; ) {
    const space = buffer.space();
    buffer.filled(space.length);
    at += space.length;
  }
  expect([...pool.out].map(({ length }) => length)).toEqual([SMALL]);
  buffer.take(buffer.front.end);
  buffer.dispose();
  expect(pool.out.size).toBe(0);
});

describe('content that the kernel will probably move', () => {
  test('occupies one kibibyte, and other content that follows gets blocks of its size', () => {
    const flow = new Flow(new CountingPool());
    flow.buffer.isParked = true;
    expect(flow.run(SMALL)).toBe(PARKED_BLOCK_SIZE);
    flow.buffer.isParked = false;
    expect(flow.run(PARKED_BLOCK_SIZE)).toBe(SMALL);
  });

  test('leaves the head of the next message room to grow', () => {
    const { buffer, space } = new Flow(new CountingPool());
    expect(space.length).toBe(SMALL);
    buffer.isParked = true;
    buffer.filled(1);
    buffer.take(buffer.front.end);
    expect(buffer.space().length).toBe(PARKED_BLOCK_SIZE);
    Object.assign(buffer, { isParked: false, isContent: false, expected: 0 });
    buffer.filled(PARKED_BLOCK_SIZE);
    expect(buffer.space().length).toBe(HEAD_BLOCK_SIZE - PARKED_BLOCK_SIZE);
    expect(buffer.unread).toBe(PARKED_BLOCK_SIZE);
  });
});
