import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  BufferPool,
  CONTENT_BLOCK_SIZES,
  chooseLargestBlock,
  HEAD_BLOCK_SIZE,
} from '../../src/stream/buffer-pool.js';

const KiB = 1024;
const MiB = 1024 * 1024;
const SIZES = [HEAD_BLOCK_SIZE, ...CONTENT_BLOCK_SIZES];
const [SMALL = 0, MEDIUM = 0, LARGE = 0] = CONTENT_BLOCK_SIZES;

/** What a connection does that would like a block of that size. */
const borrow = (pool: BufferPool, size: number): Buffer => pool.acquire(pool.affordable(size));

test('sizes go up, from one that a head fits into to one that is worth a system call', () => {
  expect(SIZES).toEqual(SIZES.toSorted((a, b) => a - b));
  expect(HEAD_BLOCK_SIZE).toBe(8 * KiB);
});

test.each<[string, number | null, number]>([
  ['is not known', null, MiB],
  ['is small', 256 * KiB, 512 * KiB],
  ['is 512 KiB', 512 * KiB, 512 * KiB],
  ['is 1.25 MiB', 1280 * KiB, 1280 * KiB],
  ['is 2 MiB', 2 * MiB, 2 * MiB],
  ['is larger than a socket holds', 16 * MiB, 2 * MiB],
])('the largest block suits a second-level cache that %s', (_, cacheBytes, expected) => {
  expect(chooseLargestBlock(cacheBytes)).toBe(expected);
});

test.each(SIZES)('a block of %i bytes that was given back is lent again, to one at a time', (size) => {
  const pool = new BufferPool();
  const block = pool.acquire(size);
  expect(block.length).toBe(size);
  pool.release(block);
  // Compared as booleans: a failure would print megabytes.
  expect([pool.acquire(size) === block, pool.acquire(size) === block]).toEqual([true, false]);
});

test.each(SIZES)('a block of %i bytes owns its memory, so that it can be freed', (size) => {
  const block = new BufferPool().acquire(size);
  expect([block.byteOffset, block.buffer.byteLength]).toEqual([0, size]);
});

test('blocks give way to the largest that the rest of the budget has room for, and the smallest has no limit', () => {
  const pool = new BufferPool({ largeBytes: LARGE + 2 * MEDIUM });
  const wanted = [LARGE, LARGE, MEDIUM, LARGE, MEDIUM, SMALL, HEAD_BLOCK_SIZE];
  const got = wanted.map((size) => borrow(pool, size).length);
  expect(got).toEqual([LARGE, MEDIUM, MEDIUM, SMALL, SMALL, SMALL, HEAD_BLOCK_SIZE]);
});

test('a large block that is given up makes room for another', () => {
  const pool = new BufferPool({ largeBytes: LARGE, keptBytes: 0 });
  for (let round = 0; round < 10; round += 1) {
    const block = borrow(pool, LARGE);
    expect([block.length, borrow(pool, LARGE).length]).toEqual([LARGE, SMALL]);
    pool.release(block);
  }
});

test('a large block that is kept can be had, whatever the budget', () => {
  const pool = new BufferPool({ largeBytes: LARGE });
  const block = borrow(pool, LARGE);
  pool.release(block);
  expect(borrow(pool, LARGE) === block).toBe(true);
});

test('unused blocks are kept up to the limit', () => {
  const pool = new BufferPool({ keptBytes: 2 * SMALL });
  const blocks = [1, 2, 3].map(() => pool.acquire(SMALL));
  for (const block of blocks) pool.release(block);
  const again = [1, 2, 3].map(() => pool.acquire(SMALL));
  expect(again.filter((block) => blocks.includes(block))).toHaveLength(2);
});

test('a block of another size is dropped', () => {
  const pool = new BufferPool();
  const other = Buffer.alloc(3 * SMALL);
  pool.release(other);
  expect(SIZES.map((size) => pool.acquire(size)).includes(other)).toBe(false);
});

test('no order of borrowing and returning lends a block twice, exceeds the budget or loses any of it', () => {
  const step = fc.oneof(
    fc.constantFrom(...SIZES).map((size) => ({ size })),
    fc.nat(30).map((index) => ({ index })),
  );
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.constantFrom(0, 300_000, 8 * LARGE),
      (steps, keptBytes) => {
        const pool = new BufferPool({ largeBytes: 3 * LARGE, keptBytes });
        const out: Buffer[] = [];
        for (const each of steps) {
          if ('size' in each) {
            const block = borrow(pool, each.size);
            expect(out.includes(block)).toBe(false);
            expect(block.length).toBeLessThanOrEqual(each.size);
            out.push(block);
          } else if (each.index < out.length) {
            pool.release(out.splice(each.index, 1)[0] as Buffer);
          }
          const large = out.filter(({ length }) => length > SMALL);
          expect(large.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(3 * LARGE);
        }
        for (const block of out) pool.release(block);
        const refilled = [1, 2, 3, 4].map(() => borrow(pool, LARGE)).filter(({ length }) => length === LARGE);
        // Blocks that are kept in the medium size may still take their part of the budget.
        if (keptBytes === 0) expect(refilled).toHaveLength(3);
        else expect(refilled.length).toBeLessThanOrEqual(3);
      },
    ),
    { seed: 64, numRuns: 100 },
  );
});
