import type { TransferRecord } from '../proxy/transfer.js';

/** The names of a record in the order in which both formats give them. */
const NAMES = [
  'time',
  'id',
  'method',
  'path',
  'status',
  'outcome',
  'bytesDown',
  'bytesUp',
  'durationMs',
  'attempts',
  'resumes',
  'error',
  'identity',
] as const satisfies readonly (keyof TransferRecord)[];

/** One line of `name=value` pairs without a line end; `-` is null. A value cannot break the line or fake a pair. */
export function formatTransferText(record: TransferRecord): string {
  return NAMES.map((name) => `${name}=${quoteIfNeeded(record[name] ?? '-')}`).join(' ');
}

/** The same names as one JSON object without a line end. */
export function formatTransferJson(record: TransferRecord): string {
  return JSON.stringify(Object.fromEntries(NAMES.map((name) => [name, record[name]])));
}

function quoteIfNeeded(value: string | number): string {
  const text = String(value);
  return /^[^\s"=\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text);
}
