import { describe, expect, test } from 'vitest';
import type { GrantOptions } from '../../src/gateway/grant.js';
import { createLinks } from '../../src/gateway/links.js';
import { anyUse, forms, keys, linksOf, signElsewhere } from '../support/grants.js';
import { problemsOf } from '../support/problems.js';

const verify = (link: string) => linksOf().verify(link, anyUse).grant;

describe('the length of a link', () => {
  test.each(forms)('of the form %s is at most 8,000 characters [RFC 9110 4.1]', (form) => {
    const links = linksOf(form);
    const signing = (length: number) =>
      links.sign({ url: `https://a.example/${'a'.repeat(length)}`, expires: '1h' });
    let longest = '';
    for (let length = 5700; ; length++) {
      try {
        longest = signing(length);
      } catch (error) {
        expect(String(error)).toMatch(/a link of 800\d characters; some intermediaries pass at most 8000/);
        break;
      }
    }
    expect(longest.length).toBeGreaterThan(7990);
    expect(links.verify(longest, anyUse).grant.url.length).toBeGreaterThan(5700);
  });

  test('that comes is bounded before anything is looked at [Sluiceway]', () => {
    const padding = 'a'.repeat(7900);
    const link = signElsewhere({ url: `https://a.example/${padding}`, expires: '4000000000' });
    expect(() => verify(link)).toThrow(expect.objectContaining({ code: 'link_invalid' }));
  });
});

test('headers of a grant do not go into a link that everybody can read, and no message shows them [Sluiceway]', () => {
  const options = { url: 'https://a.example/', expires: '1h', headers: { Authorization: 'Bearer hidden' } };
  const problems = problemsOf(() => linksOf('signed').sign(options));
  expect(problems).toEqual(['headers must not be in a signed link, which is readable: use an encrypted one']);
});

test('all problems of a grant are told at once [Sluiceway]', () => {
  const options = { url: 'x', expires: 'y', filename: '', rate: 'z', metods: [] } as unknown as GrantOptions;
  expect(problemsOf(() => linksOf().sign(options)).map((problem) => problem.split(' ')[0])).toEqual([
    'metods',
    'expires',
    'url',
    'filename',
    'rate',
  ]);
  expect(problemsOf(() => linksOf().sign(undefined as unknown as GrantOptions))).toEqual([' is required']);
});

test('a URL object is taken as well, and the text of a URL stays as it is, byte for byte [Sluiceway]', () => {
  const signed = (url: string | URL) => verify(linksOf().sign({ url, expires: '1h' })).url;
  expect(signed(new URL('HTTPS://A.example/a/../b'))).toBe('https://a.example/b');
  for (const url of [
    'HTTPS://A.example:443',
    'http://a.example/%2e%2E/%aF?a=%20+&b',
    'https://bücher.example/ü',
  ])
    expect(signed(url)).toBe(url);
});

test.each<[string, object, RegExp]>([
  ['nothing', undefined as unknown as object, /^ is required$/],
  ['no keys', {}, /^keys is required$/],
  ['an unknown option', { keys, bas: 'x' }, /^bas is not an option; did you mean 'base'\?$/],
  [
    'a base with a path',
    { keys, base: 'https://a.example/b' },
    /^base must be http:.* and a host; set the path/,
  ],
  [
    'a base with a query',
    { keys, base: 'https://a.example?b' },
    /^base must be http:.* and a host; set the path/,
  ],
  ['a base with a password', { keys, base: 'https://a:b@a.example' }, /^base must not contain a user name/],
  ['a base that is no URL', { keys, base: 'a.example' }, /^base must be a URL/],
  ['a path with a query', { keys, path: '/a?b' }, /^path must be a path/],
  ['an unknown form', { keys, form: 'plain' }, /^form must be one of/],
])('createLinks refuses %s', (_, options, problem) => {
  expect(problemsOf(() => createLinks(options as Parameters<typeof createLinks>[0]))).toEqual([
    expect.stringMatching(problem),
  ]);
});
