import { constants } from 'node:os';
import { Command } from 'commander';
import { get } from '../get/get.js';
import { exitCodes } from '../get/get-error.js';
import { Origin } from '../get/origin.js';
import { type Output, Reporter, type ReportStyle } from '../get/reporter.js';
import { toVisible } from '../terminal/text.js';
import { describeDefaultRetry, type GetFlags, getFlagOf, toGetJob } from './get-flags.js';
import { complain } from './output.js';
import { collect, createChecked } from './serve-flags.js';

const notes = `
Until the file is complete, its bytes are in <file>.part, and what identifies it in <file>.part.json. The same command
continues them, if the server still has the same file. An existing file is never overwritten without --force.

Write durations as 500ms, 30s, 10m or 1h30m, and sizes as 64KiB, 1MiB or 10MB. Other users of the machine can see the
command line, including secrets in --header.

Exit codes:
  0    the file is complete
  1    an error of the program
  2    the command line is not valid
  3    the server could not be reached, or broke off and did not continue in time
  4    the server answered with a status that is not a file
  5    the content does not have its digest, or the digest could not be read
  6    the file has changed on the server, and could not be downloaded again
  7    the file could not be written
  8    the file exists already, or its part belongs to another download
  129  ended by SIGHUP; the same command continues
  130  ended by SIGINT (Ctrl-C); the same command continues
  143  ended by SIGTERM; the same command continues

Examples:
  sluiceway get https://files.example.org/a.iso
  sluiceway get https://files.example.org/a.iso --mirror https://mirror.example.net/a.iso --digest-sidecar SHA256SUMS
  sluiceway get https://files.example.org/backup.tar -o - | tar x`;

/** `sluiceway get`. Calls `onExit` with the exit code. */
export function getCommand(onExit: (code: number) => void): Command {
  return new Command('get')
    .description('download a file; continue it after breaks and after earlier runs')
    .argument('<url>', 'http: or https: URL of the file')
    .option(
      '-o, --output <file>',
      'file to write, or an existing folder; "-" for standard output; without it, the name that the server or the URL gives, in the current folder',
    )
    .option('--force', 'overwrite an existing file, and discard a part of another download')
    .option(
      '--mirror <url>',
      'the same file on another server, which takes over if one fails; can be repeated',
      collect,
    )
    .option(
      '--digest <digest>',
      'digest that the file must have: "sha256:" and hexadecimal digits, or the same with 512',
    )
    .option(
      '--digest-sidecar <file>',
      'verify the file against a checksum file: a URL, or a path such as "{name}.sha256" or "SHA256SUMS"',
    )
    .option('--limit-rate <size>', 'maximum bytes per second')
    .option(
      '--header <field>',
      "field for the server, 'Name: value'; can be repeated; not sent to other servers",
      collect,
    )
    .option('--header-file <file>', 'file with such fields, one per line')
    .option(
      '--retry-for <duration>',
      `how long to try without receiving a byte; 0 for no retries. Before the first response, only if it is given (default ${describeDefaultRetry()})`,
    )
    .option(
      '--no-restart',
      'fail if the file has changed since it was begun, instead of downloading it again',
    )
    .option('--ca <file>', 'trust only these certificate authorities (PEM)')
    .option(
      '--egress-proxy <url>',
      'reach the server through this HTTP proxy (CONNECT); "environment" uses HTTPS_PROXY, HTTP_PROXY and NO_PROXY',
    )
    .option('--json', 'print JSON, one object per line, to standard output; with -o - to standard error')
    .option('-q, --quiet', 'print only errors')
    .addHelpText('after', notes)
    .action(async (url: string, flags: GetFlags) => onExit(await runGet(url, flags)));
}

/** Resolves with the exit code. Throws a `UsageError`. */
async function runGet(url: string, flags: GetFlags): Promise<number> {
  const job = toGetJob(url, flags);
  const origin = createChecked(() => new Origin(job), getFlagOf);
  const watch = watchSignals();
  try {
    const { outcome, error } = await get(job, origin, createReporter(flags), watch.signal);
    if (outcome !== 'interrupted') {
      if (error !== null) complain(toVisible(error.message));
      return exitCodes[outcome];
    }
    complain(flags.output === '-' ? 'interrupted' : 'interrupted; the same command continues the download');
    return 128 + constants.signals[watch.received()];
  } finally {
    watch.stop();
  }
}

function createReporter({ quiet, json, output }: GetFlags): Reporter {
  if (json === true) return new Reporter(output === '-' ? process.stderr : process.stdout, 'json');
  const { stderr }: { stderr: Output } = process;
  const style: ReportStyle = quiet === true ? 'quiet' : stderr.isTTY === true ? 'bar' : 'plain';
  return new Reporter(stderr, style);
}

const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
type EndSignal = (typeof endSignals)[number];

/** The first signal ends the download so that it can be continued. The second one ends the process at once. */
function watchSignals(): { signal: AbortSignal; received(): EndSignal; stop(): void } {
  const controller = new AbortController();
  let received: EndSignal | null = null;
  const listeners = endSignals.map((name) => {
    const listener = (): void => {
      if (received !== null) process.exit(128 + constants.signals[name]);
      received = name;
      controller.abort();
    };
    process.on(name, listener);
    return [name, listener] as const;
  });
  return {
    signal: controller.signal,
    received: () => received ?? 'SIGINT',
    stop: () => {
      for (const [name, listener] of listeners) process.off(name, listener);
    },
  };
}
