import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CookieRules,
  mappedRewrite,
  rewriteSetCookie,
  toCookieDomain,
} from '../../src/http/set-cookie.js';

const NONE: CookieRules = { domain: null, path: null, secure: 'keep' };
const to = (value: string) => () => value;

function rewrite(line: string, rules: Partial<CookieRules>, clientIsSecure = false): string {
  return rewriteSetCookie(line, { ...NONE, ...rules }, clientIsSecure);
}

describe('Domain and Path', () => {
  test.each([
    ['a=1; Domain=old.test', 'a=1; Domain=new.test'],
    ['a=1;domain=old.test;Path=/', 'a=1;domain=new.test;Path=/'],
    ['a=1; DOMAIN = old.test ; x', 'a=1; DOMAIN =new.test; x'],
    ['a=1; Domain=.old.test; Domain=other.test', 'a=1; Domain=new.test; Domain=new.test'],
    // A quoted string is nothing special to a browser, nor is an equals sign in a value.
    ['a="1; Domain=old.test"; x', 'a="1; Domain=new.test; x'],
    ['a=1; Domain=a=b', 'a=1; Domain=new.test'],
    // There is nothing to replace.
    ['a=1', 'a=1'],
    ['a=1; Domain', 'a=1; Domain'],
    ['a=1; Domain=', 'a=1; Domain='],
    ['a=1; Domain= ;', 'a=1; Domain= ;'],
    ['Domain=old.test', 'Domain=old.test'],
    ['domain=1; XDomain=old.test; Domains=old.test', 'domain=1; XDomain=old.test; Domains=old.test'],
    ['', ''],
    [';;', ';;'],
    // Bytes above 0x7F stay.
    ['a=caf\xc3\xa9; Domain=old.test; n=\xff', 'a=caf\xc3\xa9; Domain=new.test; n=\xff'],
  ])('a domain is replaced wherever there is one [RFC 6265 5.2; http-proxy]: %s', (line, expected) => {
    expect(rewrite(line, { domain: to('new.test') })).toBe(expected);
  });

  test.each([
    ['a=1; Domain=old.test', 'a=1'],
    ['a=1;domain=old.test; Path=/', 'a=1; Path=/'],
    ['a=1; Path=/; Domain=x; HttpOnly', 'a=1; Path=/; HttpOnly'],
    ['a=1; Domain', 'a=1; Domain'],
  ])('a domain is removed with the semicolon before it [http-proxy]: %s', (line, expected) => {
    expect(rewrite(line, { domain: to('') })).toBe(expected);
  });

  test.each([
    ['old.test', 'new.test'],
    ['OLD.Test', 'new.test'],
    ['.old.test', 'new.test'],
    ['gone.test', null],
    ['else.test', 'any.test'],
    ['sub.old.test', 'any.test'],
  ])('a map takes the entry of a domain, else that of the asterisk [http-proxy]: %s', (domain, expected) => {
    const values = new Map([
      ['old.test', 'new.test'],
      ['gone.test', ''],
      ['*', 'any.test'],
    ]);
    const rules = { domain: mappedRewrite(values, toCookieDomain) };
    expect(rewrite(`a=1; Domain=${domain}; Path=/`, rules)).toBe(
      expected === null ? 'a=1; Path=/' : `a=1; Domain=${expected}; Path=/`,
    );
  });

  test('a map without an asterisk leaves what it does not name [http-proxy]', () => {
    const rules = { path: mappedRewrite(new Map([['/old', '/new']]), (path) => path) };
    expect(rewrite('a=1; Path=/old', rules)).toBe('a=1; Path=/new');
    expect(rewrite('a=1; Path=/OLD', rules)).toBe('a=1; Path=/OLD');
    expect(rewrite('a=1; Path=/old/sub', rules)).toBe('a=1; Path=/old/sub');
  });

  test('domain and path are independent', () => {
    expect(rewrite('a=1; Path=/x; Domain=y', { path: to('/') })).toBe('a=1; Path=/; Domain=y');
    expect(rewrite('a=1; Path=/x; Domain=y', { path: to('/'), domain: to('') })).toBe('a=1; Path=/');
  });
});

