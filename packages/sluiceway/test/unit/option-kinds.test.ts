import { describe, expect, test } from 'vitest';
import { Checker } from '../../src/options/checker.js';
import { either, group, list, listOptions, record } from '../../src/options/composites.js';
import {
  boolean,
  custom,
  duration,
  func,
  integer,
  oneOf,
  size,
  string,
  url,
} from '../../src/options/kinds.js';
import {
  type AnySpec,
  findSpec,
  type Members,
  OFF,
  type OptionsOf,
  pick,
  resolve,
  type SettingsOf,
  type Spec,
} from '../../src/options/spec.js';
import { toJsonSchema } from '../../src/options/to-json-schema.js';
import { problemsOf } from '../support/problems.js';

/** What the check makes of a value for an option called `x`. */
function read<Value>(spec: Spec<unknown, Value>, value: unknown): Value {
  const check = new Checker('test');
  const result = spec.read(check, 'x', value);
  check.throwIfAny();
  return result;
}

const problems = (spec: AnySpec, value: unknown): string[] => problemsOf(() => read(spec, value));
const schemaOf = (spec: AnySpec): unknown => toJsonSchema({ x: spec }).properties?.['x'];

const href = url({ parse: (given) => new URL(given).href });
const even = custom<number, number>({
  type: 'even number',
  schema: { type: 'integer' },
  read: (check, path, value) => {
    if (typeof value === 'number' && value % 2 === 0) return value;
    check.problem(path, 'must be even');
    return 0;
  },
});
const inner = { a: duration({ default: '1s' }), b: integer({}) };
interface Inner extends OptionsOf<typeof inner> {}
interface InnerValues extends SettingsOf<typeof inner> {}
const innerGroup = group<Inner, InnerValues>(inner, {});

describe('what is given becomes the value of its kind', () => {
  test.each<[string, AnySpec, unknown, unknown]>([
    ['duration', duration({}), '1h30m', 5_400_000],
    ['duration', duration({ min: 1, off: true }), OFF, null],
    ['size', size({ off: true }), OFF, null],
    ['size', size({ off: true }), 0, 0],
    ['integer', integer({ off: true }), OFF, null],
    ['size', size({}), '64KiB', 65_536],
    ['integer', integer({ min: 1, max: 9 }), 9, 9],
    ['boolean', boolean({}), false, false],
    ['one of', oneOf(['a', 'b'], {}), 'b', 'b'],
    ['string', string({ pattern: /^a+$/ }), 'aa', 'aa'],
    ['URL', href, new URL('http://a.test'), 'http://a.test/'],
    ['custom', even, 4, 4],
    ['list', list(size({}), {}), ['1KiB', 2], [1024, 2]],
    ['record', record(duration({}), {}), { a: '1s' }, new Map([['a', 1000]])],
    ['group', innerGroup, { b: 2 }, { a: 1000, b: 2 }],
    ['either', either(boolean({}), innerGroup, { takesSecond: isObject }), true, true],
    ['either', either(boolean({}), innerGroup, { takesSecond: isObject }), {}, { a: 1000, b: undefined }],
  ])('%s %#', (_, spec, given, value) => {
    expect(read(spec, given)).toEqual(value);
  });

  test('a function is passed on', () => {
    const given = (): void => {};
    expect(read(func({}), given)).toBe(given);
  });
});

function isObject(value: unknown): boolean {
  return typeof value === 'object';
}

