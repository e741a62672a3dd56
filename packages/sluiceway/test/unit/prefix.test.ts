import { describe, expect, test } from 'vitest';
import { parsePathPrefix, stripTargetPrefix } from '../../src/http/prefix.js';

describe('a prefix', () => {
  test.for(['/files', '/files/', '/a/b.c', '/%2F', '/', ''])('may be %j', (prefix) => {
    expect(parsePathPrefix(prefix)).toBe(prefix.replace(/\/$/, ''));
  });

  test.for([
    'files',
    '/a?b',
    '/a#b',
    '//a',
    '/a//b',
    '/a b',
    '/..',
    '/a/%2e%2E',
    '/./a',
    '/ä',
    '/a\\b',
    'http://a/b',
  ])('may not be %j', (prefix) => {
    expect(() => parsePathPrefix(prefix)).toThrow(TypeError);
  });

  test.for([
    ['/files/a', '/a'],
    ['/files/', '/'],
    ['/files', '/'],
    ['/files?a=/b', '/?a=/b'],
    ['/files/a%2Fb?c', '/a%2Fb?c'],
    ['/files//a', '//a'],
    ['/files/../a', '/../a'],
    ['http://test/files/a?b', 'http://test/a?b'],
    ['HTTPS://test/files', 'HTTPS://test/'],
    ['/filesystem', null],
    ['/files%2Fa', null],
    ['/file', null],
    ['/%66iles/a', null],
    ['/FILES/a', null],
    ['//files/a', null],
    ['/x?/files/a', null],
    ['http://test?/files', null],
    ['http://files/a', null],
    ['*', null],
    ['test:443', null],
    ['', null],
  ] as const)(
    'of whole segments, byte for byte, is taken off %j as %j [Go StripPrefix]',
    ([target, rest]) => {
      expect(stripTargetPrefix(target, '/files')).toBe(rest);
    },
  );

  test('of the root changes nothing', () => {
    expect(stripTargetPrefix('/a?b', '')).toBe('/a?b');
    expect(stripTargetPrefix('*', '')).toBe(null);
  });
});
