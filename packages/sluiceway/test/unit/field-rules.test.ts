import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FieldChanges, FieldRules } from '../../src/http/field-rules.js';
import { Fields } from '../../src/http/fields.js';

const RAW = ['Host', 'a', 'X-A', '1', 'x-b', '2', 'X-B', '3', 'X-C', '4'];

function applied(changes: FieldChanges, raw = RAW): readonly string[] {
  const fields = new Fields(raw);
  new FieldRules(changes).apply(fields);
  return fields.raw;
}

describe('apply', () => {
  test.each<[string, FieldChanges, string[]]>([
    ['nothing', {}, RAW],
    ['removes all lines of a name', { remove: ['X-B'] }, ['Host', 'a', 'X-A', '1', 'X-C', '4']],
    ['removes in any case', { remove: ['HOST', 'x-c'] }, ['X-A', '1', 'x-b', '2', 'X-B', '3']],
    ['removes what is not there', { remove: ['X-D'] }, RAW],
    [
      'sets in place of all lines',
      { set: [['x-B', ['9']]] },
      ['Host', 'a', 'X-A', '1', 'X-C', '4', 'x-B', '9'],
    ],
    ['sets several lines', { set: [['X-D', ['8', '9']]] }, [...RAW, 'X-D', '8', 'X-D', '9']],
    ['appends to what is there', { append: [['X-A', ['9']]] }, [...RAW, 'X-A', '9']],
    [
      'removes, then sets, then appends',
      { append: [['X-A', ['9']]], set: [['X-A', ['8']]], remove: ['X-A', 'X-B', 'X-C'] },
      ['Host', 'a', 'X-A', '8', 'X-A', '9'],
    ],
  ])('%s', (_, changes, expected) => {
    expect(applied(changes)).toEqual(expected);
  });

  test('what is not a name or a value throws', () => {
    expect(() => new FieldRules({ set: [['X A', ['1']]] })).toThrow(TypeError);
    expect(() => new FieldRules({ append: [['X-A', ['1\r\n']]] })).toThrow(TypeError);
  });
});

test('stop removes what is removed or set, and adds nothing', () => {
  const fields = new Fields(RAW);
  new FieldRules({ remove: ['x-a'], set: [['X-B', ['9']]], append: [['X-C', ['9']]] }).stop(fields);
  expect(fields.raw).toEqual(['Host', 'a', 'X-C', '4']);
});

test('remove removes only what is to be removed', () => {
  const fields = new Fields(RAW);
  new FieldRules({ remove: ['x-a'], set: [['X-B', ['9']]], append: [['X-C', ['9']]] }).remove(fields);
  expect(fields.raw).toEqual(['Host', 'a', 'x-b', '2', 'X-B', '3', 'X-C', '4']);
});

test('complete adds the lines of names that are not there, and changes nothing', () => {
  const fields = new Fields(RAW);
  const rules = new FieldRules({
    remove: ['Host'],
    set: [
      ['X-a', ['9']],
      ['X-D', ['8', '9']],
    ],
    append: [
      ['X-C', ['9']],
      ['X-E', ['9']],
    ],
  });
  rules.complete(fields);
  expect(fields.raw).toEqual([...RAW, 'X-D', '8', 'X-D', '9', 'X-E', '9']);
});

test('the prepared rules do what the three steps do one after another, but for the order of names', () => {
  const name = fc.constantFrom('X-A', 'x-a', 'X-B', 'X-C', 'x-c', 'Y');
  const values = fc.array(fc.constantFrom('1', '2', '3'), { minLength: 1, maxLength: 3 });
  const changes = fc.uniqueArray(fc.tuple(name, values), { selector: ([each]) => each.toLowerCase() });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(name, fc.constantFrom('4', '5'))),
      fc.array(name),
      changes,
      changes,
      (lines, remove, set, append) => {
        const plain = new Fields(lines.flat());
        for (const each of remove) plain.delete(each);
        for (const [each, value] of set) plain.set(each, value);
        for (const [each, value] of append) for (const line of value) plain.append(each, line);
        const fields = new Fields(applied({ remove, set, append }, lines.flat()));
        expect(fields.size).toBe(plain.size);
        for (const each of ['x-a', 'x-b', 'x-c', 'y'])
          expect(fields.getAll(each)).toEqual(plain.getAll(each));
      },
    ),
  );
});
