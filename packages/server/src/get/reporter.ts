import type { Writable } from 'node:stream';
import { hasColor, painter } from '../terminal/color.js';
import { toVisible } from '../terminal/text.js';
import { formatBar, formatPlain, type Progress, RateMeter } from './progress.js';

/** A terminal, or a pipe or file. */
export type Output = Pick<Writable, 'write'> & { readonly isTTY?: boolean; readonly columns?: number };

/** How the user is told about a download. */
export type ReportStyle = 'bar' | 'plain' | 'json' | 'quiet';

const BAR_MS = 200;
const PLAIN_MS = 10_000;
const JSON_MS = 1000;
const INTERVALS: Readonly<Record<ReportStyle, number | null>> = {
  bar: BAR_MS,
  plain: PLAIN_MS,
  json: JSON_MS,
  quiet: null,
};

/** Tells the user about a download while it runs. */
export class Reporter {
  readonly #output: Output;
  readonly #style: ReportStyle;
  readonly #meter = new RateMeter();
  readonly #progress: Progress = { name: '', offset: 0, total: null, rate: 0, resumes: 0 };
  #timer: NodeJS.Timeout | null = null;
  #hasBar = false;

  constructor(output: Output, style: ReportStyle) {
    this.#output = output;
    this.#style = style;
  }

  /** Content begins or continues at `offset`. */
  start(name: string, offset: number, total: number | null): void {
    this.update({ name, offset, total });
    this.#meter.sample(offset);
    this.event('start', { file: name, offset, total });
    const interval = INTERVALS[this.#style];
    if (this.#timer === null && interval !== null) {
      this.#timer = setInterval(() => this.#show(), interval);
      this.#timer.unref();
      if (this.#style === 'bar') this.#show();
    }
  }

  update(changes: Partial<Progress>): void {
    Object.assign(this.#progress, changes);
  }

  /** Prints a line about something that happened. */
  note(text: string): void {
    if (this.#style === 'bar' || this.#style === 'plain') this.#line(text);
  }

  /** Prints a JSON object on a line of its own. Other styles print nothing. */
  event(event: string, members: Readonly<Record<string, unknown>>): void {
    if (this.#style === 'json') this.#output.write(`${JSON.stringify({ event, ...members })}\n`);
  }

  /** Shows the last state, and stops. */
  stop(isComplete: boolean): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    if (this.#style !== 'bar' || !this.#hasBar) return;
    if (isComplete) this.#show();
    this.#output.write('\n');
    this.#hasBar = false;
  }

  #show(): void {
    const progress = this.#progress;
    progress.rate = this.#meter.sample(progress.offset);
    if (this.#style === 'bar') {
      // One column less: some terminals wrap after the last one.
      const text = formatBar(progress, (this.#output.columns ?? 80) - 1);
      this.#output.write(`\r${text}\x1b[K`);
      this.#hasBar = true;
    } else if (this.#style === 'plain') {
      this.#line(formatPlain(progress));
    } else {
      const { offset, total, rate, resumes } = progress;
      this.event('progress', { bytes: offset, total, rate: Math.round(rate), resumes });
    }
  }

  #line(text: string): void {
    const paint = painter(hasColor(this.#output));
    if (this.#hasBar) this.#output.write('\r\x1b[K');
    this.#output.write(`${paint('sluiceway:', 'dim')} ${toVisible(text)}\n`);
    if (this.#hasBar) this.#show();
  }
}
