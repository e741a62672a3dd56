import { basename, dirname, join } from 'node:path';
import { formatBytes, formatRate } from '../dashboard/format.js';
import { describeTime } from '../terminal/units.js';
import { Download } from './download.js';
import { nameOfResponse, nameOfUrl } from './file-name.js';
import { existsError, FileSink, statOf } from './file-sink.js';
import { GetError, type GetOutcome } from './get-error.js';
import type { Origin, OriginOptions } from './origin.js';
import { Pace } from './pace.js';
import { withoutQuery } from './part-state.js';
import type { Reporter } from './reporter.js';
import type { DownloadSink } from './sink.js';
import { StdoutSink } from './stdout-sink.js';

/** A download as its user wants it. */
export interface GetJob extends OriginOptions {
  /** A file, a folder, or `-` for standard output. Null: the current folder. */
  output: string | null;
  force: boolean;
  /** Bytes per second. Null: not limited. */
  rate: number | null;
  retriesStart: boolean;
  restarts: boolean;
}

/** How a download has ended. */
export interface GetResult {
  outcome: GetOutcome;
  error: GetError | null;
}

/** Downloads a file. Resolves when it is there, or with the reason why not. Closes the origin. */
export async function get(
  job: GetJob,
  origin: Origin,
  reporter: Reporter,
  signal: AbortSignal,
): Promise<GetResult> {
  const startedAt = performance.now();
  const run = new GetRun(job, origin, reporter, signal);
  let error: GetError | null = null;
  try {
    await run.run();
  } catch (thrown) {
    if (!(thrown instanceof GetError)) throw thrown;
    error = thrown;
  } finally {
    reporter.stop(error === null);
    origin.close();
  }
  const outcome = error?.outcome ?? 'complete';
  const { bytes, total, file, resumedFrom, resumes, restarts, isVerified } = run;
  const durationMs = Math.round(performance.now() - startedAt);
  reporter.event('end', {
    outcome,
    url: withoutQuery(job.url),
    file,
    bytes,
    total,
    resumedFrom,
    resumes,
    restarts,
    verified: isVerified,
    durationMs,
    status: error?.status ?? null,
    error: error?.message ?? null,
  });
  if (error === null && file !== '-') {
    const received = bytes - resumedFrom;
    const rate = formatRate(received / (durationMs / 1000));
    const verified = isVerified ? ', digest verified' : '';
    reporter.note(`saved ${file}: ${formatBytes(bytes)} in ${describeTime(durationMs)}, ${rate}${verified}`);
  }
  return { outcome, error };
}

/** One run of a download. */
class GetRun {
  readonly #job: GetJob;
  readonly #origin: Origin;
  readonly #reporter: Reporter;
  readonly #signal: AbortSignal;
  #sink: DownloadSink | null = null;
  #download: Download | null = null;
  total: number | null = null;
  /** The name of the file, or of its part while it is not complete. `-`: standard output. */
  file: string | null = null;
  resumedFrom = 0;
  restarts = 0;

  constructor(job: GetJob, origin: Origin, reporter: Reporter, signal: AbortSignal) {
    this.#job = job;
    this.#origin = origin;
    this.#reporter = reporter;
    this.#signal = signal;
  }

  get bytes(): number {
    return this.#sink?.offset ?? 0;
  }

  get resumes(): number {
    return this.#download?.resumes ?? 0;
  }

  get isVerified(): boolean {
    return this.#download?.isVerified ?? false;
  }

  async run(): Promise<void> {
    const sink = this.#job.output === '-' ? new StdoutSink(process.stdout) : await this.#openFile();
    this.#sink = sink;
    const download = this.#createDownload(sink);
    this.#download = download;
    try {
      await download.run();
      this.file = await sink.complete();
    } catch (error) {
      if (error instanceof GetError && error.discards) await sink.discard();
      else await sink.suspend();
      throw error;
    }
  }

  async #openFile(): Promise<FileSink> {
    const { url, output, force } = this.#job;
    const isFolder =
      output !== null && (output.endsWith('/') || (await statOf(output))?.isDirectory() === true);
    const path = output === null ? nameOfUrl(url) : isFolder ? join(output, nameOfUrl(url)) : output;
    const isNamed = output !== null && !isFolder;
    if (isNamed) await this.#checkFree(path);
    const sink = new FileSink({ path, url, force });
    await sink.open();
    this.resumedFrom = sink.resumedFrom;
    this.file = sink.part;
    if (sink.resumedFrom > 0)
      this.#reporter.note(`continuing ${sink.part} at ${formatBytes(sink.resumedFrom)}`);
    return sink;
  }

  #createDownload(sink: DownloadSink): Download {
    const { digest, digestSidecar, retryForMs, retriesStart, rate } = this.#job;
    const reporter = this.#reporter;
    return new Download({
      origin: this.#origin,
      sink,
      digest,
      hasDigest: digest !== null || digestSidecar !== null,
      retryForMs,
      retriesStart,
      restarts: this.#mayRestart(sink),
      pace: rate === null ? null : new Pace(rate),
      signal: this.#signal,
      events: {
        onHead: async ({ headers }, total) => {
          this.total = total;
          if (sink instanceof FileSink) await this.#chooseName(sink, nameOfResponse(headers));
          reporter.start(
            sink instanceof FileSink ? basename(sink.path) : 'standard output',
            sink.offset,
            total,
          );
        },
        onBytes: (offset) => reporter.update({ offset }),
        onHashing: (bytes) => reporter.note(`reading ${formatBytes(bytes)} of earlier to verify the digest`),
        onResume: (resumes, offset) => {
          reporter.update({ resumes });
          reporter.event('resume', { resumes, offset });
        },
        onRetry: (reason, delayMs) => {
          reporter.note(`${reason}; trying again in ${describeTime(delayMs)}`);
          reporter.event('retry', { reason, delayMs: Math.round(delayMs) });
        },
        onRestart: (reason) => {
          this.restarts += 1;
          this.resumedFrom = 0;
          reporter.note(`${reason}; starting again`);
          reporter.event('restart', { reason });
        },
      },
    });
  }

  /** The part of a similar URL, whose name was chosen here, may be of another file that somebody still wants. */
  #mayRestart(sink: DownloadSink): boolean {
    if (!this.#job.restarts) return false;
    const isNamed = this.#job.output !== null;
    return !(sink instanceof FileSink) || sink.isOfSameUrl || isNamed || this.#job.force;
  }

  async #chooseName(sink: FileSink, name: string | null): Promise<void> {
    const { output } = this.#job;
    if (name !== null && (output === null || sink.path !== output))
      sink.path = join(dirname(sink.path), name);
    await this.#checkFree(sink.path);
  }

  /** Throws if the file exists, or its folder does not. */
  async #checkFree(path: string): Promise<void> {
    const stats = await statOf(path);
    if (stats !== null && !stats.isFile())
      throw new GetError(
        'exists',
        `${path} is not a regular file, and is not replaced; -o - writes to standard output`,
      );
    if (stats !== null && !this.#job.force) throw existsError(path);
  }
}
