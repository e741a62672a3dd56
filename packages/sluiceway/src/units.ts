/** `'30s'`, `'10m'`, `'1h30m'`, or milliseconds. */
export type Duration = string | number;
/** `'64KiB'`, `'5GiB'`, `'10MB'`, or bytes. */
export type Size = string | number;

/** Largest first. A duration has its units in this order, each at most once. */
const DURATION_UNITS: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
};

const BYTE_UNITS: Readonly<Record<string, number>> = {
  TiB: 2 ** 40,
  GiB: 2 ** 30,
  MiB: 2 ** 20,
  KiB: 2 ** 10,
  TB: 1e12,
  GB: 1e9,
  MB: 1e6,
  kB: 1e3,
  KB: 1e3,
  B: 1,
};

const DURATION_FORMS = "a duration such as '500ms', '30s', '10m', '1h30m', '2d', or a number of milliseconds";
const BYTES_FORMS = "a size such as '64KiB', '1.5GiB', '10MB', or a number of bytes";

/**
 * Parses a duration to milliseconds: `500ms`, `30s`, `10m`, `1h30m`, `2d`, or a number of milliseconds. Throws a
 * `TypeError` if the value is neither a string nor a number, and a `RangeError` if it is invalid.
 */
export function parseDurationMs(value: string | number): number {
  if (typeof value !== 'string') return checkNumber(value, DURATION_FORMS);
  if (/^\d+$/.test(value)) return checkNumber(Number(value), DURATION_FORMS);
  const part = /(\d+(?:\.\d+)?)(ms|[smhd])/y;
  let total = 0;
  let smallest = Number.POSITIVE_INFINITY;
  do {
    const [, amount = '', unit = ''] = part.exec(value) ?? [];
    const factor = DURATION_UNITS[unit];
    if (factor === undefined || factor >= smallest) throw misfit(value, DURATION_FORMS);
    smallest = factor;
    total += Number(amount) * factor;
  } while (part.lastIndex < value.length);
  return toWhole(total, value, DURATION_FORMS);
}

/**
 * Parses a size to bytes: `64KiB`, `5GiB` (powers of 1024), `10MB`, `8kB` (powers of 1000), `512B`, or a number of
 * bytes. Fractions are rounded to whole bytes. Throws like `parseDurationMs`.
 */
export function parseBytes(value: string | number): number {
  if (typeof value !== 'string') return checkNumber(value, BYTES_FORMS);
  const [, amount, unit = ''] = /^(\d+(?:\.\d+)?)([KMGT]iB|[kKMGT]?B)$/.exec(value) ?? [];
  if (amount === undefined && /^\d+$/.test(value)) return checkNumber(Number(value), BYTES_FORMS);
  const factor = BYTE_UNITS[unit];
  if (amount === undefined || factor === undefined) throw misfit(value, BYTES_FORMS);
  return toWhole(Number(amount) * factor, value, BYTES_FORMS);
}

/** Formats milliseconds so that `parseDurationMs` returns the same value: `1h30m`, `1s500ms`, `0ms`. */
export function formatDuration(ms: number): string {
  let rest = ms;
  let text = '';
  for (const [unit, factor] of Object.entries(DURATION_UNITS)) {
    const count = Math.floor(rest / factor);
    if (count === 0) continue;
    text += `${count}${unit}`;
    rest -= count * factor;
  }
  return text === '' ? '0ms' : text;
}

/**
 * Formats bytes so that `parseBytes` returns the same value, in the shortest form: `64KiB`, `1.5GiB`, `10MB`,
 * `1000001B`.
 */
export function formatBytes(bytes: number): string {
  let shortest = `${bytes}B`;
  for (const [unit, factor] of Object.entries(BYTE_UNITS)) {
    const amount = Math.round((bytes / factor) * 100) / 100;
    const text = `${amount}${unit}`;
    if (amount >= 1 && amount * factor === bytes && text.length < shortest.length) shortest = text;
  }
  return shortest;
}

function checkNumber(value: number, forms: string): number {
  if (typeof value !== 'number') throw new TypeError(`must be ${forms}`);
  if (!Number.isSafeInteger(value) || value < 0) throw misfit(value, forms);
  return value;
}

function toWhole(value: number, text: string, forms: string): number {
  const whole = Math.round(value);
  if (whole > Number.MAX_SAFE_INTEGER) throw misfit(text, forms);
  // A tiny limit must not become zero.
  if (whole === 0 && value > 0) throw new RangeError(`${JSON.stringify(text)} is less than one unit`);
  return whole;
}

function misfit(value: string | number, forms: string): RangeError {
  return new RangeError(`must be ${forms}, not ${typeof value === 'string' ? JSON.stringify(value) : value}`);
}