describe('what is left out has its default', () => {
  test.each<[string, AnySpec, unknown, string]>([
    ['duration', duration({ default: '1m' }), 60_000, '`1m`'],
    ['duration', duration({ default: OFF, off: true }), null, '`false`'],
    ['size', size({ default: '1KiB' }), 1024, '`1KiB`'],
    ['integer', integer({ default: 7 }), 7, '`7`'],
    ['boolean', boolean({ default: false }), false, '`false`'],
    ['one of', oneOf(['a', 'b'], { default: 'a' }), 'a', "`'a'`"],
    ['string', string({ default: 's' }), 's', '`s`'],
    ['list', list(size({}), { default: [] }), [], 'none'],
    ['list', list(size({}), { default: ['1KiB'], defaultText: 'one' }), [1024], 'one'],
    ['group', innerGroup, { a: 1000, b: undefined }, ''],
    [
      'either',
      either(boolean({ default: true }), innerGroup, { default: true, takesSecond: isObject }),
      true,
      '`true`',
    ],
  ])('%s %#', (_, spec, value, text) => {
    expect(read(spec, undefined)).toEqual(value);
    expect(spec.defaultText).toBe(text);
  });

  test.each<[string, AnySpec]>([
    ['duration', duration({})],
    ['size', size({})],
    ['integer', integer({})],
    ['boolean', boolean({})],
    ['one of', oneOf(['a'], {})],
    ['string', string({})],
    ['URL', href],
    ['list', list(size({}), {})],
    ['record', record(size({}), {})],
    ['function', func({})],
  ])('a %s without one is undefined, and required if its description says so', (_, spec) => {
    expect(read(spec, undefined)).toBe(undefined);
    expect(spec.defaultText).toBe('none');
    expect(spec.required).toBe(false);
  });

  test.each<[string, AnySpec]>([
    ['duration', duration({ required: true })],
    ['one of', oneOf(['a'], { required: true })],
    ['list', list(size({}), { required: true })],
    ['function', func({ required: true })],
  ])('a %s that is required and missing is a problem', (_, spec) => {
    expect(problems(spec, undefined)).toEqual(['x is required']);
  });
});

describe('what is not valid is a problem at its path', () => {
  const wide = either(oneOf(['off'], {}), record(even, {}), { takesSecond: isObject });
  test.each<[string, AnySpec, unknown, string[]]>([
    ['duration', duration({ min: 1 }), 0, ['x must be at least 1ms']],
    ['duration', duration({ min: 1, off: true }), 0, ['x must be at least 1ms, or false to turn it off']],
    ['size', size({ min: 1, off: true }), '0', ['x must be at least 1B, or false to turn it off']],
    [
      'integer',
      integer({ min: 1, off: true }),
      0,
      ['x must be a whole number of at least 1, or false to turn it off, not 0'],
    ],
    ['integer', integer({}), false, ['x must be a whole number of at least 0, not false']],
    ['duration', duration({}), '25d', ['x must be at most 24d20h31m23s647ms']],
    ['size', size({ min: 1024 }), 1, ['x must be at least 1KiB']],
    ['integer', integer({ min: 1 }), 0, ['x must be a whole number of at least 1, not 0']],
    ['integer', integer({ min: 1, max: 9 }), 10, ['x must be a whole number from 1 to 9, not 10']],
    ['boolean', boolean({}), 'yes', ['x must be true or false, not "yes"']],
    ['one of', oneOf(['a', 'b'], {}), 'c', ["x must be one of 'a', 'b', not \"c\""]],
    ['string', string({}), '', ['x must not be empty']],
    ['string', string({ pattern: /^a+$/, message: 'must be of a' }), 'b', ['x must be of a']],
    ['URL', href, 'a', ['x Invalid URL']],
    ['function', func({}), 5, ['x must be a function, not number']],
    ['custom', even, 3, ['x must be even']],
    ['list', list(even, {}), [2, 3, 4, 5], ['x[1] must be even', 'x[3] must be even']],
    ['list', list(even, {}), 5, ['x must be an array, not number']],
    ['record', record(even, {}), { a: 1, b: 2 }, ['x.a must be even']],
    ['record', record(even, {}), null, ['x must be an object, not null']],
    ['group', innerGroup, { a: 'soon', c: 1 }, ["x.c is not an option; did you mean 'a'?", 'x.a']],
    ['group', innerGroup, 5, ['x must be an object, not number']],
    ['either', wide, 'on', ['x must be one of \'off\', not "on"']],
    ['either', wide, { a: 1 }, ['x.a must be even']],
  ])('%s %#', (_, spec, given, expected) => {
    const found = problems(spec, given);
    expect(found).toHaveLength(expected.length);
    for (const [i, each] of expected.entries()) expect(found[i]).toContain(each);
  });

  test('all at once, with the nearest name for one that is not known', () => {
    const members = { timeouts: innerGroup, name: string({ required: true }), count: integer({}) };
    const check = new Checker('test');
    resolve(members, { timeout: {}, timeouts: { a: -1, b: 'x' }, count: 1.5 }, check);
    expect(problemsOf(() => check.throwIfAny())).toEqual([
      "timeout is not an option; did you mean 'timeouts'?",
      expect.stringMatching(/^timeouts\.a must be a duration/),
      'timeouts.b must be a whole number of at least 0, not "x"',
      'name is required',
      'count must be a whole number of at least 0, not 1.5',
    ]);
  });

  test('members may come from the prototype of an object', () => {
    class Settings {
      get a(): string {
        return '2s';
      }
    }
    expect(read(innerGroup, new Settings())).toEqual({ a: 2000, b: undefined });
  });

  test('inside something that is no object nothing is missing', () => {
    const check = new Checker('test');
    const values = resolve({ name: string({ required: true }), a: duration({ default: 5 }) }, 5, check, 'y');
    expect(problemsOf(() => check.throwIfAny())).toEqual(['y must be an object, not number']);
    expect(values).toEqual({ name: undefined, a: 5 });
  });
});

