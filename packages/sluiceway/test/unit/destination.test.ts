import { describe, expect, test } from 'vitest';
import { mapDestination, mapIfTags, type OwnPlace } from '../../src/http/destination.js';
import { parseBaseTarget } from '../../src/http/target.js';

const OWN: OwnPlace = { hosts: ['files.test'], protocol: 'http', prefix: '' };

const map = (value: string, url: string, own: Partial<OwnPlace> = {}, host?: string): string | null => {
  const base = parseBaseTarget(url);
  return mapDestination(value, { ...OWN, ...own }, { base, host: host ?? base.host });
};

describe('a Destination that names the proxy names the origin server', () => {
  test.each([
    ['http://files.test/b', 'http://up.test', 'http://up.test/b'],
    ['http://files.test/b', 'http://up.test:81/dav', 'http://up.test:81/dav/b'],
    ['http://files.test/b', 'http://up.test/dav/', 'http://up.test/dav/b'],
    ['HTTP://FILES.test:80/b', 'https://up.test', 'https://up.test/b'],
    ['https://files.test/b', 'http://up.test', 'http://up.test/b'],
    ['https://files.test:443/b', 'http://up.test', 'http://up.test/b'],
    ['http://files.test/a%2Fb/%41?x=%2F', 'http://up.test/d', 'http://up.test/d/a%2Fb/%41?x=%2F'],
    ['http://files.test/My file \xe9', 'http://up.test/d', 'http://up.test/d/My file \xe9'],
    ['http://files.test', 'http://up.test/d', 'http://up.test/d/'],
    ['http://user:secret@files.test/b', 'http://up.test', 'http://up.test/b'],
    ['http://files.test/b', 'http://[2001:db8::1]:81/d', 'http://[2001:db8::1]:81/d/b'],
    ['/b', 'http://up.test', '/b'],
    ['/b', 'http://up.test/dav', '/dav/b'],
    ['/b?c', 'http://up.test/dav/', '/dav/b?c'],
  ])('%s becomes, at %s, %s', (value, url, expected) => {
    expect(map(value, url)).toBe(expected);
  });

  test.each([
    [{ prefix: '/m' }, 'http://files.test/m/b', 'http://up.test/d/b'],
    [{ prefix: '/m' }, 'http://files.test/m', 'http://up.test/d/'],
    [{ prefix: '/m' }, '/m/b', '/d/b'],
    [{ hosts: ['[2001:DB8::2]:8080'] }, 'http://[2001:db8::2]:8080/b', 'http://up.test/d/b'],
    [{ hosts: ['inner:8080', 'files.test'] }, 'https://files.test/b', 'http://up.test/d/b'],
    [{ hosts: ['files.test:443'] }, 'https://files.test/b', 'http://up.test/d/b'],
    [{ hosts: ['files.test:80'] }, 'https://files.test/b', 'http://up.test/d/b'],
  ] as const)('of %j: %s becomes %s', (own, value, expected) => {
    expect(map(value, 'http://up.test/d', own)).toBe(expected);
  });

  test('whose Host is what the request says', () => {
    expect(map('https://files.test/b', 'http://up.test/d', {}, 'files.test')).toBe('http://files.test/d/b');
  });
});

describe('a Destination that names another place passes as it is', () => {
  test.each([
    ['http://other.test/b', {}],
    ['http://files.test:8080/b', {}],
    ['http://files.test.other.test/b', {}],
    ['http://files.test@other.test/b', {}],
    ['ftp://files.test/b', {}],
    ['http://up.test/d/b', {}],
    ['http://files.test/other', { prefix: '/m' }],
    ['http://files.test/mm/b', { prefix: '/m' }],
  ] as const)('%s', (value, own) => {
    expect(map(value, 'http://up.test/d', own)).toBeNull();
  });
});

describe('a Destination that leads out of the base path is refused', () => {
  test.each([
    'http://files.test/../b',
    'http://files.test/%2e%2e/b',
    '/../b',
    '/x/..;/../../b',
    'http://up.test/b',
    'http://up.test/d/../b',
    'b',
    '../b',
    '//files.test/b',
    '',
  ])('%j', (value) => {
    expect(() => map(value, 'http://up.test/d')).toThrow('base path');
    expect(() => map(value, 'http://up.test')).not.toThrow();
  });

  test('also where it is a path outside of the prefix', () => {
    expect(() => map('/other/b', 'http://up.test/d', { prefix: '/m' })).toThrow('base path');
    expect(() => map('http://files.test/other', 'http://up.test/d', { prefix: '/m' }, 'files.test')).toThrow(
      'base path',
    );
  });
});

describe('of an If', () => {
  const base = parseBaseTarget('http://up.test/d');
  const mapIf = (value: string): string => mapIfTags(value, OWN, { base, host: base.host });

  test.each([
    [
      '<http://files.test/a> (<urn:uuid:1> ["w)<http://files.test/x>"])  </b>(Not <DAV:no-lock>)',
      '<http://up.test/d/a> (<urn:uuid:1> ["w)<http://files.test/x>"])  </d/b>(Not <DAV:no-lock>)',
    ],
    ['<http://other.test/a> (["e"])', '<http://other.test/a> (["e"])'],
    ['<http://files.test/../a> (["e"])', '<http://files.test/../a> (["e"])'],
  ])('resource tags are mapped, and nothing else: %s', (value, expected) => {
    expect(mapIf(value)).toBe(expected);
  });

  test.each([
    '(<http://files.test/a>)',
    '(["http://files.test/a"]) (<http://files.test/a>)',
    '<http://files.test/a',
    '"<http://files.test/a>',
    '',
  ])('what has no resource tag stays as it is: %j', (value) => {
    expect(mapIf(value)).toBe(value);
  });
});
