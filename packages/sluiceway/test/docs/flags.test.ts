import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { bare, readPage, tablesUnder, tableUnder } from './support/markdown.js';

const page = readPage('docs/options.md');
const program = fileURLToPath(new URL('../../../server/bin/sluiceway.js', import.meta.url));
const help = spawnSync(process.execPath, [program, 'proxy', '--help'], { encoding: 'utf8' }).stdout;

/** Flag and default, as the help of the program gives them. */
function flagsOfHelp(): Map<string, string | null> {
  const [, text = ''] = /^Options:\n((?: {2}.*\n)+)/m.exec(help) ?? [];
  // A long description goes on in further lines, far to the right.
  const lines = text
    .replaceAll(/\n {10,}/g, ' ')
    .trimEnd()
    .split('\n');
  return new Map(
    lines.map((line) => {
      const [, flag = '', description = ''] = /^ {2}(-.+?) {2,}(.*)$/.exec(line) ?? [];
      const fallback = /\((?:choices: .*, )?default:? "?(.+?)"?\)$/.exec(description)?.[1] ?? null;
      return [flag, fallback];
    }),
  );
}

const rows = tableUnder(page, 'flags').map((row) => row.map(bare));

test('every flag is documented with its default, and every documented flag exists', () => {
  const documented = rows.map(([flag = '', , fallback = '']) => {
    return [flag, ['', 'none', 'random', "Node's"].includes(fallback) ? null : fallback];
  });
  expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(flagsOfHelp()));
});

test('a flag that stands for an option has the default of the option', () => {
  const options = new Map(
    tablesUnder(page, 'options')
      .flat()
      .map(([path = '', , fallback = '']) => [bare(path), bare(fallback)]),
  );
  const standing = rows.filter(([, path]) => path !== '');
  expect(standing.length).toBeGreaterThan(8);
  expect(
    standing.map(([flag, , fallback = '']) => [
      flag,
      fallback === 'off' ? '0' : fallback.replaceAll("'", ''),
    ]),
  ).toEqual(standing.map(([flag, path = '']) => [flag, options.get(path)?.replaceAll("'", '')]));
});

test('the exit codes are those of the help', () => {
  const [, text = ''] = /^Exit codes:\n((?: {2}\d.*\n)+)/m.exec(help) ?? [];
  const codes = text
    .trimEnd()
    .split('\n')
    .map((line) => /^ {2}(\d+) +(.*)$/.exec(line)?.slice(1));
  expect(tableUnder(page, 'exit codes').map((row) => row.map((cell) => cell.replaceAll('`', '')))).toEqual(
    codes.map((row) => row?.map((cell) => cell.replaceAll('`', ''))),
  );
});
