import { readFileSync } from 'node:fs';
import { formatDuration, parseBytes, parseDurationMs } from 'sluiceway';
import { parseDigest } from 'sluiceway/options';
import { describeDigest } from '../get/content-hash.js';
import type { GetJob } from '../get/get.js';
import { readCertificates } from '../listeners/pem.js';
import { readFlag, UsageError } from './usage-error.js';
import { readVersion } from './version.js';

/** The flags of `sluiceway get` as given on the command line. */
export interface GetFlags {
  output?: string;
  force?: true;
  quiet?: true;
  json?: true;
  mirror?: string[];
  digest?: string;
  digestSidecar?: string;
  limitRate?: string;
  header?: string[];
  headerFile?: string;
  retryFor?: string;
  restart: boolean;
  ca?: string;
  egressProxy?: string;
}

/** How long a download that has begun is continued without a byte. */
const DEFAULT_RETRY_MS = 60_000;

/** Flag of each option of the library, for error messages. */
export const getFlagOf: Readonly<Record<string, string>> = {
  digest: '--digest',
  'digests.sidecar': '--digest-sidecar',
  'digests.sidecar.file': '--digest-sidecar',
  'tls.ca': '--ca',
  egressProxy: '--egress-proxy',
};

/** Throws a `UsageError`. */
export function toGetJob(url: string, flags: GetFlags): GetJob {
  const { output, mirror, digest, digestSidecar, limitRate, retryFor, ca, egressProxy } = flags;
  for (const [flag, text] of [['<url>', url], ...(mirror ?? []).map((each) => ['--mirror', each])] as const)
    checkUrl(flag, text);
  if (digest !== undefined && digestSidecar !== undefined)
    throw new UsageError('--digest and --digest-sidecar exclude each other');
  return {
    url: withoutFragment(url),
    mirrors: (mirror ?? []).map(withoutFragment),
    headers: readHeaders(flags),
    userAgent: `sluiceway/${readVersion()}`,
    digest: digest === undefined ? null : describeDigest(readFlag('--digest', () => parseDigest(digest))),
    digestSidecar: digestSidecar ?? null,
    retryForMs:
      retryFor === undefined ? DEFAULT_RETRY_MS : readFlag('--retry-for', () => parseDurationMs(retryFor)),
    ca: ca === undefined ? null : readFlag('--ca', () => readCertificates(ca)),
    egressProxy: egressProxy ?? null,
    output: output ?? null,
    force: flags.force === true,
    rate: limitRate === undefined ? null : readRate(limitRate),
    retriesStart: retryFor !== undefined,
    restarts: flags.restart,
  };
}

export const describeDefaultRetry = (): string => formatDuration(DEFAULT_RETRY_MS);

function readRate(text: string): number {
  const rate = readFlag('--limit-rate', () => parseBytes(text));
  if (rate < 1) throw new UsageError('--limit-rate: must be at least 1 byte per second');
  return rate;
}

function checkUrl(flag: string, text: string): void {
  readFlag(flag, () => {
    if (!/^https?:\/\//i.test(text))
      throw new TypeError('must be a URL that starts with http:// or https://');
    const url = new URL(text);
    if (url.username !== '' || url.password !== '')
      throw new TypeError(
        'must not contain a user name or password; use --header-file with an Authorization field',
      );
  });
}

/** Servers do not get the fragment. */
const withoutFragment = (url: string): string => url.replace(/#.*$/s, '');

function readHeaders({ header = [], headerFile }: GetFlags): [string, string][] {
  const lines = header.map((line) => parseHeader('--header', line));
  if (headerFile === undefined) return lines;
  const text = readFlag('--header-file', () => readFileSync(headerFile, 'utf8'));
  const ofFile = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return [...ofFile.map((line) => parseHeader('--header-file', line)), ...lines];
}

/** The message does not contain the field, which can be a secret. */
function parseHeader(flag: string, line: string): [string, string] {
  const [, name, value] =
    /^([!#$%&'*+\-.^_`|~\da-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/i.exec(line.trim()) ?? [];
  if (name === undefined || value === undefined)
    throw new UsageError(`${flag}: must be a field such as 'Name: value'`);
  if (OWN_FIELDS.has(name.toLowerCase()))
    throw new UsageError(`${flag}: ${name} is set by sluiceway get itself`);
  return [name, value];
}

/** Fields that frame the message or select what is downloaded. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
