import { type Command, Option } from 'commander';
import { type AnySpec, findSpec, type Members, OFF } from 'sluiceway/options';
import { readFlag } from './usage-error.js';

/** The flags that set one option of the library each, by the path of the option, with a short help text. */
export type OptionFlags = Readonly<Record<string, readonly [flag: string, help: string]>>;

export const transferFlags: OptionFlags = {
  'timeouts.connect': ['--connect-timeout', 'maximum time to connect to the origin server, including TLS'],
  'timeouts.responseHead': [
    '--response-head-timeout',
    'maximum time from the sent request to the response head',
  ],
  'timeouts.upstreamIdle': [
    '--upstream-idle-timeout',
    'maximum idle time while a transfer waits for the origin server',
  ],
  'timeouts.clientIdle': ['--client-idle-timeout', 'maximum idle time while a transfer waits for the client'],
  'timeouts.total': ['--total-timeout', 'maximum time for a whole transfer'],
  'limits.minRate': ['--min-rate', 'end transfers that are slower, in bytes per second'],
};

export const tunnelAndUploadFlags: OptionFlags = {
  'timeouts.tunnelIdle': [
    '--tunnel-idle-timeout',
    'maximum time without a byte in a WebSocket or other tunnel',
  ],
  'timeouts.tunnelDrain': [
    '--tunnel-drain',
    'how long WebSockets stay open when the proxy stops, before they are closed with 1001',
  ],
  'limits.requestContent': ['--max-upload', 'maximum size of request content; larger requests get 413'],
  'limits.responseContent': [
    '--max-response',
    'maximum size of the content of a response; a larger one becomes a 502 or is broken off',
  ],
  'headers.forwarded.port': [
    '--forwarded-port',
    'send X-Forwarded-Port, the port that the client asked for, to the origin server',
  ],
};

export const downloadFlags: OptionFlags = {
  'limits.fileBytes': ['--max-file', 'maximum size of one file'],
  'limits.transfers': ['--max-transfers', 'maximum number of concurrent downloads'],
  'limits.transfersPerClient': [
    '--max-transfers-per-client',
    'maximum number of concurrent downloads of one client',
  ],
};

/** Adds a flag for each option, with the argument and default of the option in `members`. */
export function addOptionFlags(command: Command, members: Members, flags: OptionFlags): Command {
  for (const [path, [flag, help]] of Object.entries(flags)) {
    const spec = findSpec(members, path);
    if (spec === undefined) throw new TypeError(`${flag} sets ${path}, which is not an option`);
    command.addOption(new Option(`${flag}${argumentOf(spec)}`, `${help} (default ${defaultOf(spec)})`));
  }
  return command;
}

/** The flag of each option. */
export const flagsByOption = (flags: OptionFlags): Record<string, string> =>
  Object.fromEntries(Object.entries(flags).map(([path, [flag]]) => [path, flag]));

/** The word that turns a timeout or limit off on the command line. */
const OFF_WORD = 'off';

/** Converts the value of a flag to that of an option. */
export const orOff = (text: string): string | typeof OFF => (text === OFF_WORD ? OFF : text);

/** The whole number that a flag was given. Throws a `UsageError`. */
export function readNumber(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  return readFlag(flag, () => {
    if (!/^\d{1,9}$/.test(text)) throw new RangeError(`must be a whole number, not ${JSON.stringify(text)}`);
    return Number(text);
  });
}

/** A message about options in the words of the command line. */
export const inFlagWords = (message: string): string =>
  message
    .replace(/\bor false to turn it off\b/, `or ${OFF_WORD} to turn it off`)
    .replace(/\badmin\.access\b/, '--admin-token-file');

/** The given flags of the options under `group`, as the members of that group. The library checks the values. */
export function givenUnder(
  group: string,
  flags: OptionFlags,
  values: Readonly<Record<string, unknown>>,
): Record<string, string | typeof OFF> {
  const given: Record<string, string | typeof OFF> = {};
  for (const [path, [flag]] of Object.entries(flags)) {
    const value = values[new Option(flag).attributeName()];
    if (typeof value !== 'string' || !path.startsWith(`${group}.`)) continue;
    given[path.slice(group.length + 1)] = orOff(value);
  }
  return given;
}

function argumentOf({ kind }: AnySpec): string {
  if (kind === 'boolean') return '';
  return kind === 'integer' ? ' <n>' : ` <${kind}>`;
}

function defaultOf(spec: AnySpec): string {
  if (spec.default === undefined || (spec.off && spec.default === OFF)) return OFF_WORD;
  return spec.defaultText.replaceAll('`', '');
}
