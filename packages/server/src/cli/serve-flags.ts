import { type Command, Option } from 'commander';
import { type DigestOptions, type LimitRuleOptions, OptionsError, type TimeoutOptions } from 'sluiceway';
import { proxyOptions } from 'sluiceway/options';
import { readCertificates } from '../listeners/pem.js';
import { type AccessFlags, addAccessFlags, toAccessRule } from './access-flags.js';
import { addLimitFlags, type LimitFlags, limitFlagOf, toLimitRules } from './limit-flags.js';
import { addLogFlags, type LogFlags, toLogConfig, toRequestId } from './log-flags.js';
import { addOperationOptions, type OperationFlags, toOperationConfig } from './operation-flags.js';
import { addOptionFlags, flagsByOption, givenUnder, inFlagWords, transferFlags } from './option-flags.js';
import { readFlag, UsageError } from './usage-error.js';

/** The flags of every command that serves, as given on the command line. */
export interface ServeFlags extends AccessFlags, OperationFlags, LimitFlags, LogFlags {
  listen: string;
  h2c?: string;
  proxyProtocol?: string;
  http2: boolean;
  cert?: string;
  key?: string;
  ca?: string;
  name?: string;
  trustedProxies?: string;
  connectTimeout?: string;
  responseHeadTimeout?: string;
  upstreamIdleTimeout?: string;
  clientIdleTimeout?: string;
  totalTimeout?: string;
  minRate?: string;
  resume: boolean;
  verifyDigests: boolean;
  verifyIfRange: boolean;
  convertHead?: HeadConversion;
  breakOff?: BreakOff;
  interimResponses?: InterimResponses;
  zeroCopy?: ZeroCopyMode;
  archiveCoding?: ArchiveCoding;
  acceptEncoding?: AcceptEncoding;
  digestRanges?: DigestRanges;
  digestSidecar?: string;
  missingSidecar?: MissingSidecar;
  drainDelay: string;
  drainTimeout: string;
}

const headConversions = ['never', 'fallback', 'always'] as const;
type HeadConversion = (typeof headConversions)[number];

const breakOffs = ['auto', 'reset', 'close'] as const;
type BreakOff = (typeof breakOffs)[number];

const interimModes = ['pass', 'http2', 'none'] as const;
type InterimResponses = (typeof interimModes)[number];

const zeroCopyModes = ['auto', 'true', 'false'] as const;
type ZeroCopyMode = (typeof zeroCopyModes)[number];

const archiveCodings = ['pass', 'remove'] as const;
type ArchiveCoding = (typeof archiveCodings)[number];

const acceptEncodings = ['pass', 'identity'] as const;
type AcceptEncoding = (typeof acceptEncodings)[number];

const digestRanges = ['whole', 'refuse', 'unverified'] as const;
type DigestRanges = (typeof digestRanges)[number];

const missingSidecars = ['refuse', 'ignore'] as const;
type MissingSidecar = (typeof missingSidecars)[number];

/** Options of the library for `ServeFlags`. Only those that were given: the library has the defaults. */
export interface ServedOptions {
  name?: string;
  trustedProxies?: string[];
  timeouts: TimeoutOptions;
  limits: { minRate?: string | false; rules?: LimitRuleOptions[] };
  resume: boolean;
  digests: DigestOptions;
  verifyIfRange: boolean;
  convertHead?: HeadConversion;
  breakOff?: BreakOff;
  interimResponses?: InterimResponses;
  zeroCopy?: 'auto' | boolean;
  archiveCoding?: ArchiveCoding;
  acceptEncoding?: AcceptEncoding;
  tls?: { ca: string };
  requestId?: false | { field: string };
}

