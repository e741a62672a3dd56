import type { FieldValues } from '../../http/field-rules.js';
import { isFieldValue, isToken } from '../../http/fields.js';
import { isFramingField } from '../../http/hop-by-hop.js';
import type { Checker } from '../../options/checker.js';

/** `uri-host [":" port]` (RFC 9110 section 7.2): a name, an IPv4 address, or IPv6 in brackets. */
const HOST = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::(\d{1,5}))?$/i;

export function parseHostOption(host: string): string {
  if (typeof host !== 'string') throw new TypeError("must be 'upstream', 'client' or a host");
  const port = HOST.exec(host)?.[1] ?? '1';
  if (HOST.test(host) && Number(port) > 0 && Number(port) < 65_536) return host;
  throw new TypeError(
    `must be 'upstream', 'client', or a host with or without a port, not ${JSON.stringify(host)}`,
  );
}

/** Request fields that other options control, with the reason. */
export const OF_REQUESTS: Readonly<Record<string, string>> = {
  host: 'is set by headers.host',
  'cdn-loop': 'must pass unchanged: otherwise loops are not detected (RFC 8586)',
  'early-data': 'must pass unchanged: otherwise a possible replay is treated as safe (RFC 8470)',
};

/** Reads a field name. One in `refused` is a problem, with the reason. */
export function readFieldName(
  check: Checker,
  path: string,
  value: unknown,
  refused: Readonly<Record<string, string>>,
): string | undefined {
  const name = check.string(path, value, undefined);
  return name !== undefined && checkFieldName(check, path, name, refused) ? name : undefined;
}

/** Reads field names. Those in `refused` are a problem, with the reason. */
export function readFieldNames(
  check: Checker,
  path: string,
  names: unknown,
  refused: Readonly<Record<string, string>>,
): string[] | undefined {
  if (names === undefined) return undefined;
  return check
    .list(path, names, (at, item) => {
      const name = check.string(at, item, null);
      return name !== null && checkFieldName(check, at, name, refused) ? [name] : [];
    })
    .flat();
}

/** Reads field lines by name. A list has several lines. */
export function readFieldValues(
  check: Checker,
  path: string,
  values: unknown,
  refused: Readonly<Record<string, string>>,
): FieldValues | undefined {
  if (values === undefined) return undefined;
  const seen = new Set<string>();
  return check
    .record(path, values, (at, name, value): FieldValues => {
      if (!checkFieldName(check, at, name, refused)) return [];
      if (seen.has(name.toLowerCase())) check.problem(at, 'names a field twice');
      seen.add(name.toLowerCase());
      const lines: readonly unknown[] = Array.isArray(value) ? value : [value];
      if (lines.length === 0) check.problem(at, 'must not be an empty list');
      // No value in the message: it may be a secret.
      if (lines.every(isLine)) return [[name, lines]];
      check.problem(at, `must be a string, or a list of them, ${OF_A_VALUE}`);
      return [];
    })
    .flat();
}

function checkFieldName(
  check: Checker,
  path: string,
  name: string,
  refused: Readonly<Record<string, string>>,
): boolean {
  const reason = !isToken(name)
    ? 'is not a valid field name'
    : isFramingField(name) || name.toLowerCase() === 'te'
      ? 'frames the message: only the proxy sets it'
      : refused[name.toLowerCase()];
  if (reason !== undefined) check.problem(path, reason);
  return reason === undefined;
}

const OF_A_VALUE = 'without control characters, characters above U+00FF, or white space at an end';

const isLine = (value: unknown): value is string =>
  typeof value === 'string' && isFieldValue(value) && !/^[\t ]|[\t ]$/.test(value);
