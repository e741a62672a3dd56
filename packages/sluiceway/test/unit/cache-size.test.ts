import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { parseCacheSize, readSecondLevelCacheBytes } from '../../src/stream/cache-size.js';

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true });
});

/** A directory as Linux shows it for a processor, from pairs of level and size. */
function sysfs(caches: [string, string | null][]): string {
  const directory = mkdtempSync(join(tmpdir(), 'caches-'));
  directories.push(directory);
  writeFileSync(join(directory, 'uevent'), '');
  for (const [index, [level, size]] of caches.entries()) {
    mkdirSync(join(directory, `index${index}`));
    writeFileSync(join(directory, `index${index}`, 'level'), `${level}\n`);
    if (size !== null) writeFileSync(join(directory, `index${index}`, 'size'), `${size}\n`);
  }
  return directory;
}

test.each<[string, number | null]>([
  ['512K\n', 512 * 1024],
  ['2048K', 2 * 1024 * 1024],
  ['300M', 300 * 1024 * 1024],
  ['49152', 49_152],
  ['0K', null],
  ['', null],
  ['K', null],
  ['-1K', null],
  ['1.5M', null],
  ['99999999999K', null],
  ['2048KB', null],
])('the cache size %j is %j bytes', (text, expected) => {
  expect(parseCacheSize(text)).toBe(expected);
});

test('the size is that of the cache of the second level, wherever it stands', () => {
  const first: [string, string][] = [
    ['1', '48K'],
    ['1', '32K'],
  ];
  expect(readSecondLevelCacheBytes(sysfs([...first, ['2', '512K'], ['3', '16M']]))).toBe(512 * 1024);
});

test.each<[string, () => string]>([
  ['there is no such directory', () => join(sysfs([]), 'missing')],
  ['no cache of the second level is listed', () => sysfs([['1', '48K']])],
  ['its size is not listed', () => sysfs([['2', null]])],
  ['its size is not a size', () => sysfs([['2', 'unknown']])],
])('the size is not known where %s', (_, directory) => {
  expect(readSecondLevelCacheBytes(directory())).toBeNull();
});