/** Adds the flags for listening. */
export function addListenOptions(command: Command): Command {
  command
    .option(
      '--listen <host:port>',
      'address to listen on; ":8080" for all addresses, port 0 for a free port, "unix:path" for a Unix socket',
      '127.0.0.1:8080',
    )
    .option('--cert <file>', 'serve HTTPS with this certificate (PEM, including the chain)')
    .option('--key <file>', 'private key of --cert (PEM)')
    .option('--no-http2', 'do not offer HTTP/2 to TLS clients')
    .option('--h2c <host:port>', 'also listen on this address, for HTTP/2 without TLS (prior knowledge) only')
    .option(
      '--proxy-protocol <list>',
      'expect a PROXY protocol header (v1 or v2) on every connection, from these proxies only: addresses and CIDR ranges, separated by commas; "unix" for peers on Unix sockets',
    )
    .option('--ca <file>', 'trust only these certificate authorities for the origin server (PEM)');
  return addOperationOptions(command);
}

/** Adds the flags for access and transfers. */
export function addTransferOptions(command: Command): Command {
  command
    .option('--name <name>', 'name of this proxy in the Via and CDN-Loop fields')
    .option(
      '--trusted-proxies <list>',
      'proxies in front of this one whose forwarding fields are trusted: addresses and CIDR ranges, separated by commas; "unix" for peers on Unix sockets',
    );
  addAccessFlags(command);
  addOptionFlags(command, proxyOptions, transferFlags)
    .option('--no-resume', 'do not continue downloads that the origin server breaks off')
    .option('--no-verify-digests', 'do not verify content against digests from the origin server')
    .option('--no-verify-if-range', 'relay parts (206) that do not meet the If-Range of the client')
    .addOption(
      new Option(
        '--convert-head <mode>',
        'send GET instead of HEAD to the origin server; "fallback": only if it refuses HEAD',
      ).choices(headConversions),
    )
    .addOption(
      new Option(
        '--break-off <mode>',
        'how a response with a length is broken off over HTTP/1.1; "auto": "close" for browsers, else "reset"',
      ).choices(breakOffs),
    )
    .addOption(
      new Option(
        '--interim-responses <mode>',
        'clients that get interim responses (1xx) of the origin server; "http2": only over HTTP/2',
      ).choices(interimModes),
    )
    .addOption(
      new Option(
        '--zero-copy [mode]',
        'let the kernel move content between connections without TLS; needs Linux and Node 26.7; "auto": only if possible',
      )
        .choices(zeroCopyModes)
        .preset('true' satisfies ZeroCopyMode),
    )
    .addOption(
      new Option(
        '--archive-coding <mode>',
        'what happens to the Content-Encoding of archives such as .tar.gz; "remove": they are not unpacked by clients',
      ).choices(archiveCodings),
    )
    .addOption(
      new Option(
        '--accept-encoding <mode>',
        'Accept-Encoding that the origin server gets; "identity": it is asked for content that is not compressed',
      ).choices(acceptEncodings),
    )
    .addOption(
      new Option(
        '--digest-ranges <mode>',
        'what a client gets that asks for a range of a file with a required digest',
      ).choices(digestRanges),
    )
    .option(
      '--digest-sidecar <file>',
      'verify files against the digest in a checksum file, such as "{name}.sha256" or "SHA256SUMS"',
    )
    .addOption(
      new Option(
        '--missing-sidecar <mode>',
        'what happens to a file whose checksum file cannot be read; "refuse": the client gets 502',
      ).choices(missingSidecars),
    )
    .option(
      '--drain-delay <duration>',
      'how long connections are still accepted when the proxy stops, while it reports that it is not ready',
      '0s',
    )
    .option('--drain-timeout <duration>', 'time for running transfers to finish when the proxy stops', '30s');
  return addLogFlags(addLimitFlags(command));
}

/** The configuration that the flags set, with one route. Throws a `UsageError`. */
export function toConfig(
  flags: ServeFlags,
  route: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const access = toAccessRule(flags);
  return {
    listeners: toListeners(flags),
    routes: [{ ...route, ...(access !== undefined && { access }) }],
    log: toLogConfig(flags),
    drainDelay: flags.drainDelay,
    drainTimeout: flags.drainTimeout,
    ...toOperationConfig(flags),
  };
}

