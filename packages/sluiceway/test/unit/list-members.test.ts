import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitMembers } from '../../src/http/list-members.js';

describe('splitMembers, RFC 9110 sections 5.6.4 to 5.6.6', () => {
  test.each([
    ['', ['']],
    ['a', ['a']],
    ['a, b ,,c', ['a', ' b ', '', 'c']],
    ['a="x,y", b', ['a="x,y"', ' b']],
    ['a="x\\",y", b', ['a="x\\",y"', ' b']],
    ['a="x\\\\", b', ['a="x\\\\"', ' b']],
    ['a (x, y), b', ['a (x', ' y)', ' b']],
    // What never ends hides nothing.
    ['a="x, b', ['a="x', ' b']],
    ['"a", b="x, c', ['"a"', ' b="x', ' c']],
  ])('%j at commas is %j', (value, expected) => {
    expect(splitMembers(value, ',')).toEqual(expected);
  });

  test.each([
    ['a (x, y), b', ['a (x, y)', ' b']],
    ['a (x (y, z), "), b', ['a (x (y, z), ")', ' b']],
    ['a (x\\), y), b', ['a (x\\), y)', ' b']],
    ['a ), b', ['a )', ' b']],
    ['a (x, b', ['a (x', ' b']],
  ])('%j at commas outside comments is %j', (value, expected) => {
    expect(splitMembers(value, ',', true)).toEqual(expected);
  });

  test('semicolons are another separator', () => {
    expect(splitMembers('for="a;b";proto=http, c', ';')).toEqual(['for="a;b"', 'proto=http, c']);
  });

  test('joined again the members are the value, whatever it is', () => {
    const value = fc.stringMatching(/^[a,;"()\\ ]*$/);
    fc.assert(
      fc.property(value, fc.constantFrom(',', ';'), fc.boolean(), (text, separator, withComments) => {
        expect(splitMembers(text, separator, withComments).join(separator)).toBe(text);
      }),
    );
  });
});
