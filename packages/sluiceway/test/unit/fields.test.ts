import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fields, isFieldValue, isToken } from '../../src/http/fields.js';

const RAW = ['Host', 'a', 'X-A', '1', 'x-a', '2', 'X-B', 'p, q', 'x-b', ' r ,, '];

describe('reading', () => {
  test('names are found in any case, and lines keep order and spelling', () => {
    const fields = new Fields(RAW);
    expect(fields.size).toBe(5);
    expect([fields.has('HOST'), fields.has('x-A'), fields.has('X-C'), fields.has('')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(fields.get('x-a')).toBe('1');
    expect(fields.get('X-C')).toBeUndefined();
    expect(fields.getAll('X-A')).toEqual(['1', '2']);
    expect(fields.getAll('X-C')).toEqual([]);
    expect(fields.raw).toEqual(RAW);
    expect([...fields]).toEqual([
      ['Host', 'a'],
      ['X-A', '1'],
      ['x-a', '2'],
      ['X-B', 'p, q'],
      ['x-b', ' r ,, '],
    ]);
  });

  test('a list is read over all lines, without empty members', () => {
    expect(new Fields(RAW).list('X-B')).toEqual(['p', 'q', 'r']);
    expect(new Fields().list('X-B')).toEqual([]);
  });

  test('the values of all lines of a name are rewritten in their place', () => {
    const rewritten = new Fields(RAW).rewrite('X-a', (value) => `${value}0`);
    expect(rewritten.raw).toEqual(['Host', 'a', 'X-A', '10', 'x-a', '20', ...RAW.slice(6)]);
    expect(new Fields(RAW).rewrite('X-C', () => '1').raw).toEqual(RAW);
    expect(() => new Fields(RAW).rewrite('Host', () => 'a\r\n')).toThrow(TypeError);
  });

  test('the lines of another are added at the end, spelled as they are', () => {
    const other = new Fields(['x-a', '3', 'Y', '1']);
    expect(new Fields(RAW).appendAll(other).raw).toEqual([...RAW, 'x-a', '3', 'Y', '1']);
    expect(other.raw).toEqual(['x-a', '3', 'Y', '1']);
  });

  test('a clone is independent', () => {
    const fields = new Fields(RAW);
    const clone = fields.clone();
    clone.set('Host', 'b').append('Y', '1').delete('X-A');
    expect(fields.raw).toEqual(RAW);
    expect(clone.raw).toEqual(['Host', 'b', 'X-B', 'p, q', 'x-b', ' r ,, ', 'Y', '1']);
  });

  test('the list given to the constructor is not kept, that of a parser is', () => {
    const raw = ['A', '1'];
    const copied = new Fields(raw);
    const adopted = Fields.fromParser(raw);
    raw[1] = '2';
    expect([copied.get('a'), adopted.get('a')]).toEqual(['1', '2']);
  });
});

describe('writing', () => {
  test.each([
    ['a new name', 'Y', '1', [...RAW, 'Y', '1']],
    ['a single line, in its place', 'HOST', 'b', ['HOST', 'b', ...RAW.slice(2)]],
    ['several lines, in the place of the first', 'X-A', '9', ['Host', 'a', 'X-A', '9', ...RAW.slice(6)]],
    ['several values', 'X-a', ['7', '8'], ['Host', 'a', 'X-a', '7', 'X-a', '8', ...RAW.slice(6)]],
    ['several values where one was', 'Host', ['7', '8'], ['Host', '7', 'Host', '8', ...RAW.slice(2)]],
    ['no values', 'X-A', [], [...RAW.slice(0, 2), ...RAW.slice(6)]],
  ] as const)('set replaces %s', (_, name, value, expected) => {
    expect(new Fields(RAW).set(name, value).raw).toEqual(expected);
  });

  test('append, delete and retain', () => {
    expect(new Fields(RAW).append('host', 'b').getAll('Host')).toEqual(['a', 'b']);
    expect(new Fields(RAW).delete('x-A').delete('X-C').raw).toEqual([...RAW.slice(0, 2), ...RAW.slice(6)]);
    const seen: string[] = [];
    const kept = new Fields(RAW).retain((name, value) => {
      seen.push(`${name}=${value}`);
      return value !== '1';
    });
    expect(seen).toEqual(RAW.flatMap((text, i) => (i % 2 === 0 ? [`${text}=${RAW[i + 1]}`] : [])));
    expect(kept.raw).toEqual([...RAW.slice(0, 2), ...RAW.slice(4)]);
  });
});

describe('RFC 9110 section 5.5, what a field can hold', () => {
  test.each(['', 'a b', 'a:b', 'a\r', 'a\n', 'a\u0000', '\u00fc', '\u010d', 'a"', ':a', 'a\t'])(
    'the name %j is refused',
    (name) => {
      expect(isToken(name)).toBe(false);
      expect(() => new Fields().append(name, '1')).toThrow(TypeError);
      expect(() => new Fields().set(name, '1')).toThrow(TypeError);
      expect(() => new Fields([name, '1'])).toThrow(TypeError);
    },
  );

  test.each([
    '\r',
    '\n',
    '\r\nX: 1',
    '\u0000',
    '\u000b',
    '\u007f',
    '\u0100',
    '\u010d\u010a',
    '\u2028',
    '\ud83d\ude00',
  ])('the value %j is refused, and nothing is changed', (value) => {
    expect(isFieldValue(`a${value}b`)).toBe(false);
    const fields = new Fields(['X', '1', 'X', '2']);
    expect(() => fields.append('X', `a${value}b`)).toThrow(TypeError);
    expect(() => fields.set('X', value)).toThrow(TypeError);
    expect(() => fields.set('X', ['ok', value])).toThrow(TypeError);
    expect(() => new Fields(['X', value])).toThrow(TypeError);
    expect(fields.raw).toEqual(['X', '1', 'X', '2']);
  });

  test('obs-text, tab and an empty value are legal', () => {
    expect(new Fields(['X', '\u0080\u00ff\t']).get('x')).toBe('\u0080\u00ff\t');
    expect(new Fields(['X', '']).get('x')).toBe('');
  });

  test('a value that is no string is refused', () => {
    expect(() => new Fields().set('X', 5 as unknown as string)).toThrow(TypeError);
    expect(() => new Fields().append('X', undefined as unknown as string)).toThrow(/must be a string/);
  });

  test('whatever is accepted stays one line on the wire', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
        let refused = false;
        try {
          new Fields().append(name, value);
        } catch {
          refused = true;
        }
        const wire = Buffer.from(`${name}: ${value}`, 'latin1').toString('latin1');
        expect(refused || wire === `${name}: ${value}`).toBe(true);
        expect(refused || !/[\r\n\0]/.test(wire)).toBe(true);
      }),
    );
  });
});

