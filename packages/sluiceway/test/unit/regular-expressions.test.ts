import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parseAst } from 'vitest/node';

/** Of what is fed to each expression: a quadratic one takes over 10 ms for the first, and seconds for the second. */
const SHORT = 8 * 1024;
const LONG = 64 * 1024;
const SUSPICIOUS_MS = 10;
const LIMIT_MS = 500;

const STARTS = ['', 'a', '"'];
const REPEATED = [
  ...Array.from(' \t\r\n\0\u00ff\u20acaAfF059_-+~.,:;/\\?#&=%!*@|$^\'"()[]{}<>'),
  ...[
    '. ',
    ', ',
    '; ',
    '=,',
    'a.',
    'a:',
    'a,',
    'a=',
    'a/',
    'a-',
    '0.',
    '0,',
    '0:',
    '::',
    '//',
    '../',
    '%2e',
    '\\"',
    '""',
    '\t ',
  ],
];
const ENDS = ['', '!'];

interface Found {
  file: string;
  pattern: string;
  flags: string;
}

/** Every regular expression that the sources of both packages write down. */
function findAll(): Found[] {
  const found: Found[] = [];
  for (const name of ['sluiceway', 'server']) {
    const root = fileURLToPath(new URL(`../../../${name}/src/`, import.meta.url));
    for (const file of readdirSync(root, { recursive: true, encoding: 'utf8' })) {
      if (!file.endsWith('.ts')) continue;
      const visit = (node: unknown): void => {
        if (typeof node !== 'object' || node === null) return;
        const { regex } = node as { regex?: { pattern: string; flags: string } };
        if (regex !== undefined) found.push({ file: `${name}/src/${file}`, ...regex });
        for (const child of Object.values(node)) visit(child);
      };
      // Its successor is in vite, on which nothing here depends by itself.
      // oxlint-disable-next-line typescript/no-deprecated
      visit(parseAst(readFileSync(root + file, 'utf8'), { lang: 'ts' }));
    }
  }
  return found;
}

/** CPU time of one search through all of a text, in milliseconds: other programs on the machine do not count. */
function costOf(expression: RegExp, text: string): number {
  const before = process.cpuUsage();
  text.replace(expression, '');
  const { user } = process.cpuUsage(before);
  return user / 1000;
}

const repeatTo = (length: number, start: string, repeated: string, end: string): string =>
  start + repeated.repeat(Math.ceil(length / repeated.length)) + end;

/** What a text of 64 kB costs where one of 8 kB was suspiciously dear; twice, since a collection of garbage counts too. */
function worstOf({ pattern, flags }: Found): { ms: number; text: string } {
  const expression = new RegExp(pattern, `${flags.replace('g', '')}g`);
  let worst = { ms: 0, text: '' };
  for (const start of STARTS) {
    for (const repeated of REPEATED) {
      for (const end of ENDS) {
        if (costOf(expression, repeatTo(SHORT, start, repeated, end)) < SUSPICIOUS_MS) continue;
        const long = repeatTo(LONG, start, repeated, end);
        const ms = Math.min(costOf(expression, long), costOf(expression, long));
        if (ms > worst.ms) worst = { ms, text: JSON.stringify([start, repeated, end]) };
        if (worst.ms > LIMIT_MS) return worst;
      }
    }
  }
  return worst;
}

test('no regular expression of the sources takes long for 64 kB of its worst characters [CWE-1333]', () => {
  const found = findAll();
  expect(found.length).toBeGreaterThan(150);
  const slow = found
    .map((each) => ({ ...each, ...worstOf(each) }))
    .filter(({ ms }) => ms > LIMIT_MS)
    .map(({ file, pattern, text }) => `${file}: /${pattern}/ with ${text}`);
  expect(slow).toEqual([]);
}, 120_000);
