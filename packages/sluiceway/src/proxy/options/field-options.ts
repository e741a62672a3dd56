import { FieldRules, type FieldValues } from '../../http/field-rules.js';
import { isFieldValue, isToken } from '../../http/fields.js';
import { isFramingField } from '../../http/hop-by-hop.js';
import {
  type AttributeRewrite,
  type CookieRules,
  mappedRewrite,
  toCookieDomain,
} from '../../http/set-cookie.js';
import type { Checker } from '../../options/checker.js';

/** Changes to the fields of every message of one direction: `remove`, then `set`, then `append`. */
export interface FieldRuleOptions {
  /** Takes the place of all lines of the name. A list stands for several lines. */
  set?: Readonly<Record<string, string | readonly string[]>>;
  /** Adds lines to those that are there. */
  append?: Readonly<Record<string, string | readonly string[]>>;
  /** Names, in any case. */
  remove?: readonly string[];
}

/** Changes to the attributes of cookies that origin servers set; the rest of each line stays byte for byte. */
export interface CookieOptions {
  /**
   * In place of every `Domain`; `''` removes it. Or an object of new values by old ones, with `*` for any other.
   * Domains are compared without regard to case, and to a dot before them.
   */
  domain?: string | Readonly<Record<string, string>>;
  /** In place of every `Path`, in the same way. */
  path?: string | Readonly<Record<string, string>>;
  /**
   * Whether `Secure` stays (`'keep'`, the default), is removed or added, or is there exactly where the client came
   * by https (`'match'`). It is not removed where a browser would refuse the cookie without it.
   */
  secure?: 'keep' | 'remove' | 'add' | 'match';
}

/** Which forwarding fields the origin server gets beside `X-Forwarded-For`, `-Host` and `-Proto`. */
export interface ForwardedOptions {
  /**
   * `X-Forwarded-Port`: the port that the client asked for, in `Host` or by its scheme (80, 443). The client's own field
   * is replaced, unless it is in `trustedProxies`. Default false: the field, if any, is removed, or a trusted proxy's
   * passes.
   */
  port?: boolean;
  /**
   * `X-Forwarded-Prefix`: what was taken off the path before the proxy saw it, by `stripPrefix` or a framework's mount
   * path, behind the prefix that a trusted proxy sent. No field where that is nothing. The client's own field is
   * removed, unless it is in `trustedProxies`. Default false.
   */
  prefix?: boolean;
}

export interface FieldOptions {
  /**
   * The `Host` that the origin server gets: its own of the upstream's URL (`'upstream'`, the default), the one that the
   * client asked for (`'client'`), or the one given, as `host` or `host:port`. A followed redirect has that of its URL.
   */
  host?: 'upstream' | 'client' | (string & {});
  /** Further forwarding fields. Only where the profile sends forwarding fields, as `passThrough` does. */
  forwarded?: ForwardedOptions;
  /** Changes the request before the hook `onUpstreamRequest`. */
  request?: FieldRuleOptions;
  /** Changes the response before the hook `onUpstreamResponse`, and adds to the answers of the proxy and of hooks. */
  response?: FieldRuleOptions;
  /** What becomes of `Set-Cookie`: passes (`'pass'`, the default), is removed, or has some attributes changed. */
  cookies?: 'pass' | 'remove' | CookieOptions;
  /**
   * What becomes of a `Location` and `Content-Location` that point into the upstream's URL: they pass (`'pass'`, the
   * default) or become the path of this proxy that leads there (`'rewrite'`), in interim responses too. Any others
   * pass.
   */
  location?: 'pass' | 'rewrite';
  /**
   * What becomes of a `Destination` (WebDAV COPY and MOVE, RFC 4918 section 10.3) and of the resource tags of `If`
   * (section 10.4) that name this proxy: they become the URL of the same place on the origin server (`'rewrite'`, the
   * default), which refuses a URL that is not its own, or pass (`'pass'`). Any others pass.
   */
  destination?: 'pass' | 'rewrite';
}

