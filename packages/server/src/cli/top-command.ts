import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { Command, Option } from 'commander';
import type { Selection } from '../dashboard/select.js';
import { readCertificates } from '../listeners/pem.js';
import { hasColor, painter } from '../terminal/color.js';
import { toVisible } from '../terminal/text.js';
import { AdminClient, AdminError } from '../top/admin-client.js';
import { orders } from '../top/columns.js';
import { printJson, printTable } from '../top/once.js';
import { Top } from '../top/top.js';
import { CommandError } from './command-error.js';
import { print } from './output.js';
import { readFlag, UsageError } from './usage-error.js';

interface TopFlags {
  admin: string;
  tokenFile?: string;
  ca?: string;
  filter?: string;
  sort: keyof typeof orders;
  once?: true;
  json?: true;
}

const notes = `
Shows the running transfers of a server, from its admin listener (--admin of serve, proxy and gateway).

Keys: arrows, j and k select; Enter shows details; / filters; s sorts, r reverses; a aborts and l limits the selected
transfer, after a question; Ctrl-L draws the screen again; q quits.

If standard output is not a terminal, the table is printed once.

Exit codes:
  0    ended by q, or printed
  1    the admin listener could not be reached, or refused access
  2    the command line is not valid
  129  ended by SIGHUP
  130  ended by SIGINT (Ctrl-C)
  143  ended by SIGTERM

Examples:
  sluiceway top
  sluiceway top --admin https://files.example.org:9180 --token-file token
  sluiceway top --json | jq '.transfers[] | select(.waitingFor == "upstream")'`;

/** `sluiceway top`. Calls `onExit` with the exit code. */
export function topCommand(onExit: (code: number) => void): Command {
  return new Command('top')
    .description('watch, limit and abort the running transfers of a server')
    .option(
      '--admin <url>',
      'admin listener of the server: a URL, or "unix:" and the path of a socket',
      'http://127.0.0.1:9180',
    )
    .option('--token-file <file>', 'file with the token for the admin listener, if it requires one')
    .option('--ca <file>', 'trust only these certificate authorities for the admin listener (PEM)')
    .option('--filter <text>', 'show only transfers with these words, in any of their texts')
    .addOption(
      new Option('--sort <order>', 'order of the table').choices(Object.keys(orders)).default('started'),
    )
    .option('--once', 'print the table once')
    .option('--json', 'print the transfers once, as JSON')
    .addHelpText('after', notes)
    .action(async (flags: TopFlags) => onExit(await runTop(flags)));
}

/** Resolves with the exit code. Throws a `UsageError` or a `CommandError`. */
async function runTop(flags: TopFlags): Promise<number> {
  const { filter: search = '', sort } = flags;
  const admin = readAdmin(flags.admin);
  const selection: Selection = { search, state: '', route: '', ...orders[sort] };
  const client = new AdminClient({ admin, token: readToken(flags.tokenFile), ca: readCa(flags.ca) });
  try {
    if (flags.json === true || flags.once === true || !isInteractive()) {
      await print(await (flags.json === true ? printJson : printTable)(client, selection));
      return 0;
    }
    return await runLive(new Top({ client, admin, selection, paint: painter(hasColor(process.stdout)) }));
  } catch (error) {
    if (!(error instanceof AdminError)) throw error;
    throw new CommandError(toVisible(`${admin}: ${error.message}`), { cause: error });
  }
}

const isInteractive = (): boolean => process.stdout.isTTY && process.stdin.isTTY;

/** A signal from outside restores the terminal, too. */
async function runLive(top: Top): Promise<number> {
  const listeners = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map((name) => {
    const listener = (): void => top.end(128 + constants.signals[name]);
    process.on(name, listener);
    return [name, listener] as const;
  });
  try {
    return await top.run();
  } finally {
    for (const [name, listener] of listeners) process.off(name, listener);
  }
}

/** Accepts what `--admin` of the server accepts, too: `127.0.0.1:9180`. */
function readAdmin(text: string): string {
  if (text.startsWith('unix:') && text.length > 'unix:'.length) return text;
  return readFlag('--admin', () => {
    const url = /^https?:\/\//i.test(text) ? text : /^\S+:\d{1,5}$/.test(text) ? `http://${text}` : '';
    if (url === '' || !URL.canParse(url))
      throw new TypeError('must be a URL such as http://127.0.0.1:9180, or unix: and a path');
    const { origin, username } = new URL(url);
    if (username !== '') throw new TypeError('must not contain a user name; use --token-file');
    return origin;
  });
}

/** The first token of a file like that of `--admin-token-file`, whose lines can be `name:token`. */
function readToken(file: string | undefined): string | null {
  if (file === undefined) return null;
  const lines = readFlag('--token-file', () => readFileSync(file, 'utf8')).split(/\r?\n/);
  const token = lines
    .map((line) => line.trim())
    .find((line) => line !== '' && !line.startsWith('#'))
    ?.replace(/^.*:/, '');
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token))
    throw new UsageError('--token-file: has no token');
  return token;
}

const readCa = (file: string | undefined): string | null =>
  file === undefined ? null : readFlag('--ca', () => readCertificates(file));
