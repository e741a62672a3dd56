import { Command } from 'commander';
import { formatBytes, formatDuration, SluicewayError } from 'sluiceway';
import { createLinks, type Links, type VerifiedLink } from 'sluiceway/gateway';
import { createChecked } from './serve-flags.js';

interface VerifyFlags {
  keys: string;
  clientIp?: string;
  method: string;
}

const notes = `
Prints in words what the link permits and, where it does not work, why. Of the URL the query is not shown, and of
fields for the origin server only the names: they may hold secrets.

Exit codes:
  0  the link works
  1  it does not
  2  the command line, or the key file, is wrong

Examples:
  sluiceway verify 'https://files.example.com/download/a.iso?link=…' --keys keys.json
  sluiceway verify '/download?link=…' --keys keys.json --client-ip 192.0.2.7 --method HEAD`;

/** `sluiceway verify`; `onExit` is told the exit code. */
export function verifyCommand(onExit: (code: number) => void): Command {
  return new Command('verify')
    .description('say what a link permits, and whether it works')
    .argument('<link>', 'the link, or its path and query')
    .requiredOption('--keys <file>', 'key file, as sluiceway keys new makes it')
    .option(
      '--client-ip <address>',
      'the client that comes with it; without it a link for one client does not work',
    )
    .option('--method <method>', 'the method of the request', 'GET')
    .addHelpText('after', notes)
    .action((link: string, flags: VerifyFlags) => {
      const { isValid, lines } = describe(link, flags);
      process.stdout.write(lines.map((line) => `${line}\n`).join(''));
      onExit(isValid ? 0 : 1);
    });
}

function describe(text: string, flags: VerifyFlags): { isValid: boolean; lines: string[] } {
  const links = createChecked(() => createLinks({ keys: { file: flags.keys } }), { keys: '--keys' });
  // What a browser puts there is not sent.
  const link = text.trim().split('#', 1)[0] ?? '';
  const now = Date.now();
  try {
    const verified = links.read(link);
    const failure = findFailure(links, link, flags, now);
    const isValid = failure === null;
    return { isValid, lines: [failure ?? 'The link works.', ...describeGrant(verified, now)] };
  } catch (error) {
    if (!(error instanceof SluicewayError)) throw error;
    return { isValid: false, lines: [`${error.message}.`] };
  }
}

/** Why a link that is one of ours does not work now, for this use; null where it does. */
function findFailure(
  links: Links,
  link: string,
  { clientIp, method }: VerifyFlags,
  now: number,
): string | null {
  try {
    links.verify(link, { method, clientAddress: clientIp ?? null, now });
    return null;
  } catch (error) {
    if (!(error instanceof SluicewayError)) throw error;
    if (error.code === 'link_client' && clientIp === undefined)
      return 'The link is for some clients only, and --client-ip does not say which one comes.';
    return `${error.message}.`;
  }
}

function describeGrant({ grant, key }: VerifiedLink, now: number): string[] {
  const {
    url,
    mirrors,
    expires,
    filename,
    disposition,
    contentType,
    methods,
    digest,
    maxBytes,
    rate,
    clientIp,
    headers,
  } = grant;
  const end = expires * 1000;
  const left = formatDuration(Math.abs(Math.round((end - now) / 1000)) * 1000);
  const rows: [string, string | null][] = [
    ['file', url.replace(/\?.*$/s, '?…')],
    ...mirrors.map((mirror): [string, string] => ['mirror', mirror.replace(/\?.*$/s, '?…')]),
    ['ends', `${new Date(end).toISOString()} (${end > now ? `in ${left}` : `${left} ago`})`],
    ['methods', methods.join(', ')],
    ['saved as', filename === null ? 'what the origin server calls it' : JSON.stringify(filename)],
    ['browsers', disposition === 'inline' ? 'may show it' : 'save it'],
    ['type', contentType ?? 'what the origin server says'],
    ['digest', digest ?? 'what the origin server says, if it does'],
    ['size', maxBytes === null ? 'what the gateway allows' : `at most ${formatBytes(maxBytes)}`],
    [
      'rate',
      rate === null ? 'not limited' : `at most ${formatBytes(rate)} per second, all downloads together`,
    ],
    ['clients', clientIp ?? 'any'],
    ['uses', grant.singleUse ? 'for the first client that gets it' : 'any number'],
    ['fields', Object.keys(headers).join(', ') || 'none of its own'],
    ['key', key],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(9)} ${value}`);
}
