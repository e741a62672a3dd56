import { expect, test } from 'vitest';
import { runProgram } from '../../../server/src/cli/program.js';
import { listOptions, proxyOptions } from '../../src/options.js';
import { HostedProcess } from '../support/hosted-process.js';
import { bare, type Page, readPage, tableUnder } from './support/markdown.js';

const options = readPage('docs/options.md');
const server = readPage('docs/server.md');
const get = readPage('docs/get.md');
const top = readPage('docs/top.md');
const doctor = readPage('docs/doctor.md');
/** The help of each command is asked for several times. */
const helps = new Map<string, Promise<string>>();

function helpOf(command: string): Promise<string> {
  const help = helps.get(command) ?? askHelp(command);
  helps.set(command, help);
  return help;
}

async function askHelp(command: string): Promise<string> {
  const program = new HostedProcess(() => runProgram([...command.split(' '), '--help']));
  expect(await program.exited).toBe(0);
  return program.stdout;
}

/** Each command, with what its tables on the page are marked with, and whose flags it takes besides. */
const commands: { command: string; page?: Page; flags?: string; exitCodes?: string; besides?: string }[] = [
  { command: 'serve', page: server, flags: 'flags: serve', exitCodes: 'exit codes: serve' },
  { command: 'config init', page: server },
  { command: 'config check', page: server },
  { command: 'config show', page: server },
  { command: 'config schema', page: server },
  { command: 'proxy', flags: 'flags', exitCodes: 'exit codes' },
  { command: 'gateway', flags: 'flags: gateway', besides: 'proxy' },
  { command: 'get', page: get, flags: 'flags: get', exitCodes: 'exit codes: get' },
  { command: 'keys new', flags: 'flags: keys new', exitCodes: 'exit codes: keys new' },
  { command: 'sign', flags: 'flags: sign', exitCodes: 'exit codes: sign' },
  { command: 'top', page: top, flags: 'flags: top', exitCodes: 'exit codes: top' },
  { command: 'verify', flags: 'flags: verify', exitCodes: 'exit codes: verify' },
  { command: 'doctor', page: doctor, flags: 'flags: doctor', exitCodes: 'exit codes: doctor' },
];

/** Flag and default, as the help of the program gives them. */
function flagsOfHelp(help: string): Map<string, string | null> {
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

test('every command of the program is documented', async () => {
  const commandsIn = (help: string): string[] => {
    const [, text = ''] = /^Commands:\n((?: {2}.*\n)+)/m.exec(help) ?? [];
    return Array.from(text.matchAll(/^ {2}(\w+)/gm), ([, name = '']) => name).filter(
      (name) => name !== 'help',
    );
  };
  const all: string[] = [];
  for (const name of commandsIn(await helpOf('--help'))) {
    const below = commandsIn(await helpOf(name));
    all.push(...(below.length === 0 ? [name] : below.map((each) => `${name} ${each}`)));
  }
  expect(commands.map(({ command }) => command)).toEqual(all);
});

test.each(commands)(
  'every flag of $command is documented with its default, and every documented flag exists',
  async ({ command, page = options, flags, besides }) => {
    if (flags === undefined) {
      expect(Array.from(flagsOfHelp(await helpOf(command)).keys())).toEqual(['-h, --help']);
      expect(page.prose.join('\n')).toContain(`| \`sluiceway ${command}\` |`);
      return;
    }
    const documented = tableUnder(page, flags).map((row) => {
      const [flag = '', fallback = ''] = [row[0] ?? '', row.at(-2) ?? ''].map(bare);
      return [flag, ['', 'none', 'random', "Node's"].includes(fallback) ? null : fallback];
    });
    const shared =
      besides === undefined ? new Map<string, string | null>() : flagsOfHelp(await helpOf(besides));
    const own = Array.from(flagsOfHelp(await helpOf(command))).filter(
      ([flag, fallback]) => shared.get(flag) !== fallback,
    );
    expect(own.length).toBeGreaterThan(1);
    expect(Object.fromEntries(documented)).toEqual(Object.fromEntries(own));
  },
);

const rows = tableUnder(options, 'flags').map((row) => row.map(bare));

test('a flag that stands for an option has the default of the option', () => {
  const defaults = new Map(listOptions(proxyOptions).map(({ path, spec }) => [path, bare(spec.defaultText)]));
  const standing = rows.filter(([, path]) => path !== '');
  expect(standing.length).toBeGreaterThan(8);
  expect(
    standing.map(([flag, , fallback = '']) => [
      flag,
      fallback === 'off' ? 'false' : fallback.replaceAll("'", ''),
    ]),
  ).toEqual(standing.map(([flag, path = '']) => [flag, defaults.get(path)?.replaceAll("'", '')]));
});

test.each(commands.filter(({ exitCodes }) => exitCodes !== undefined))(
  'the exit codes of $command are those of the help',
  async ({ command, page = options, exitCodes = '' }) => {
    const [, text = ''] = /^Exit codes:\n((?: {2}\d.*\n)+)/m.exec(await helpOf(command)) ?? [];
    const codes = text
      .trimEnd()
      .split('\n')
      .map((line) => /^ {2}(\d+) +(.*)$/.exec(line)?.slice(1));
    expect(tableUnder(page, exitCodes).map((row) => row.map((cell) => cell.replaceAll('`', '')))).toEqual(
      codes.map((row) => row?.map((cell) => cell.replaceAll('`', ''))),
    );
  },
);
