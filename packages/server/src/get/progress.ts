import { formatBytes, formatRate } from '../dashboard/format.js';
import { cutMiddle, toVisible, widthOf } from '../terminal/text.js';
import { describeTime } from '../terminal/units.js';

/** The state of a download, for its user. */
export interface Progress {
  name: string;
  /** Bytes that are there. */
  offset: number;
  /** Null if unknown. */
  total: number | null;
  /** Bytes per second over the last seconds. */
  rate: number;
  resumes: number;
}

const BAR_MIN = 10;
const BAR_MAX = 40;
const NAME_MAX = 40;
const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** Formats a progress bar of one line, at most `columns` wide. Leaves parts out that do not fit. */
export function formatBar(progress: Progress, columns: number): string {
  const { offset, total, rate, resumes } = progress;
  const percent = total === null ? '' : `${String(percentOf(offset, total)).padStart(3)}%`;
  const amount = total === null ? formatBytes(offset) : `${formatBytes(offset)} / ${formatBytes(total)}`;
  const parts = [percent, amount, formatRate(rate), leftOf(progress), resumesOf(resumes)].filter(
    (part) => part !== '',
  );
  // What does not fit is left out from the end.
  while (parts.length > 1 && widthOf(parts.join('  ')) > columns) parts.pop();
  const text = parts.join('  ');
  let free = columns - widthOf(text) - 2;
  if (free < 8) return text;
  const name = cutMiddle(toVisible(progress.name), Math.min(NAME_MAX, free));
  free -= widthOf(name) + 4;
  if (total === null || free < BAR_MIN) return `${name}  ${text}`;
  const width = Math.min(BAR_MAX, free);
  return `${name}  ${barOf(total === 0 ? 1 : offset / total, width)}  ${text}`;
}

/** Formats the state as plain text, for a log. */
export function formatPlain(progress: Progress): string {
  const { offset, total, rate, resumes } = progress;
  const amount = total === null ? formatBytes(offset) : `${formatBytes(offset)} of ${formatBytes(total)}`;
  const percent = total === null ? '' : ` (${percentOf(offset, total)}%)`;
  return [`${amount}${percent}`, formatRate(rate), leftOf(progress), resumesOf(resumes)]
    .filter((part) => part !== '')
    .join(', ');
}

/** Rounded down: 100 only if all bytes are there. */
const percentOf = (offset: number, total: number): number =>
  total === 0 ? 100 : Math.floor((offset / total) * 100);

function leftOf({ offset, total, rate }: Progress): string {
  if (total === null || rate < 1 || offset >= total) return '';
  return `${describeTime(((total - offset) / rate) * 1000)} left`;
}

const resumesOf = (resumes: number): string =>
  resumes === 0 ? '' : `continued ${resumes === 1 ? 'once' : `${resumes} times`}`;

function barOf(part: number, width: number): string {
  const eighths = Math.floor(Math.min(1, part) * width * 8);
  const full = '█'.repeat(Math.floor(eighths / 8));
  const rest = EIGHTHS[eighths % 8] ?? '';
  return `▕${(full + rest).padEnd(width)}▏`;
}

/** The rate over a window of time. */
export class RateMeter {
  readonly #samples: { at: number; bytes: number }[] = [];
  readonly #windowMs: number;

  constructor(windowMs = 5000) {
    this.#windowMs = windowMs;
  }

  /** Notes how many bytes there are. Returns the bytes per second. */
  sample(bytes: number, now: number = performance.now()): number {
    const samples = this.#samples;
    // Bytes that are gone, after a new start, have no rate.
    if ((samples.at(-1)?.bytes ?? 0) > bytes) samples.length = 0;
    samples.push({ at: now, bytes });
    while (samples.length > 2 && now - (samples[1]?.at ?? now) >= this.#windowMs) samples.shift();
    const first = samples[0];
    if (first === undefined || now - first.at < 1) return 0;
    return ((bytes - first.bytes) / (now - first.at)) * 1000;
  }
}
