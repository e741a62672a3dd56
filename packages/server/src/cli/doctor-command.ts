import { Command } from 'commander';
import { parseDurationMs } from 'sluiceway';
import { type Diagnosis, diagnose, Unreachable } from '../doctor/diagnose.js';
import { type Effort, type EffortName, efforts } from '../doctor/effort.js';
import { probes } from '../doctor/probes/all.js';
import { fileProbes } from '../doctor/probes/file.js';
import { formatDiagnosis } from '../doctor/report.js';
import { waitForStopSignal } from '../server/signals.js';
import { startOrigin } from './doctor-origin.js';
import { complain, print } from './output.js';
import { collect } from './serve-flags.js';
import { readFlag, UsageError } from './usage-error.js';

interface DoctorFlags {
  origin?: boolean;
  listen?: string;
  hop?: string[];
  quick?: boolean;
  thorough?: boolean;
  silence?: string;
  only?: string[];
  header?: string[];
  insecure?: boolean;
  json?: boolean;
  quiet?: boolean;
}

const notes = `
Finds what a chain of proxies does to files: what cuts, truncates, buffers, compresses or refuses them, and which setting of
which proxy changes it. Point the chain at the echo origin, and give the doctor the URL that clients use:

  sluiceway doctor --origin --listen 127.0.0.1:9170
  sluiceway doctor https://files.example.com/

Without the echo origin behind it, the URL is tested as that of a file, which finds less. With --origin and a URL, one process
does both.

One line on standard output for each finding, and one for each reason why tests were not possible. Progress goes to standard error.
--quick takes 15 to 30 seconds, the default one to three minutes, and --thorough up to half an hour: it waits longer
than 300 s and moves more than 1 GiB each way. Nothing is written to disk.

With --hop, the finding names the hop that is nearest to the origin and shows it. A hop with a higher limit than that of the
whole chain is not the one.

Exit codes:
  0    no errors and no warnings
  1    there are errors or warnings
  2    the command line is not valid, or the origin could not listen
  3    the URL does not answer, or nothing could be tested
  130  ended by SIGINT
  143  ended by SIGTERM

Examples:
  sluiceway doctor https://files.example.com/ --quick
  sluiceway doctor https://files.example.com/ --hop http://10.0.0.2:8080/ --hop http://10.0.0.3:8080/ --json
  sluiceway doctor https://files.example.com/releases/a.iso`;

/** `sluiceway doctor`. Calls `onExit` with the exit code. */
export function doctorCommand(onExit: (code: number) => void): Command {
  return new Command('doctor')
    .description('find what a chain of proxies does to files, and what to set')
    .argument('[url]', 'URL that clients use: of the chain, with the echo origin behind it, or of a file')
    .option('--origin', 'serve the echo origin')
    .option('--listen <address>', 'address of the echo origin (default 127.0.0.1:9170)')
    .option(
      '--hop <url>',
      'URL of a hop behind <url>, from the client to the origin; can be repeated',
      collect,
    )
    .option('--quick', 'only what takes seconds')
    .option('--thorough', 'also more than 1 GiB, and minutes of silence')
    .option('--silence <duration>', 'how long the chain is left in silence (default 5s, 65s or 310s)')
    .option('--only <test>', 'run only this test; can be repeated', collect)
    .option('--header <field>', "field for every request, 'Name: value'; can be repeated", collect)
    .option('-k, --insecure', 'accept any certificate')
    .option('--json', 'print the report as JSON')
    .option('-q, --quiet', 'no progress')
    .addHelpText('after', notes)
    .action(async (url: string | undefined, flags: DoctorFlags) => onExit(await run(url, flags)));
}

async function run(given: string | undefined, flags: DoctorFlags): Promise<number> {
  if (given === undefined && flags.origin !== true) throw new UsageError('give a URL, or --origin');
  if (flags.listen !== undefined && flags.origin !== true) throw new UsageError('--listen needs --origin');
  const options = given === undefined ? null : readOptions(given, flags);
  const stopped = waitForStopSignal();
  const origin =
    flags.origin === true ? await startOrigin(flags.listen ?? '127.0.0.1:9170', options === null) : null;
  try {
    if (options === null) {
      await stopped;
      return 0;
    }
    const controller = new AbortController();
    let code = 0;
    void stopped.then((signal) => {
      code = signal === 'SIGINT' ? 130 : 143;
      controller.abort();
    });
    const onProgress = flags.quiet === true ? (): void => {} : (text: string): void => complain(text);
    const diagnosis = await diagnose({ ...options, onProgress, signal: controller.signal });
    await printDiagnosis(diagnosis, flags.json === true);
    if (code !== 0) return code;
    if (diagnosis.findings.length === 0 && diagnosis.passed.length === 0) return 3;
    return diagnosis.findings.some(({ severity }) => severity !== 'note') ? 1 : 0;
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    complain(error.message);
    return 3;
  } finally {
    await origin?.close();
  }
}

async function printDiagnosis(diagnosis: Diagnosis, isJson: boolean): Promise<void> {
  const lines = isJson ? [JSON.stringify({ version: 1, ...diagnosis }, null, 2)] : formatDiagnosis(diagnosis);
  await print(lines.map((line) => `${line}\n`).join(''));
}

function readOptions(given: string, flags: DoctorFlags) {
  if (flags.quick === true && flags.thorough === true)
    throw new UsageError('--quick and --thorough exclude each other');
  return {
    url: readFlag('<url>', () => readUrl(given)),
    hops: (flags.hop ?? []).map((hop) => readFlag('--hop', () => readUrl(hop))),
    effort: readEffort(flags),
    only:
      flags.only === undefined ? null : flags.only.map((name) => readFlag('--only', () => readProbe(name))),
    fields: readFlag('--header', () => Object.fromEntries((flags.header ?? []).map(readField))),
    insecure: flags.insecure === true,
  };
}

function readUrl(text: string): URL {
  if (!URL.canParse(text)) throw new RangeError('must be an http: or https: URL');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new RangeError('must be an http: or https: URL');
  if (url.username !== '' || url.password !== '') throw new RangeError('must have no password: use --header');
  return url;
}

function readEffort({ quick, thorough, silence }: DoctorFlags): Effort {
  const name: EffortName = quick === true ? 'quick' : thorough === true ? 'thorough' : 'default';
  const effort = efforts[name];
  if (silence === undefined) return effort;
  const silenceMs = readFlag('--silence', () => parseDurationMs(silence));
  if (silenceMs < 1000 || silenceMs > 60 * 60 * 1000)
    throw new UsageError('--silence: must be from 1s to 1h');
  return { ...effort, silenceMs, steadyMs: silenceMs };
}

function readProbe(name: string): string {
  const names = [...probes, ...fileProbes].map((probe) => probe.name);
  if (!names.includes(name)) throw new RangeError(`must be one of ${names.join(', ')}`);
  return name;
}

/** Errors do not contain the value, which can be a secret. */
function readField(line: string): [string, string] {
  const [, name, value] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(line) ?? [];
  if (name === undefined || value === undefined)
    throw new RangeError("must be a field such as 'Name: value'");
  return [name, value];
}
