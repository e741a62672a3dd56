import type { TransferRecord } from '../proxy/transfer/transfer-record.js';

/** Members to add to a line, after those of the record, such as the name of a route. */
export type LogMembers = Readonly<Record<string, string | number | boolean | null>>;

/** The names of a record, in the order of the text and JSON formats. */
const NAMES = [
  'time',
  'id',
  'requestId',
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
  'connectMs',
  'attempts',
  'resumes',
  'bytesResumed',
  'ifRangeRetries',
  'zeroCopy',
  'error',
  'errorMessage',
  'identity',
  'userAgent',
  'referer',
] as const satisfies readonly (keyof TransferRecord)[];

/**
 * Formats a record as one line of `name=value` pairs without a line end. `-` is null. A value cannot break the line or
 * forge a pair.
 */
export function formatTransferText(record: TransferRecord, members: LogMembers = {}): string {
  const pairs = NAMES.map((name) => `${name}=${quoteIfNeeded(record[name] ?? '-')}`);
  return [...pairs, ...Object.entries(members).map(([name, value]) => pair(name, value))].join(' ');
}

/**
 * Formats a record as one JSON object with the same names, without a line end. Written by hand, since this runs for each
 * request: `JSON.stringify` takes several times as long. Node keeps a concatenation as a tree until the text is needed, so
 * the fewer parts a line has, the less it costs.
 */
export function formatTransferJson(record: TransferRecord, members?: LogMembers): string {
  const added = members === undefined ? NOTHING_ADDED : addedBy(members);
  let line = '';
  // The quote after a text comes with the next part.
  let inText = false;
  for (const { name, plain, afterText } of JSON_STARTS) {
    const value = record[name];
    // The application has removed it, or a member takes its place.
    if (value === undefined || added.names?.has(name) === true) continue;
    const starts = inText ? afterText : plain;
    inText = typeof value === 'string';
    const start = value === null ? starts.null : inText ? starts.text : starts.other;
    line += line === '' ? `{${start.slice(1)}` : start;
    if (typeof value === 'string') line += PLAIN.test(value) ? value : quotedJson(value).slice(1, -1);
    else if (value !== null) line += jsonOf(value);
  }
  if (line === '') return `{${added.json.slice(1)}}`;
  return `${line}${inText ? '"' : ''}${added.json}}`;
}

/** The parts of a line before the values of a name, after what was not a text and after what was. */
const JSON_STARTS = NAMES.map((name) => {
  const startsAfter = (end: string) => ({
    text: `${end},"${name}":"`,
    null: `${end},"${name}":null`,
    other: `${end},"${name}":`,
  });
  return { name, plain: startsAfter(''), afterText: startsAfter('"') };
});

/** The end of lines with the same members. */
interface Added {
  /** Begins with a comma, unless it is empty. */
  readonly json: string;
  /** Names of the record that are replaced. Null: none is. */
  readonly names: ReadonlySet<string> | null;
}

const NOTHING_ADDED: Added = { json: '', names: null };

/** By members that cannot change: those of a route are the same for all its transfers. */
const addedByFrozen = new WeakMap<LogMembers, Added>();

function addedBy(members: LogMembers): Added {
  const known = addedByFrozen.get(members);
  if (known !== undefined) return known;
  const names = Object.keys(members);
  let json = '';
  for (const name of names) {
    const value = members[name];
    if (value !== undefined) json += `,${quotedJson(name)}:${jsonOf(value)}`;
  }
  const replaced = NAMES.filter((name) => Object.hasOwn(members, name));
  const added = { json, names: replaced.length === 0 ? null : new Set<string>(replaced) };
  if (Object.isFrozen(members)) addedByFrozen.set(members, added);
  return added;
}

function jsonOf(value: string | number | boolean | null): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  return typeof value === 'string' ? quotedJson(value) : JSON.stringify(value);
}

const quotedJson = (text: string): string => escape(JSON.stringify(text));

/** What JSON has between quotes as it is, without what `escape` replaces. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;

/**
 * Formats a record in the combined format of Apache and nginx, without a line end, followed by the outcome, the seconds to
 * the end, the origin server, the request id and the values of `members`, each in quotes but the number. `-` is null. The
 * address is that of the client behind `trustedProxies`. A query is `?...`.
 */
export function formatTransferCombined(record: TransferRecord, members: LogMembers = {}): string {
  const { method, path, httpVersion, status, bytesDown, outcome, durationMs, upstream, requestId } = record;
  const protocol = httpVersion === null ? '' : ` HTTP/${httpVersion}`;
  return [
    bare(record.forwardedFor ?? record.clientAddress),
    '-',
    bare(record.identity),
    `[${toApacheTime(record.time)}]`,
    quoted(`${method} ${plain(path)}${protocol}`),
    String(status ?? '-'),
    String(bytesDown),
    quoted(record.referer === null ? null : plain(record.referer)),
    quoted(record.userAgent),
    quoted(outcome),
    (durationMs / 1000).toFixed(3),
    quoted(upstream),
    quoted(requestId),
    ...Object.values(members).map((value) => quoted(value === null ? null : String(value))),
  ].join(' ');
}

const pair = (name: string, value: LogMembers[string]): string => `${name}=${quoteIfNeeded(value ?? '-')}`;

function quoteIfNeeded(value: string | number | boolean): string {
  const text = String(value);
  return /^[^\s"=\p{Cc}]+$/u.test(text) ? text : escape(JSON.stringify(text));
}

/** JSON does not escape DEL, C1 controls and line separators. Terminals obey some of them: U+009B begins commands. */
function escape(json: string): string {
  return json.replace(
    /[\x7f-\x9f\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** As nginx: everything but visible ASCII, quotes and backslashes as `\xHH` of its UTF-8 bytes. */
function quoted(value: string | null): string {
  return value === null || value === ''
    ? '"-"'
    : `"${escapeBytes(value, /[^\x20\x21\x23-\x5b\x5d-\x7e]/gu)}"`;
}

/** `?...` for a query, since readers of this format expect ASCII. */
const plain = (url: string): string => url.replace(/\?…$/, '?...');

/** A value that is not in quotes has no spaces either. */
function bare(value: string | null): string {
  return value === null || value === '' ? '-' : escapeBytes(value, /[^\x21\x23-\x5b\x5d-\x7e]/gu);
}

const escapeBytes = (text: string, unsafe: RegExp): string =>
  text.replace(unsafe, (char) =>
    Array.from(Buffer.from(char), (byte) => `\\x${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(
      '',
    ),
  );

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `02/Jan/2026:03:04:05 +0000` of an ISO time in UTC. */
function toApacheTime(iso: string): string {
  const month = MONTHS[Number(iso.slice(5, 7)) - 1] ?? '';
  return `${iso.slice(8, 10)}/${month}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
}