function toListeners({
  listen,
  h2c,
  http2,
  cert,
  key,
  proxyProtocol,
}: ServeFlags): Record<string, unknown>[] {
  if (key !== undefined && cert === undefined) throw new UsageError('--key needs --cert');
  if (cert !== undefined && key === undefined) throw new UsageError('--cert needs --key');
  const before = proxyProtocol !== undefined && { proxyProtocol: { from: proxyProtocol.split(',') } };
  return [
    {
      address: listen,
      ...before,
      ...(cert !== undefined && { tls: { certificates: [{ cert, key }] } }),
      ...(!http2 && { protocol: 'http1' }),
    },
    ...(h2c === undefined ? [] : [{ address: h2c, ...before, protocol: 'h2c' }]),
  ];
}

export function toServedOptions(flags: ServeFlags): ServedOptions {
  const { ca: file, digestSidecar, missingSidecar } = flags;
  if (missingSidecar !== undefined && digestSidecar === undefined)
    throw new UsageError('--missing-sidecar needs --digest-sidecar');
  const rules = toLimitRules(flags);
  const ca = file === undefined ? undefined : readFlag('--ca', () => readCertificates(file));
  return {
    timeouts: givenUnder('timeouts', transferFlags, { ...flags }),
    limits: {
      ...givenUnder('limits', transferFlags, { ...flags }),
      ...(rules.length > 0 && { rules }),
    },
    resume: flags.resume,
    verifyIfRange: flags.verifyIfRange,
    digests: {
      verify: flags.verifyDigests,
      ...(flags.digestRanges !== undefined && { ranges: flags.digestRanges }),
      ...(digestSidecar !== undefined && {
        sidecar: { file: digestSidecar, ...(missingSidecar !== undefined && { missing: missingSidecar }) },
      }),
    },
    ...given({ name: flags.name }),
    ...(flags.zeroCopy !== undefined && { zeroCopy: toZeroCopy(flags.zeroCopy) }),
    ...(flags.convertHead !== undefined && { convertHead: flags.convertHead }),
    ...(flags.breakOff !== undefined && { breakOff: flags.breakOff }),
    ...(flags.interimResponses !== undefined && { interimResponses: flags.interimResponses }),
    ...(flags.archiveCoding !== undefined && { archiveCoding: flags.archiveCoding }),
    ...(flags.acceptEncoding !== undefined && { acceptEncoding: flags.acceptEncoding }),
    ...(ca !== undefined && { tls: { ca } }),
    ...(flags.trustedProxies !== undefined && { trustedProxies: flags.trustedProxies.split(',') }),
    ...toRequestId(flags),
  };
}

const toZeroCopy = (mode: ZeroCopyMode): boolean | 'auto' => (mode === 'auto' ? mode : mode === 'true');

/** Flag of each option, for error messages. */
const flagOf: Readonly<Record<string, string>> = {
  name: '--name',
  zeroCopy: '--zero-copy',
  trustedProxies: '--trusted-proxies',
  'digests.sidecar.file': '--digest-sidecar',
  'upstream.tls.ca': '--ca',
  'requestId.field': '--request-id',
  ...flagsByOption(transferFlags),
  ...limitFlagOf,
};

/** Flag of each option of a command that serves. `flags` adds flags by option. */
export const allFlagsOf = (flags: Readonly<Record<string, string>>): Readonly<Record<string, string>> => ({
  ...flagOf,
  ...flags,
});

/** Calls `create`, and converts an `OptionsError` to a `UsageError` that names flags. `flags` adds flags by option. */
export function createChecked<T>(create: () => T, flags: Readonly<Record<string, string>>): T {
  try {
    return create();
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    const names = allFlagsOf(flags);
    const lines = error.problems.map(({ path, message }) => {
      const plain = path.replace(/\[\d+\]$/, '');
      return `${names[plain] ?? path}: ${inFlagWords(message)}`;
    });
    throw new UsageError(lines.join('; '), { cause: error });
  }
}

/** For flags that can be repeated. */
export const collect = (value: string, before: string[] = []): string[] => [...before, value];

/** Only the values that are not undefined. */
export function given<K extends string>(values: Record<K, string | undefined>): { [key in K]?: string } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [key in K]?: string;
  };
}
