import { array, assert, integer, oneof, property } from 'fast-check';
import { expect, test } from 'vitest';
import { DeliveredTail, TAIL_BYTES } from '../../src/upstream/resume/delivered-tail.js';
import { seededBytes } from '../support/content.js';

const content = seededBytes('tail', 0, 400_000);

test('the bytes before the position are the last ones of what was delivered, in chunks of any sizes', () => {
  const size = oneof(integer({ min: 1, max: 200 }), integer({ min: 1, max: 90_000 }));
  assert(
    property(array(size, { minLength: 1, maxLength: 40 }), (sizes) => {
      const tail = new DeliveredTail();
      let position = 0;
      for (const bytes of sizes) {
        const chunk = content.subarray(position, position + bytes);
        position += chunk.length;
        tail.remember(chunk, position);
      }
      const kept = tail.before(position);
      expect(kept.equals(content.subarray(position - kept.length, position))).toBe(true);
      expect(kept).toHaveLength(Math.min(position, TAIL_BYTES));
    }),
  );
});

test('nothing is known before another position, nor across bytes that were not shown', () => {
  const tail = new DeliveredTail();
  expect(tail.before(0)).toHaveLength(0);
  tail.remember(content.subarray(0, 100), 100);
  expect(tail.before(101)).toHaveLength(0);
  tail.remember(content.subarray(150, 160), 160);
  expect(tail.before(160).equals(content.subarray(150, 160))).toBe(true);
});

test('what was delivered before the copy was dropped is not known, what is delivered after it is', () => {
  const tail = new DeliveredTail();
  tail.remember(content.subarray(0, 5000), 5000);
  tail.forget();
  expect(tail.before(5000)).toHaveLength(0);
  tail.remember(content.subarray(5000, 5100), 5100);
  expect(tail.before(5100).equals(content.subarray(5000, 5100))).toBe(true);
});