describe('JSON Schema', () => {
  test.each<[string, AnySpec, object]>([
    ['duration', duration({ min: 1 }), { anyOf: [{ type: 'string' }, { type: 'integer', minimum: 1 }] }],
    [
      'duration',
      duration({ min: 9, off: true }),
      { anyOf: [{ type: 'string' }, { minimum: 9 }, { const: false }] },
    ],
    [
      'integer',
      integer({ default: OFF, off: true }),
      { anyOf: [{ minimum: 0 }, { const: false }], default: false },
    ],
    ['size', size({ default: '1KiB' }), { anyOf: [{}, {}], default: '1KiB' }],
    ['integer', integer({ min: 1, max: 9 }), { type: 'integer', minimum: 1, maximum: 9 }],
    ['boolean', boolean({ default: true }), { type: 'boolean', default: true }],
    ['one of', oneOf(['a', 'b'], {}), { enum: ['a', 'b'] }],
    ['string', string({}), { type: 'string', minLength: 1 }],
    ['string', string({ pattern: /^a+$/ }), { type: 'string', pattern: '^a+$' }],
    ['URL', href, { type: 'string', format: 'uri' }],
    ['custom', even, { type: 'integer' }],
    ['list', list(even, {}), { type: 'array', items: { type: 'integer' } }],
    ['record', record(even, {}), { type: 'object', additionalProperties: { type: 'integer' } }],
    [
      'either',
      either(even, record(even, {}), { takesSecond: isObject }),
      { anyOf: [{}, { type: 'object' }] },
    ],
    ['either', either(even, func({}), { takesSecond: isObject }), { type: 'integer' }],
    ['description', boolean({ doc: 'See [this](#that).' }), { description: 'See this.' }],
  ])('%s %#', (_, spec, expected) => {
    expect(schemaOf(spec)).toMatchObject(expected);
  });

  test('has the required options of a group, no unknown ones, and no functions', () => {
    const members = { a: string({ required: true }), b: func({}), c: list(func({}), {}), d: innerGroup };
    expect(toJsonSchema(members, 'Things')).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      title: 'Things',
      type: 'object',
      properties: { a: {}, d: { type: 'object', properties: { a: {}, b: {} }, additionalProperties: false } },
      required: ['a'],
      additionalProperties: false,
    });
    expect(Object.keys(toJsonSchema(members).properties ?? {})).toEqual(['a', 'd']);
  });
});

describe('descriptions', () => {
  const members: Members = {
    one: boolean({}),
    two: either(boolean({}), innerGroup, { takesSecond: isObject }),
  };

  test('are listed with their paths, groups before their members', () => {
    expect(listOptions(members).map(({ path, spec }) => [path, spec.kind])).toEqual([
      ['one', 'boolean'],
      ['two', 'either'],
      ['two.a', 'duration'],
      ['two.b', 'integer'],
    ]);
  });

  test('are found by path', () => {
    expect(findSpec(members, 'two.a')).toBe(inner.a);
    expect(findSpec(members, 'one')).toBe(members['one']);
    for (const path of ['', 'three', 'one.a', 'two.c', 'toString', 'two.constructor'])
      expect(findSpec(members, path)).toBe(undefined);
  });

  test('some of them can be picked for another group', () => {
    expect(pick(inner, ['b'])).toEqual({ b: inner.b });
  });

  test('have the types of the documents', () => {
    const types = [
      oneOf(['a', 'b', 'c'], {}),
      list(href, {}),
      size({}),
      integer({ type: 'port' }),
      members['two'],
    ];
    expect(types.map((spec) => spec?.type)).toEqual([
      "`'a'`, `'b'` or `'c'`",
      'list of URL',
      'size',
      'port',
      'boolean or object',
    ]);
  });
});
