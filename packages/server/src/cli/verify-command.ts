import { Command } from 'commander';
import { formatBytes, formatDuration, SluicewayError } from 'sluiceway';
import { createLinks, type Links, type VerifiedLink } from 'sluiceway/gateway';
import { print } from './output.js';
import { createChecked } from './serve-flags.js';

interface VerifyFlags {
  keys: string;
  clientIp?: string;
  method: string;
}

const notes = `
Prints what the link permits, or why it is refused. The query of the URL and the values of fields for the origin server
are not shown, because they can contain secrets.

Exit codes:
  0  the link works
  1  the link is refused
  2  the command line or the key file is not valid

Examples:
  sluiceway verify 'https://files.example.com/download/a.iso?link=…' --keys keys.json
  sluiceway verify '/download?link=…' --keys keys.json --client-ip 192.0.2.7 --method HEAD`;

/** `sluiceway verify`. Calls `onExit` with the exit code. */
export function verifyCommand(onExit: (code: number) => void): Command {
  return new Command('verify')
    .description('print what a link permits, and whether it works')
    .argument('<link>', 'the link, or its path and query')
    .requiredOption('--keys <file>', 'key file that sluiceway keys new has made')
    .option(
      '--client-ip <address>',
      'address of the client; without it, a link that is bound to a client is refused',
    )
    .option('--method <method>', 'method of the request', 'GET')
    .addHelpText('after', notes)
    .action(async (link: string, flags: VerifyFlags) => {
      const { isValid, lines } = describe(link, flags);
      await print(lines.map((line) => `${line}\n`).join(''));
      onExit(isValid ? 0 : 1);
    });
}

function describe(text: string, flags: VerifyFlags): { isValid: boolean; lines: string[] } {
  const links = createChecked(() => createLinks({ keys: { file: flags.keys } }), { keys: '--keys' });
  // Browsers do not send the fragment.
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

/** Why a valid link is refused now, for this use; null if it works. */
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
      return 'The link is bound to a client address: give the address with --client-ip.';
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
    digestSidecar,
    size,
    acceptEncoding,
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
    ['expires', `${new Date(end).toISOString()} (${end > now ? `in ${left}` : `${left} ago`})`],
    ['methods', methods.join(', ')],
    ['saved as', filename === null ? 'the name of the origin server' : JSON.stringify(filename)],
    ['browsers', disposition === 'inline' ? 'show it' : 'save it'],
    ['type', contentType ?? 'the type of the origin server'],
    [
      'digest',
      digest ??
        (digestSidecar === null ? 'the digest of the origin server, if any' : 'that of its checksum file'),
    ],
    ['length', size === null ? 'not known' : `${size} bytes`],
    ['coding', acceptEncoding === 'identity' ? 'none' : 'as the gateway says'],
    ['size', maxBytes === null ? 'the limit of the gateway' : `at most ${formatBytes(maxBytes)}`],
    ['rate', rate === null ? 'unlimited' : `at most ${formatBytes(rate)} per second, all downloads together`],
    ['clients', clientIp ?? 'any'],
    ['uses', grant.singleUse ? 'bound to the first client that gets the file' : 'any number'],
    ['headers', Object.keys(headers).join(', ') || 'none'],
    ['key', key],
  ];
  return rows.map(([name, value]) => `  ${name.padEnd(9)} ${value}`);
}
