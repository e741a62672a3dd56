import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { PlacedList } from '../../src/placed-list.js';

test('a list has what was added and not deleted, whatever the order', () => {
  const step = fc.tuple(fc.boolean(), fc.nat(9));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const items = Array.from({ length: 10 }, (_, name) => ({ name, place: -1 }));
      const list = new PlacedList<(typeof items)[number]>();
      const expected = new Set<(typeof items)[number]>();
      for (const [isAdded, at] of steps) {
        const item = items[at];
        if (item === undefined) continue;
        if (!isAdded) expect(list.delete(item)).toBe(expected.delete(item));
        else if (!expected.has(item)) {
          list.add(item);
          expected.add(item);
        }
        expect(list.size).toBe(expected.size);
        expect(new Set(list.all)).toEqual(expected);
      }
    }),
  );
});