test('set then getAll gives what was set, and leaves other lines alone', () => {
  const name = fc.constantFrom('A', 'a', 'B', 'b', 'C');
  const value = fc.constantFrom('', '1', '2');
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value)), name, fc.array(value), (lines, set, values) => {
      const fields = new Fields(lines.flat());
      fields.set(set, values);
      expect(fields.getAll(set)).toEqual(values);
      const others = (raw: readonly (readonly [string, string])[]): unknown =>
        raw.filter(([each]) => each.toLowerCase() !== set.toLowerCase());
      expect(others([...fields])).toEqual(others(lines));
    }),
  );
});

test('a name is found whenever a line has it, whatever was asked and changed before', () => {
  const names = [
    'Host',
    'hOST',
    'X-A',
    'x-a',
    'Via',
    'via',
    'Age',
    'TE',
    'te',
    '~',
    'x-long-name-of-a-field',
  ];
  const name = fc.constantFrom(...names);
  const change = fc.record({ kind: fc.constantFrom('append', 'set', 'delete', 'appendAll', 'retain'), name });
  fc.assert(
    fc.property(fc.array(name), fc.array(change), (start, changes) => {
      const fields = Fields.fromParser(start.flatMap((each) => [each, '1']));
      for (const { kind, name: changed } of changes) {
        if (kind === 'append') fields.append(changed, '2');
        else if (kind === 'set') fields.set(changed, ['3', '4']);
        else if (kind === 'delete') fields.delete(changed);
        else if (kind === 'appendAll') fields.appendAll(new Fields([changed, '5']));
        else fields.retain((each) => each !== changed);
        for (const asked of names) {
          const lines = [...fields].filter(([each]) => each.toLowerCase() === asked.toLowerCase());
          expect(fields.has(asked)).toBe(lines.length > 0);
          expect(fields.get(asked)).toBe(lines[0]?.[1]);
          expect(fields.getAll(asked)).toEqual(lines.map(([, value]) => value));
        }
      }
    }),
  );
});
