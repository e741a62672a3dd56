import { describe, expect, test } from 'vitest';
import { isSidecarPath, parseSidecar, sidecarPath } from '../../src/http/sidecar.js';

const pathOf = (location: string, target: string): string | null => {
  const found = sidecarPath(parseSidecar(location), target);
  return found === null ? null : found.path + found.query;
};

test.for([
  ['{name}.sha256', '/iso/a.iso', '/iso/a.iso.sha256'],
  ['{name}.sha256', '/iso/a%20b.iso?x=1', '/iso/a%20b.iso.sha256'],
  ['{name}.sha256{query}', '/iso/a.iso?x=1', '/iso/a.iso.sha256?x=1'],
  ['{name}.sha256{query}', '/iso/a.iso', '/iso/a.iso.sha256'],
  ['SHA256SUMS', '/iso/a.iso', '/iso/SHA256SUMS'],
  ['./SHA256SUMS', '/a.iso', '/SHA256SUMS'],
  ['../SHA256SUMS', '/iso/x/a.iso', '/iso/SHA256SUMS'],
  ['../../../SHA256SUMS', '/iso/a.iso', '/SHA256SUMS'],
  ['sums/{name}.txt', '/iso/a.iso', '/iso/sums/a.iso.txt'],
  ['/SHA256SUMS', '/iso/a.iso', '/SHA256SUMS'],
  ['/sums/{path}.txt?v=2', '/iso/a.iso', '/sums/iso/a.iso.txt?v=2'],
  ['https://sums.example/{path}', '//iso/a.iso', '/iso/a.iso'],
  ['{name}.sha256', '/iso/$&', '/iso/$&.sha256'],
] as const)('%s of %s is %s', ([location, target, expected]) => {
  expect(pathOf(location, target)).toBe(expected);
});

test.for(['/', '/iso/', '/iso/?a/b', '*'])('%s names no file', (target) => {
  expect(pathOf('{name}.sha256', target)).toBeNull();
});

test('a URL names the server', () => {
  expect(parseSidecar('https://sums.example:8443/{path}').base).toMatchObject({ host: 'sums.example:8443' });
  expect(parseSidecar('/{path}.sha256').base).toBeNull();
});

describe('a location is refused', () => {
  test.for([
    '',
    '{name}',
    '/{path}',
    '../{name}{query}',
    '{file}.sha256',
    '{name.sha256',
    'a b',
    'a#b',
    'a\\b',
    'a\r\nb',
    'ä',
    '//sums.example/a',
    'ftp://sums.example/a',
    'https://sums.example',
    'https://{name}.example/a',
    'https://user@sums.example/a',
    7,
  ])('%j', (location) => {
    expect(() => parseSidecar(location)).toThrow(TypeError);
  });
});

test.for([
  ['{name}.sha256', '/iso/a.iso.sha256', true],
  ['{name}.sha256', '/iso/a.iso', false],
  ['{name}.sha256', '/iso/aXsha256', false],
  ['SHA256SUMS', '/iso/SHA256SUMS?x', true],
  ['SHA256SUMS', '/iso/xSHA256SUMS', false],
  ['../sums/{name}', '/iso/sums/a.iso', true],
  ['../sums/{name}', '/iso/a.iso', false],
  ['/sums/{path}', '/sums/iso/a.iso', true],
  ['/sums/{path}', '/iso/sums/a.iso', false],
] as const)('%s: %s is the path of a checksum file: %s', ([location, target, expected]) => {
  expect(isSidecarPath(parseSidecar(location), target)).toBe(expected);
});