/** Checked values of `FieldOptions`. Null where nothing is to be done. */
export interface FieldSettings {
  /** `upstream`, `client` or a value for the field. */
  host: string;
  request: FieldRules | null;
  response: FieldRules | null;
  cookies: 'remove' | CookieRules | null;
  rewritesLocation: boolean;
  rewritesDestination: boolean;
  forwarded: Required<ForwardedOptions>;
}

const OPTIONS = ['host', 'forwarded', 'request', 'response', 'cookies', 'location', 'destination'];

export function resolveFields(check: Checker, options: FieldOptions | undefined): FieldSettings {
  const given = check.unknownKeys('fields', options, OPTIONS) ? (options ?? {}) : {};
  const forwarded = check.group('fields.forwarded', given.forwarded, ['port', 'prefix']);
  return {
    forwarded: {
      port: check.boolean('fields.forwarded.port', forwarded.port, false),
      prefix: check.boolean('fields.forwarded.prefix', forwarded.prefix, false),
    },
    host: check.parsed('fields.host', given.host, 'upstream', parseHostOption),
    request: resolveRules(check, 'fields.request', given.request, OF_REQUESTS),
    response: resolveRules(check, 'fields.response', given.response, {}),
    cookies: resolveCookies(check, given.cookies),
    rewritesLocation:
      check.oneOf('fields.location', given.location, ['pass', 'rewrite'], 'pass') === 'rewrite',
    rewritesDestination:
      check.oneOf('fields.destination', given.destination, ['pass', 'rewrite'], 'rewrite') === 'rewrite',
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
  'cdn-loop': 'must pass as it is, or loops go on for ever (RFC 8586)',
  'early-data': 'must pass as it is, or what may be a replay is taken for safe (RFC 8470)',
};

function resolveRules(
  check: Checker,
  path: string,
  options: FieldRuleOptions | undefined,
  refused: Readonly<Record<string, string>>,
): FieldRules | null {
  if (!check.unknownKeys(path, options, ['set', 'append', 'remove']) || options === undefined) return null;
  const judge = (at: string, name: string): boolean => checkName(check, at, name, refused);
  const set = readValues(check, `${path}.set`, options.set, judge);
  const append = readValues(check, `${path}.append`, options.append, judge);
  const remove = check.list(`${path}.remove`, options.remove, (at, item) => {
    const name = check.string(at, item, null);
    return name !== null && judge(at, name) ? [name] : [];
  });
  return new FieldRules({ set, append, remove: remove.flat() });
}

function checkName(
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

function resolveCookies(check: Checker, options: FieldOptions['cookies']): FieldSettings['cookies'] {
  if (typeof options !== 'object') {
    const whole = check.oneOf('fields.cookies', options, ['pass', 'remove'], 'pass');
    return whole === 'remove' ? whole : null;
  }
  if (!check.unknownKeys('fields.cookies', options, ['domain', 'path', 'secure'])) return null;
  const { domain, path, secure } = options;
  const domainOf = (value: string): string =>
    checkText(value, /^(?:\.?[\w-]+(?:\.[\w-]+)*)?$/, "must be a domain, or '' for none");
  const pathOf = (value: string): string =>
    checkText(value, /^(?:\/[\x21-\x3a\x3c-\x7e]*)?$/, "must be a path such as /files, or '' for none");
  return {
    domain: resolveRewrite(check, 'fields.cookies.domain', domain, domainOf, toCookieDomain),
    path: resolveRewrite(check, 'fields.cookies.path', path, pathOf, (value) => value),
    secure: check.oneOf('fields.cookies.secure', secure, ['keep', 'remove', 'add', 'match'], 'keep'),
  };
}

function resolveRewrite(
  check: Checker,
  path: string,
  option: unknown,
  judge: (value: string) => string,
  toKey: (value: string) => string,
): AttributeRewrite | null {
  if (option === undefined) return null;
  if (typeof option === 'string') {
    const replacement = check.parsed(path, option, '', judge);
    return () => replacement;
  }
  const entries = check.record(path, option, (at, old, value): [string, string] => [
    toKey(old),
    check.parsed(at, value as string, '', judge),
  ]);
  return mappedRewrite(new Map(entries), toKey);
}

function checkText(value: unknown, form: RegExp, message: string): string {
  if (typeof value === 'string' && form.test(value)) return value;
  throw new TypeError(message);
}
