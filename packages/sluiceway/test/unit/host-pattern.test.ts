import { describe, expect, test } from 'vitest';
import { allowsTarget, deniesTarget, JudgedTarget, parseHostPattern } from '../../src/net/host-pattern.js';
import { toTarget } from '../../src/upstream/target.js';

const judged = (url: string) => {
  const { base, path } = toTarget(url);
  return new JudgedTarget(base, path);
};
const allows = (pattern: string, url: string): boolean =>
  allowsTarget(parseHostPattern(pattern), judged(url));
const denies = (pattern: string, url: string): boolean =>
  deniesTarget(parseHostPattern(pattern), judged(url));

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
    ['https://example.com/ä/*', 'https://example.com/ä/b'],
    ['https://example.com/my%20files/*', 'https://example.com/my%20files/a%20b.zip'],
    ['https://example.com/public/*', 'https://example.com/public//a/./b;v=1%3fx'],
    ['example.com/a%2fb', 'http://example.com/a%2fb'],
    ['example.com/a%2Fb', 'http://example.com/a%2fb'],
    ['https://example.com/m%c3%a4rz/*', 'https://example.com/m%C3%A4rz/a'],
    ['https://example.com/ä/*', 'https://example.com/%c3%a4/b'],
    ['https://example.com/o/*', 'https://example.com/o/folder%2Fa%20file.jpg'],
    ['https://example.com/a+b/*', 'https://example.com/a+b/c+d.zip'],
    ['https://example.com/public/*', 'https://example.com/public/a..b...pdf'],
    ['https://example.com/public/*', 'https://example.com/public/report..tar.gz'],
    ['https://example.com/public/*', 'https://example.com/public/%5B1%5D%20a%20;%20b%20%2B%20c..zip'],
    ['https://example.com/public/*', 'https://example.com/public/v1.2.%20/caf%E9%20(1);v=1.txt'],
    ['https://example.com/public/*', `https://example.com/public/${'a%20+b/'.repeat(100)}x:y$z`],
    ['http://127.0.0.1', 'http://0x7f.1/'],
  ] as const)('%s allows and denies %s [Sluiceway]', ([pattern, url]) => {
    expect([allows(pattern, url), denies(pattern, url)]).toEqual([true, true]);
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
    ['example.com/one', 'http://example.com/one/two'],
    ['192.0.2.1', 'http://192.0.2.10/'],
    ['192.0.2.1', 'http://[2001:db8::c000:201]/'],
    ['https://example.com/private/*', 'https://example.com/'],
    ['https://example.com/private/*', 'https://example.com/public/my%20file.zip'],
    ['https://example.com/private/*', 'https://example.com/public/private/a'],
    ['https://example.com/private/*', 'https://example.com/privately/a'],
    ['https://example.com/private/*', 'https://example.com/a;private/b'],
    ['https://example.com/private/*', 'https://example.com/caf%C3%A9/100%25?path=/private/a'],
    ['https://example.com/private/*', 'https://example.com/a/%E6%97%A5%E6%9C%AC/b%2Bc..tar.gz'],
    ['https://example.com/v1.*', 'https://example.com/v10/a'],
  ] as const)('%s neither allows nor denies %s [Sluiceway]', ([pattern, url]) => {
    expect([allows(pattern, url), denies(pattern, url)]).toEqual([false, false]);
  });

  const undecided = [
    '/PRIVATE/a',
    '/Private/a',
    '/./private/a',
    '/public/../private/a',
    '/public/./../private/a',
    '/private/../public/a',
    '/%70rivate/a',
    '/%2570rivate/a',
    '/%252570rivate/a',
    '/p%72iv%61te/a',
    '//private/a',
    '///private//a',
    '/%2fprivate/a',
    '/%2Fprivate/a',
    '/%252fprivate/a',
    '/%5cprivate/a',
    '/public%5c..%5cprivate/a',
    '/public/%2e%2e/private/a',
    '/public/.%2E/private/a',
    '/public/%252e%252e/private/a',
    '/public/..%2fprivate/a',
    '/public/..%5cprivate%5ca',
    '/public/..;/private/a',
    '/public/..;a=b/private/a',
    '/public/..%3b/private/a',
    '/;x/private/a',
    '/private;x=1/a',
    '/;/private/a',
    '/private%3bx/a',
    '/private./a',
    '/private%20/a',
    '/private%2e%20./a',
    '/private%00/a',
    '/a%00/../private/a',
    '/public/%c0%ae%c0%ae/private/a',
    '/public%c0%afprivate/a',
    '/public/%u002e%u002e/private/a',
    '/%u0070rivate/a',
    '/%09/private/a',
    '/%ef%bd%90rivate/a',
    '/%EF%BC%8Fprivate/a',
    '/public/%ef%bc%8e%ef%bc%8e/private/a',
    '/public/x/../../private/a',
    '/../private/a',
    '/..//private/a',
    '/private',
    '/private%3f/a',
    '/private/%23a',
    '/public/..%20/private/a',
    '/.%20/private/a',
    '/.../private/a',
    '/..+/private/a',
    '/private+/a',
    '/private::$INDEX_ALLOCATION/a',
    '/private:$I30:$INDEX_ALLOCATION/a',
    '/private%3A%3A%24DATA',
    '/pri%c2%advate/a',
    '/%e2%80%8bprivate/a',
    '/public/.%e2%80%8d./private/a',
    '/private%ff/a',
    `/%${'25'.repeat(80)}70rivate/a`,
    `/${'a/'.repeat(3000)}`,
  ];

  test.for(undecided)('of a path that %j may stand for denies it [RFC 3986 6.2.2; Sluiceway]', (path) => {
    expect(denies('https://example.com/private/*', `https://example.com${path}`)).toBe(true);
    expect(denies('https://example.com/private/*', `https://example.org${path}`)).toBe(false);
  });

  test.for([
    '/public/../secret',
    '/public/%2e%2e/secret',
    '/public/..%2fsecret',
    '/public/%252e%252e/secret',
    '/public/%25252e%25252e/secret',
    '/public/%252e%252e%252fsecret',
    '/public/a/..;/..;/secret',
    '/public/%u002e%u002e/secret',
    '/public/%c0%ae%c0%ae/secret',
    '/public/%ef%bc%8e%ef%bc%8e/secret',
    '/public/a%00',
    '/public/..%5csecret',
    '/public%2f..%2fsecret',
    '/public/%2e%2e%2fsecret',
    '/public/a%2f..%2f..%2fsecret',
    '/public/..%20/secret',
    '/public/..+/secret',
    '/public/..secret',
    '/public/.%e2%80%8d./secret',
    '/public/.%ff./secret',
    '/public/../public/a',
    '/public;x/a',
    '/PUBLIC/a',
    '/%70ublic/a',
    '//public/a',
    '/public',
  ])('of a path does not allow %j, which may stand for another [RFC 3986 6.2.2; Sluiceway]', (path) => {
    expect(allows('https://example.com/public/*', `https://example.com${path}`)).toBe(false);
  });

  test.for([
    ['192.0.2.1', 'http://[::ffff:192.0.2.1]/'],
    ['192.0.2.1', 'http://[64:ff9b::c000:201]/'],
    ['example.com/%70rivate/*', 'http://example.com/private/a'],
    ['example.com/ä/*', 'http://example.com/%C3%84/a'],
    ['example.com/Ä/*', 'http://example.com/%c3%a4/a'],
    ['example.com/my%20files/*', 'http://example.com/my+files/a'],
    ['example.com/my+files/*', 'http://example.com/my%20files/a'],
    ['example.com/ä/*', 'http://example.com/%E4/a'],
    ['example.com/ä/*', 'http://example.com/%C4/a'],
    ['example.com/one', 'http://example.com/one/'],
    ['example.com/one/', 'http://example.com/one'],
    ['example.com/.*', 'http://example.com/%2egit/config'],
  ] as const)('%s denies %s, and does not allow it [Sluiceway]', ([pattern, url]) => {
    expect([allows(pattern, url), denies(pattern, url)]).toEqual([false, true]);
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
});
