import type { Checker } from '../check.js';
import { FieldRules, type FieldValues } from '../http/field-rules.js';
import { isFieldValue, isToken } from '../http/fields.js';
import { isFramingField } from '../http/hop-by-hop.js';

/** Changes to the fields of every message of one direction: `remove`, then `set`, then `append`. */
export interface FieldRuleOptions {
  /** Takes the place of all lines of the name. A list stands for several lines. */
  set?: Readonly<Record<string, string | readonly string[]>>;
  /** Adds lines to those that are there. */
  append?: Readonly<Record<string, string | readonly string[]>>;
  /** Names, in any case. */
  remove?: readonly string[];
}

export interface FieldOptions {
  /**
   * The `Host` that the origin server gets: its own of the upstream's URL (`'upstream'`, the default), the one that the
   * client asked for (`'client'`), or the one given, as `host` or `host:port`. A followed redirect has that of its URL.
   */
  host?: 'upstream' | 'client' | (string & {});
  /** Changes the request before the hook `onUpstreamRequest`. */
  request?: FieldRuleOptions;
  /** Changes the response before the hook `onUpstreamResponse`, and adds to the answers of the proxy and of hooks. */
  response?: FieldRuleOptions;
}

/** Checked values of `FieldOptions`. Null where nothing is to be done. */
export interface FieldSettings {
  /** `upstream`, `client` or a value for the field. */
  host: string;
  request: FieldRules | null;
  response: FieldRules | null;
}

export function resolveFields(check: Checker, options: FieldOptions | undefined): FieldSettings {
  const given = check.unknownKeys('fields', options, ['host', 'request', 'response']) ? (options ?? {}) : {};
  return {
    host: check.parsed('fields.host', given.host, 'upstream', parseHostOption),
    request: resolveRules(check, 'fields.request', given.request, OF_REQUESTS),
    response: resolveRules(check, 'fields.response', given.response, {}),
  };
}

/** `uri-host [":" port]` as a person writes it (RFC 9110 section 7.2): a name, an IPv4 address, or IPv6 in brackets. */
const HOST = /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::(\d{1,5}))?$/i;

function parseHostOption(host: string): string {
  if (typeof host !== 'string') throw new TypeError("must be 'upstream', 'client' or a host");
  const port = HOST.exec(host)?.[1] ?? '1';
  if (HOST.test(host) && Number(port) > 0 && Number(port) < 65_536) return host;
  throw new TypeError(
    `must be 'upstream', 'client', or a host with or without a port, not ${JSON.stringify(host)}`,
  );
}

/** Fields of requests that are decided on elsewhere, with the reason. */
const OF_REQUESTS: Readonly<Record<string, string>> = {
  host: 'is what fields.host is for',
  'cdn-loop': 'must not be changed, or loops go on for ever (RFC 8586)',
};

function resolveRules(
  check: Checker,
  path: string,
  options: FieldRuleOptions | undefined,
  refused: Readonly<Record<string, string>>,
): FieldRules | null {
  if (!check.unknownKeys(path, options, ['set', 'append', 'remove']) || options === undefined) return null;
  const judge = (at: string, name: string): boolean => judgeName(check, at, name, refused);
  const set = readValues(check, `${path}.set`, options.set, judge);
  const append = readValues(check, `${path}.append`, options.append, judge);
  const remove = check.list(`${path}.remove`, options.remove, (at, item) => {
    const name = check.string(at, item, null);
    return name !== null && judge(at, name) ? [name] : [];
  });
  return new FieldRules({ set, append, remove: remove.flat() });
}

function judgeName(
  check: Checker,
  path: string,
  name: string,
  refused: Readonly<Record<string, string>>,
): boolean {
  const reason = !isToken(name)
    ? 'is no name of a field'
    : isFramingField(name) || name.toLowerCase() === 'te'
      ? 'frames the message, which is left to the proxy'
      : refused[name.toLowerCase()];
  if (reason !== undefined) check.problem(path, reason);
  return reason === undefined;
}

function readValues(
  check: Checker,
  path: string,
  values: unknown,
  judge: (path: string, name: string) => boolean,
): FieldValues {
  const seen = new Set<string>();
  return check
    .record(path, values, (at, name, value): FieldValues => {
      if (!judge(at, name)) return [];
      if (seen.has(name.toLowerCase())) check.problem(at, 'names a field that is named before');
      seen.add(name.toLowerCase());
      const lines: readonly unknown[] = Array.isArray(value) ? value : [value];
      if (lines.length === 0) check.problem(at, 'must not be an empty list');
      // Not repeated in the message: it may be a secret.
      if (lines.every(isLine)) return [[name, lines]];
      check.problem(at, `must be a string, or a list of them, ${OF_A_VALUE}`);
      return [];
    })
    .flat();
}

const OF_A_VALUE = 'without control characters, characters above U+00FF, or white space at an end';

const isLine = (value: unknown): value is string =>
  typeof value === 'string' && isFieldValue(value) && !/^[\t ]|[\t ]$/.test(value);
