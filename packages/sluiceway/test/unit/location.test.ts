import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rewriteLocation } from '../../src/http/location.js';
import { joinTarget, parseBaseTarget } from '../../src/http/target.js';

const rewrite = (location: string, url = 'http://up.test:8080/app', mountPath = '/files'): string | null =>
  rewriteLocation(location, parseBaseTarget(url), mountPath);

describe('what points into the upstream becomes a path of this proxy', () => {
  test.each([
    ['http://up.test:8080/app/a', '/files/a'],
    ['HTTP://UP.test:8080/app/a', '/files/a'],
    ['//up.test:8080/app/a', '/files/a'],
    ['/app/a', '/files/a'],
    ['/app', '/files'],
    ['/app/', '/files/'],
    ['http://up.test:8080/app', '/files'],
    ['http://up.test:8080/app?q=1#f', '/files?q=1#f'],
    ['/app/a%2Fb/%41?x=%2F&y=//z#/f', '/files/a%2Fb/%41?x=%2F&y=//z#/f'],
    ['/app/caf\xc3\xa9', '/files/caf\xc3\xa9'],
    ['/app//a', '/files//a'],
    ['/app/./a', '/files/./a'],
    ['/app/a..b', '/files/a..b'],
    ['/app/a?x=../y', '/files/a?x=../y'],
  ])('%s becomes %s', (location, expected) => {
    expect(rewrite(location)).toBe(expected);
  });

  test.each([
    ['http://up.test/', '', 'http://up.test', '/'],
    ['http://up.test/', '', 'http://up.test/a', '/a'],
    ['http://up.test', '', 'http://up.test:80/a', '/a'],
    ['http://up.test', '', 'http://up.test:/a', '/a'],
    ['http://up.test', '', 'http://up.test?q', '/?q'],
    ['http://up.test', '', '/a', '/a'],
    ['https://up.test', '', 'https://up.test:443/a', '/a'],
    ['https://up.test', '/m', '//up.test/a', '/m/a'],
    ['http://[2001:db8::1]:81', '/m', 'http://[2001:DB8::1]:81/a', '/m/a'],
    ['http://up.test/app/', '', '/app/a', '/a'],
    ['http://up.test/app/', '/m', '/app', '/m'],
    ['http://up.test/app', '', '/app', '/'],
    ['http://up.test/a%2Fb', '', '/a%2Fb/c', '/c'],
  ])('under %s, mounted at "%s", %s becomes %s', (url, mountPath, location, expected) => {
    expect(rewrite(location, url, mountPath)).toBe(expected);
  });
});

describe('what points elsewhere passes as it is', () => {
  test.each([
    // Another place.
    'http://other.test/app/a',
    'http://up.test/app/a',
    'https://up.test:8080/app/a',
    'http://up.test:80801/app/a',
    'http://sub.up.test:8080/app/a',
    'http://up.test:8080.evil.test/app/a',
    'http://user@up.test:8080/app/a',
    'http://up.test:8080@evil.test/app/a',
    '//other.test/app/a',
    '///up.test:8080/app/a',
    'http:///app/a',
    'http:/app/a',
    'ftp://up.test:8080/app/a',
    '/',
    '/other',
    '/apple',
    '/app%2Fa',
    '/APP/a',
    // Relative to the path of the request, which is as relative at the proxy.
    '',
    'a',
    '../a',
    '?q=1',
    '#f',
    'app/a',
    // Out of the base.
    '/app/../a',
    '/app/..',
    '/app/%2e%2E/a',
    '/app/b/.%2e/../../a',
    // Read in more than one way.
    '/app/\t/evil.test',
    '/app/\\evil.test',
    '\\\\up.test:8080\\app',
    ' /app/a',
    '/app/a\x7f',
  ])('%j', (location) => {
    expect(rewrite(location)).toBeNull();
  });
});

describe('no Location becomes one of another host', () => {
  test.each([
    ['http://up.test', 'http://up.test//evil.test/a'],
    ['http://up.test', '//evil.test/a'],
    ['http://up.test/app', 'http://up.test/app//evil.test'],
    ['http://up.test/app', '/app//evil.test'],
    ['http://up.test/app', '/app/\\evil.test'],
    ['http://up.test/app', '/app/\t/evil.test'],
    ['http://up.test/app/', '/app///evil.test'],
  ])('mounted at the root, under %s: %j', (url, location) => {
    expect(rewrite(location, url, '')).toBeNull();
  });

  test.each(['//evil.test', '/\\evil.test', '/\t/evil.test', 'evil.test', '\\evil'])(
    'mounted at what is no path of this server: %j',
    (mountPath) => {
      expect(rewrite('/app/a', 'http://up.test/app', mountPath)).toBeNull();
    },
  );

  test('whatever the origin server sends', () => {
    const part = fc.constantFrom(
      ...[
        'http://',
        'https:',
        '//',
        '/',
        '\\',
        '\t',
        '@',
        ':',
        '.',
        '..',
        '%2e',
        '%2f',
        '?',
        '#',
        'evil.test',
      ],
      ...['up.test', 'app', 'a', '\x80', ' ', ':80', ';'],
    );
    const location = fc.array(part, { maxLength: 8 }).map((parts) => parts.join(''));
    const wild = fc.oneof(
      location,
      location.map((rest) => `http://up.test${rest}`),
      location.map((rest) => `/app${rest}`),
    );
    const url = fc.constantFrom(
      'http://up.test',
      'http://up.test/',
      'http://up.test/app',
      'http://up.test/app/',
    );
    fc.assert(
      fc.property(wild, url, fc.constantFrom('', '/m', '/m/n'), (from, base, mountPath) => {
        const rewritten = rewrite(from, base, mountPath);
        if (rewritten === null) return;
        expect(rewritten.startsWith('/')).toBe(true);
        // As a browser takes it, wherever it stands.
        const seen = new URL(rewritten, 'https://proxy.test/x/y?z');
        expect(seen.origin).toBe('https://proxy.test');
        expect(seen.pathname.startsWith(mountPath)).toBe(true);
      }),
      { numRuns: 2000 },
    );
  });
});

test('a target that was joined comes back as the path that the client asked for', () => {
  const segment = fc.constantFrom('a', 'b%2Fc', 'x.y', '', '\xe9', 'app');
  const path = fc.array(segment, { minLength: 1 }).map((segments) => `/${segments.join('/')}`);
  const base = fc.constantFrom(
    'http://up.test',
    'http://up.test/',
    'http://up.test/app',
    'https://up.test:81/a/b/',
  );
  fc.assert(
    fc.property(path, base, fc.constantFrom('', 'q=1', 'a=//b'), (asked, url, query) => {
      fc.pre(!asked.startsWith('//'));
      const parsed = parseBaseTarget(url);
      const joined = joinTarget(parsed, asked, query === '' ? null : query);
      const expected = query === '' ? asked : `${asked}?${query}`;
      expect(rewriteLocation(joined, parsed, '')).toBe(expected);
      expect(rewriteLocation(`${parsed.protocol}//${parsed.host}${joined}`, parsed, '/m')).toBe(
        `/m${expected}`,
      );
    }),
  );
});
