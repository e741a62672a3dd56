import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type ErrorCode, SluicewayError } from '../../src/errors.js';
import * as library from '../../src/index.js';
import { bare, codesIn, readPage, tableUnder } from './support/markdown.js';

const page = readPage('docs/outcomes.md');
const source = readFileSync(new URL('../../src/errors.ts', import.meta.url), 'utf8');

/** The members of a union of words, as the source spells them. */
function unionOf(name: string): string[] {
  const [, members = ''] =
    new RegExp(`export type ${name} =\\n((?:  \\| '\\w+'(?:;|\\n))+)`).exec(source) ?? [];
  return Array.from(members.matchAll(/'(\w+)'/g), ([, member]) => member as string);
}

test('every error code is documented with its source, status and outcome, in the order of the source', () => {
  const codes = unionOf('ErrorCode') as ErrorCode[];
  expect(codes).toContain('shutdown');
  const actual = codes.map((code) => {
    const { source: fault, status, outcome } = new SluicewayError(code, '');
    return [code, fault, String(status), outcome];
  });
  const documented = tableUnder(page, 'codes').map((row) => row.slice(0, 4).map(bare));
  expect(documented).toEqual(actual);
});

test('every outcome is documented, and none that does not exist', () => {
  const outcomes = unionOf('Outcome');
  expect(outcomes).toContain('completed');
  expect(tableUnder(page, 'outcomes').map(([name = '']) => bare(name))).toEqual(outcomes);
});

test('the table of failures names no outcome that does not exist', () => {
  const [table] = page.lines.join('\n').split('## When something fails')[1]?.split('##') ?? [];
  const named = (table ?? '').split('\n').flatMap((line) => codesIn(line.split('|').at(-2) ?? ''));
  expect(named).toContain('upstream_truncated');
  expect(named.filter((name) => !unionOf('Outcome').includes(name))).toEqual([]);
});

test("the library's page lists what it exports", () => {
  const listed = tableUnder(readPage('packages/sluiceway/README.md'), 'exports').flatMap(([cell = '']) =>
    codesIn(cell),
  );
  expect(listed.toSorted()).toEqual(Object.keys(library).toSorted());
});

test("the library's page lists every further entry with what it exports at run time", async () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    exports: Record<string, unknown>;
  };
  const names = Object.keys(manifest.exports).filter((name) => !['.', './package.json'].includes(name));
  const rows = tableUnder(readPage('packages/sluiceway/README.md'), 'entries');
  const listed = rows.map(([entry = '', exported = '']) => [bare(entry), codesIn(exported).toSorted()]);
  const actual = await Promise.all(
    names.map(async (name): Promise<[string, string[]]> => {
      const entry = (await import(`../../src/${name.slice(2)}.ts`)) as object;
      return [`sluiceway/${name.slice(2)}`, Object.keys(entry).toSorted()];
    }),
  );
  expect(Object.fromEntries(listed)).toEqual(Object.fromEntries(actual));
});
