import type { TransferRecord } from '../proxy/transfer/transfer-record.js';

/** The names of a record, in the order of both formats. */
const NAMES = [
  'time',
  'id',
  'clientAddress',
  'forwardedFor',
  'host',
  'httpVersion',
  'method',
  'path',
  'status',
  'outcome',
  'bytesDown',
  'bytesUp',
  'durationMs',
  'responseHeadMs',
  'firstByteMs',
  'upstream',
  'upstreamAddress',
  'upstreamHttpVersion',
  'attempts',
  'resumes',
  'ifRangeRetries',
  'zeroCopy',
  'error',
  'errorMessage',
  'identity',
] as const satisfies readonly (keyof TransferRecord)[];

/**
 * Formats a record as one line of `name=value` pairs without a line end. `-` is null. A value cannot break the line or
 * forge a pair.
 */
export function formatTransferText(record: TransferRecord): string {
  return NAMES.map((name) => `${name}=${quoteIfNeeded(record[name] ?? '-')}`).join(' ');
}

/** Formats a record as one JSON object with the same names, without a line end. */
export function formatTransferJson(record: TransferRecord): string {
  return stringify(Object.fromEntries(NAMES.map((name) => [name, record[name]])));
}

function quoteIfNeeded(value: string | number | boolean): string {
  const text = String(value);
  return /^[^\s"=\p{Cc}]+$/u.test(text) ? text : stringify(text);
}

/** JSON does not escape DEL, C1 controls and line separators. Terminals obey some of them: U+009B begins commands. */
function stringify(value: unknown): string {
  return JSON.stringify(value).replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
