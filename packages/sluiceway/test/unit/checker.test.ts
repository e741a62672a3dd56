import { describe, expect, test } from 'vitest';
import { parseBaseTarget } from '../../src/http/target.js';
import { Checker, type OptionProblem, OptionsError } from '../../src/options/checker.js';

/** What `run` finds wrong. */
function problems(run: (check: Checker) => unknown): readonly OptionProblem[] {
  const check = new Checker('createThing');
  run(check);
  try {
    check.throwIfAny();
    return [];
  } catch (error) {
    if (error instanceof OptionsError) return error.problems;
    throw error;
  }
}

/** The one problem with an option called `x`. */
function message(run: (check: Checker) => unknown): string | undefined {
  const found = problems(run);
  expect(found.map(({ path }) => path)).toEqual(found.map(() => 'x'));
  return found.map((each) => each.message).join('; ') || undefined;
}

describe('values', () => {
  const check = new Checker('createThing');

  test('what is given is checked and turned into its value', () => {
    expect(check.duration('x', '30s', 5)).toBe(30_000);
    expect(check.bytes('x', '64KiB', 5)).toBe(65_536);
    expect(check.integer('x', 7, 5)).toBe(7);
    expect(check.boolean('x', false, true)).toBe(false);
    expect(check.string('x', 'a', 'b')).toBe('a');
    expect(check.oneOf('x', 'a', ['a', 'b'], 'b')).toBe('a');
    const given = (): void => {};
    expect(check.func('x', given, null)).toBe(given);
    expect(check.parsed('x', 'http://a.test/x', null, parseBaseTarget)).toMatchObject({ host: 'a.test' });
    expect(check.list('x', ['1s', 2], (path, item) => check.duration(path, item, 0))).toEqual([1000, 2]);
    expect(check.record('x', { a: 1, b: '2s' }, (path, key, item) => [path, key, item])).toEqual([
      ['x.a', 'a', 1],
      ['x.b', 'b', '2s'],
    ]);
    expect(check.unknownKeys('x', { a: 1 }, ['a', 'b'])).toBe(true);
    check.required('x', 0);
    expect(() => check.throwIfAny()).not.toThrow();
  });

  test('what is undefined has its default', () => {
    expect(check.duration('x', undefined, 5)).toBe(5);
    expect(check.bytes('x', undefined, null)).toBe(null);
    expect(check.integer('x', undefined, 5)).toBe(5);
    expect(check.boolean('x', undefined, true)).toBe(true);
    expect(check.string('x', undefined, 'b')).toBe('b');
    expect(check.oneOf('x', undefined, ['a', 'b'], 'b')).toBe('b');
    expect(check.func('x', undefined, null)).toBe(null);
    expect(check.parsed('x', undefined, null, parseBaseTarget)).toBe(null);
    expect(check.list('x', undefined, String)).toEqual([]);
    expect(check.record('x', undefined, String)).toEqual([]);
    expect(check.unknownKeys('x', undefined, [])).toBe(true);
    expect(() => check.throwIfAny()).not.toThrow();
  });
});

describe('problems', () => {
  const secret = 'hunter2';

  test.each<[(check: Checker) => unknown, RegExp]>([
    [(check) => check.duration('x', 'soon', 0), /'30s'.*not "soon"/],
    [(check) => check.duration('x', null, 0), /must be a duration/],
    [(check) => check.duration('x', '25d', 0), /at most 24d20h31m23s647ms/],
    [(check) => check.duration('x', '1s', 0, { min: 2000 }), /at least 2s/],
    [(check) => check.bytes('x', '1k', 0), /'64KiB'.*not "1k"/],
    [(check) => check.bytes('x', '1MiB', 0, { max: 65_536 }), /at most 64KiB/],
    [(check) => check.bytes('x', 1, 0, { min: 2 }), /at least 2B/],
    [(check) => check.integer('x', -1, 0), /whole number of at least 0, not -1/],
    [(check) => check.integer('x', 1.5, 0, { min: 1, max: 9 }), /whole number from 1 to 9, not 1\.5/],
    [(check) => check.integer('x', '5', 0), /not "5"/],
    [(check) => check.boolean('x', 'true', false), /true or false, not "true"/],
    [(check) => check.string('x', '', ''), /must not be empty/],
    [(check) => check.string('x', 5, ''), /must be a string, not number/],
    [(check) => check.oneOf('x', 'c', ['a', 'b'], 'a'), /one of 'a', 'b', not "c"/],
    [(check) => check.func('x', {} as () => void, null), /must be a function, not object/],
    [(check) => check.parsed('x', 'a.test', null, parseBaseTarget), /^must be a URL that starts with http/],
    [
      (check) => check.parsed('x', 5 as unknown as string, null, parseBaseTarget),
      /^must be a URL, as a string/,
    ],
    [
      (check) =>
        check.parsed('x', 1, null, () => {
          throw new Error('is odd');
        }),
      /^is odd$/,
    ],
    [(check) => check.list('x', 'a', String), /must be an array, not string/],
    [(check) => check.record('x', ['a'], String), /must be an object, not an array/],
    [(check) => check.record('x', null, String), /must be an object, not null/],
    [(check) => check.unknownKeys('x', [], []), /must be an object, not an array/],
    [(check) => check.unknownKeys('x', null, []), /must be an object, not null/],
    [(check) => check.required('x', undefined), /is required/],
  ])('%s', (run, expected) => {
    const found = message(run);
    expect(found).toMatch(expected);
    expect(found).not.toContain(secret);
  });

  test('the items of a list have paths of their own', () => {
    const found = problems((check) =>
      check.list('ips', ['a', 1, 2], (path, item) => check.string(path, item, '')),
    );
    expect(found.map(({ path }) => path)).toEqual(['ips[1]', 'ips[2]']);
  });

  test.each([
    ['conect', "is not an option; did you mean 'connect'?"],
    ['CONNECT', "is not an option; did you mean 'connect'?"],
    ['upstreamIdel', "is not an option; did you mean 'upstreamIdle'?"],
    ['tls_', "is not an option; did you mean 'tls'?"],
    ['retries', 'is not an option'],
    ['ab', 'is not an option'],
  ])('an unknown key %s: %s', (key, expected) => {
    const known = ['connect', 'upstreamIdle', 'tls'];
    expect(problems((check) => check.unknownKeys('timeouts', { [key]: 1 }, known))).toEqual([
      { path: `timeouts.${key}`, message: expected },
    ]);
    expect(problems((check) => check.unknownKeys('', { [key]: 1 }, known))).toEqual([
      { path: key, message: expected },
    ]);
  });

  test('all of them are thrown at once, with their paths', () => {
    const check = new Checker('createThing');
    check.duration('timeouts.connect', 'soon', 0);
    check.problem('', 'say too little');
    check.boolean('on', 1, true);
    let thrown: unknown;
    try {
      check.throwIfAny();
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(OptionsError);
    expect(thrown).toBeInstanceOf(TypeError);
    expect(thrown).toMatchObject({ name: 'OptionsError', problems: [{}, {}, {}] });
    expect((thrown as Error).message.split('\n')).toEqual([
      'createThing: options are not valid',
      expect.stringContaining('  timeouts.connect must be a duration'),
      '  options say too little',
      '  on must be true or false, not 1',
    ]);
  });
});