describe('Secure', () => {
  test.each([
    ['keep', false, 'a=1; Secure', 'a=1; Secure'],
    ['keep', true, 'a=1', 'a=1'],
    ['add', false, 'a=1; Path=/', 'a=1; Path=/; Secure'],
    ['add', false, 'a=1; secure; Path=/', 'a=1; secure; Path=/'],
    ['add', false, 'a=1; Secure=x', 'a=1; Secure=x'],
    ['remove', true, 'a=1; Secure; Path=/', 'a=1; Path=/'],
    ['remove', true, 'a=1; SECURE ;secure', 'a=1'],
    ['remove', true, 'a=1; SameSite=Lax; Secure', 'a=1; SameSite=Lax'],
    ['match', true, 'a=1', 'a=1; Secure'],
    ['match', true, 'a=1; Secure', 'a=1; Secure'],
    ['match', false, 'a=1; Secure', 'a=1'],
    ['match', false, 'a=1', 'a=1'],
  ] as const)('%s, client by https %s: %s becomes %s', (secure, clientIsSecure, line, expected) => {
    expect(rewrite(line, { secure }, clientIsSecure)).toBe(expected);
  });

  test.each([
    '__Secure-a=1; Secure',
    '__secure-a=1; Secure',
    ' __Secure-a =1; Secure',
    '__Http-a=1; Secure; HttpOnly',
    'a=1; Secure; SameSite=None',
    'a=1; samesite = NONE; Secure',
    'a=1; Secure; Partitioned',
  ])('is not removed where a browser would refuse the cookie without it [RFC 6265]: %s', (line) => {
    expect(rewrite(line, { secure: 'remove' })).toBe(line);
    expect(rewrite(line, { secure: 'match' })).toBe(line);
  });
});

test('a cookie with the prefix __Host- is never changed: a browser keeps it only as it is [RFC 6265]', () => {
  const line = '__Host-a=1; Secure; Path=/';
  const rules = { domain: to('x.test'), path: to('/x'), secure: 'remove' } as const;
  expect(rewrite(line, rules)).toBe(line);
  expect(rewrite(line.toLowerCase(), rules)).toBe(line.toLowerCase());
  // That the value looks like one says nothing.
  expect(rewrite('a=__Host-b; Path=/', { path: to('/x') })).toBe('a=__Host-b; Path=/x');
  expect(rewrite('__Host-a', { secure: 'add' })).toBe('__Host-a; Secure');
});

describe('properties', () => {
  const word = fc.constantFrom(
    'Domain',
    'path',
    'SECURE',
    'HttpOnly',
    'SameSite',
    'Max-Age',
    'x',
    '',
    'caf\xe9',
  );
  const space = fc.constantFrom('', ' ', '\t');
  const value = fc.constantFrom('', '=', '=/', '=old.test', '=None', '=a=b', '="q"', '=\xff');
  const attribute = fc.tuple(space, word, space, value, space).map((parts) => `;${parts.join('')}`);
  const line = fc.tuple(fc.stringMatching(/^[\x20-\x3a\x3c-\x7e\x80-\xff]{0,8}$/), fc.array(attribute));
  const text = line.map(([pair, attributes]) => pair + attributes.join(''));

  /** As a browser reads it: name and value of each attribute, in order. */
  const read = (from: string): [string, string][] =>
    from
      .split(';')
      .slice(1)
      .map((each) => {
        const [name = '', ...rest] = each.split('=');
        return [name.trim().toLowerCase(), rest.join('=').trim()];
      });

  test('without rules nothing changes', () => {
    fc.assert(
      fc.property(text, fc.boolean(), (from, secure) => {
        expect(rewrite(from, {}, secure)).toBe(from);
      }),
    );
  });

  test('only the attributes that a rule is about change, and the pair never does', () => {
    const secure = fc.constantFrom('keep', 'remove', 'add', 'match');
    fc.assert(
      fc.property(text, secure, fc.boolean(), (from, rule, https) => {
        fc.pre(!/^\s*__/.test(from));
        const rewritten = rewrite(from, { domain: to('new.test'), path: to(''), secure: rule }, https);
        expect(rewritten.split(';', 1)).toEqual(from.split(';', 1));
        const others = (attributes: [string, string][]) => attributes.filter(([name]) => name !== 'secure');
        const expected = others(read(from)).flatMap(([name, old]): [string, string][] => {
          if (name === 'path' && old !== '') return [];
          return [[name, name === 'domain' && old !== '' ? 'new.test' : old]];
        });
        expect(others(read(rewritten))).toEqual(expected);
        const isSecure = (attributes: [string, string][]) => attributes.some(([name]) => name === 'secure');
        const wanted = rule === 'match' ? (https ? 'add' : 'remove') : rule;
        if (wanted === 'add') expect(isSecure(read(rewritten))).toBe(true);
        if (wanted === 'keep') expect(isSecure(read(rewritten))).toBe(isSecure(read(from)));
        if (wanted === 'remove' && isSecure(read(rewritten))) {
          expect(read(from).some(([name, old]) => name === 'samesite' && old === 'None')).toBe(true);
        }
      }),
    );
  });

  test('rewriting twice is rewriting once', () => {
    const rules = { domain: to('new.test'), path: to('/'), secure: 'add' } as const;
    fc.assert(
      fc.property(text, (from) => {
        const once = rewrite(from, rules);
        expect(rewrite(once, rules)).toBe(once);
      }),
    );
  });
});
