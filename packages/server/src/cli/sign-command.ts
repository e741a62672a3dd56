import { Command, Option } from 'commander';
import { createLinks, type GrantOptions } from 'sluiceway/gateway';
import { print } from './output.js';
import { collect, createChecked, given } from './serve-flags.js';
import { readFlag } from './usage-error.js';

interface SignFlags {
  keys: string;
  expires: string;
  base?: string;
  path?: string;
  form: 'encrypted' | 'signed';
  filename?: string;
  disposition: 'attachment' | 'inline';
  contentType?: string;
  method?: string[];
  mirror?: string[];
  digest?: string;
  digestSidecar?: string;
  size?: string;
  acceptEncoding?: 'pass' | 'identity';
  maxBytes?: string;
  rate?: string;
  clientIp?: string;
  singleUse?: boolean;
  header?: string[];
}

const notes = `
The link goes to standard output. Write durations as 30s, 10m, 1h30m or 7d, times as 2030-01-31T12:00:00Z, and sizes as
64KiB, 5GiB or 10MB.

Other users of the machine can see the command line, including secrets in --header.

Exit codes:
  0  the link was printed
  2  the command line or the key file is not valid

Examples:
  sluiceway sign https://bucket.example.com/report.pdf --keys keys.json --base https://files.example.com --expires 1h
  sluiceway sign https://bucket.example.com/a.iso --keys keys.json --expires 7d --filename a.iso --max-bytes 5GiB`;

/** Flag of each option, for error messages. */
const flagOf: Readonly<Record<string, string>> = {
  url: '<url>',
  expires: '--expires',
  keys: '--keys',
  base: '--base',
  path: '--path',
  filename: '--filename',
  contentType: '--content-type',
  methods: '--method',
  mirrors: '--mirror',
  digest: '--digest',
  digestSidecar: '--digest-sidecar',
  size: '--size',
  maxBytes: '--max-bytes',
  rate: '--rate',
  clientIp: '--client-ip',
  headers: '--header',
};

/** `sluiceway sign`. */
export function signCommand(): Command {
  return new Command('sign')
    .description('print a link that permits one file')
    .argument('<url>', 'http: or https: URL of the file')
    .requiredOption('--keys <file>', 'key file that sluiceway keys new has made; its first key signs')
    .requiredOption('--expires <when>', 'when the link expires: a duration from now, or a time')
    .option(
      '--base <url>',
      'URL under which clients reach the gateway; without it, the link begins with the path',
    )
    .option('--path <path>', 'path of the gateway (default /download)')
    .addOption(
      new Option('--form <form>', 'form of the link; "signed" can be read by everyone who sees it')
        .choices(['encrypted', 'signed'])
        .default('encrypted'),
    )
    .option('--filename <name>', 'name under which the file is saved')
    .addOption(
      new Option('--disposition <disposition>', 'whether browsers save the file or show it')
        .choices(['attachment', 'inline'])
        .default('attachment'),
    )
    .option('--content-type <type>', 'replaces the media type of the origin server')
    .option('--method <method>', 'allowed method; can be repeated (without it GET and HEAD)', collect)
    .option('--mirror <url>', 'URL of the same file on another server; can be repeated', collect)
    .option('--digest <digest>', 'digest that the file must have, such as sha256: and 64 hexadecimal digits')
    .option(
      '--digest-sidecar <file>',
      'checksum file with the digest of the file: a URL, or a path such as "{name}.sha256" or "SHA256SUMS"',
    )
    .option('--size <size>', 'length of the file, for responses without one; another length is refused')
    .addOption(
      new Option(
        '--accept-encoding <mode>',
        'whether the file is requested without content coding; "identity": it is',
      ).choices(['pass', 'identity']),
    )
    .option('--max-bytes <size>', 'maximum size of the whole file (without it the limit of the gateway)')
    .option('--rate <size>', 'bytes per second of all downloads of the link together (without it unlimited)')
    .option('--client-ip <range>', 'address or CIDR range that can use the link (without it any)')
    .option('--single-use', 'bind the link to the first client that gets the file')
    .option('--header <field>', "field for the origin server, 'Name: value'; can be repeated", collect)
    .addHelpText('after', notes)
    .action((url: string, flags: SignFlags) => runSign(url, flags));
}

async function runSign(url: string, flags: SignFlags): Promise<void> {
  const { keys: file, form } = flags;
  const links = createChecked(
    () => createLinks({ keys: { file }, form, ...given({ base: flags.base, path: flags.path }) }),
    flagOf,
  );
  const grant = toGrant(url, flags);
  const headers = Object.keys(grant.headers ?? {}).map(
    (name) => [`headers.${name}`, `--header ${name}`] as const,
  );
  const link = createChecked(() => links.sign(grant), { ...flagOf, ...Object.fromEntries(headers) });
  await print(`${link}\n`);
}

function toGrant(url: string, flags: SignFlags): GrantOptions {
  const {
    filename,
    disposition,
    contentType,
    method,
    mirror,
    digest,
    digestSidecar,
    size,
    acceptEncoding,
    maxBytes,
    rate,
    clientIp,
    singleUse = false,
    header,
  } = flags;
  return {
    url,
    expires: readMoment(flags.expires),
    disposition,
    singleUse,
    ...given({ filename, contentType, digest, digestSidecar, size, maxBytes, rate, clientIp }),
    ...(acceptEncoding !== undefined && { acceptEncoding }),
    ...(method !== undefined && { methods: method }),
    ...(mirror !== undefined && { mirrors: mirror }),
    ...(header !== undefined && { headers: readFlag('--header', () => readFields(header)) }),
  };
}

/** A duration never begins like a date. */
const readMoment = (text: string): Date | string => (/^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : text);

/** Errors do not contain values of fields, which can be secrets. */
function readFields(lines: readonly string[]): Record<string, string> {
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) throw new TypeError("must be a field such as 'Name: value'");
    const name = line.slice(0, colon);
    if (fields.has(name)) throw new TypeError(`must not name ${name} twice`);
    fields.set(name, line.slice(colon + 1).trim());
  }
  return Object.fromEntries(fields);
}
