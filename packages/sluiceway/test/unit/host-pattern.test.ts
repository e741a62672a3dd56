import { describe, expect, test } from 'vitest';
import { parseBaseTarget } from '../../src/http/target.js';
import { matchesHost, parseHostPattern } from '../../src/net/host-pattern.js';
import { toTarget } from '../../src/upstream/redirect-policy.js';

const matches = (pattern: string, url: string): boolean => {
  const { base, path } = toTarget(url);
  return matchesHost(parseHostPattern(pattern), base, path);
};

describe('a host pattern', () => {
  test.for([
    ['example.com', 'http://example.com/'],
    ['example.com', 'https://EXAMPLE.com:8443/a?b'],
    ['example.com', 'http://example.com./'],
    ['EXAMPLE.com.', 'http://example.com/'],
    ['münchen.example', 'http://xn--mnchen-3ya.example/'],
    ['*.example.com', 'http://a.example.com/'],
    ['*.example.com', 'http://a.b.example.com/'],
    ['*', 'http://anything:99/'],
    ['example.com:8443', 'https://example.com:8443/'],
    ['https://example.com', 'https://example.com/a'],
    ['https://example.com:443', 'https://example.com/a'],
    ['https://example.com/public/*', 'https://example.com/public/a/b?c'],
    ['example.com/one', 'http://example.com/one?query'],
    ['[2001:db8::1]', 'http://[2001:db8:0::1]:80/'],
    ['192.0.2.1', 'http://192.0.2.1/'],
  ])('%s fits %s', ([pattern, url]) => {
    expect(matches(pattern as string, url as string)).toBe(true);
  });

  test.for([
    ['example.com', 'http://example.com.evil.example/'],
    ['example.com', 'http://notexample.com/'],
    ['example.com', 'http://a.example.com/'],
    ['*.example.com', 'http://example.com/'],
    ['*.example.com', 'http://evilexample.com/'],
    ['example.com:8443', 'https://example.com/'],
    ['https://example.com', 'http://example.com/'],
    ['https://example.com/public/*', 'https://example.com/publicity'],
    ['https://example.com/public/*', 'https://example.com/public/../secret'],
    ['https://example.com/public/*', 'https://example.com/public/%2e%2e/secret'],
    ['https://example.com/public/*', 'https://example.com/public/..%2fsecret'],
    ['https://example.com/public/*', 'https://example.com/PUBLIC/a'],
    ['example.com/one', 'http://example.com/one/two'],
    ['192.0.2.1', 'http://192.0.2.10/'],
  ])('%s does not fit %s', ([pattern, url]) => {
    expect(matches(pattern as string, url as string)).toBe(false);
  });

  test.for([
    '',
    'a b',
    'http://',
    'ftp://example.com',
    'a.*.com',
    'ex*mple.com',
    '*example.com',
    'example.com/*/a',
    'user@example.com',
    'example.com?x',
    'example.com#x',
    'http://example.com:99999/x y',
  ])('is not %j', (pattern) => {
    expect(() => parseHostPattern(pattern)).toThrow(TypeError);
  });

  test('compares with what the URL parser makes of a host', () => {
    expect(matchesHost(parseHostPattern('127.0.0.1'), parseBaseTarget('http://0x7f.1/'), '/')).toBe(true);
  });
});
