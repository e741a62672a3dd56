import type { CorsRules } from '../../http/cors.js';
import { isToken } from '../../http/fields.js';
import type { Checker } from '../../options/checker.js';
import { either, list } from '../../options/composites.js';
import { boolean, custom, duration, oneOf } from '../../options/kinds.js';
import { OFF, type OptionsOf, resolve } from '../../options/spec.js';
import { groupSchema } from '../../options/to-json-schema.js';

/** Request fields of ranges and conditions, which scripts may always send. */
const ALLOWED = [
  'If-Match',
  'If-Modified-Since',
  'If-None-Match',
  'If-Range',
  'If-Unmodified-Since',
  'Range',
] as const;

/** Response fields of downloads, beyond those that CORS always exposes. */
const EXPOSED = [
  'Accept-Ranges',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Length',
  'Content-Range',
  'ETag',
  'Last-Modified',
  'Retry-After',
] as const;

const ORIGIN = /^(https?:\/\/)(\*\.)?([^/?#@\s\\*]+)$/i;
const NOT_AN_ORIGIN =
  "must be an origin such as 'https://app.example.com', a pattern such as 'https://*.example.com', or 'null'";

/** As browsers write it: in lower case, without a default port. A pattern keeps its `*.`. */
const originOption = custom<string | RegExp, string | RegExp | undefined>({
  type: 'origins',
  schema: { type: 'string', pattern: '^(https?://|null$)' },
  read: (check, path, value) => {
    if (value instanceof RegExp || value === 'null') return value;
    const [, scheme = '', wildcard = '', host = ''] = ORIGIN.exec(String(value)) ?? [];
    if (typeof value === 'string' && host !== '' && URL.canParse(scheme + host)) {
      const { origin } = new URL(scheme + host);
      return wildcard === '' ? origin : origin.replace('://', '://*.');
    }
    check.problem(path, NOT_AN_ORIGIN);
    return undefined;
  },
});

const tokenOption = (type: string, message: string) =>
  custom<string, string | undefined>({
    type,
    schema: { type: 'string', minLength: 1 },
    read: (check, path, value) => {
      if (typeof value === 'string' && isToken(value) && value !== '*') return value;
      check.problem(path, message);
      return undefined;
    },
  });

const fieldName = tokenOption('field names', 'must be the name of a field');
const all = oneOf(['*'], {});
const allOr = (type: string) => ({
  type: `list of ${type} or \`'*'\``,
  takesSecond: (value: unknown) => value !== '*',
});

const corsMembers = {
  /**
   * Origins whose scripts may read responses, or `'*'` for all. `https://*.example.com` stands for every name
   * below `example.com`, and not for itself. `'null'` is the origin of sandboxed pages and of files. A
   * regular expression must match the whole origin. Required.
   */
  origins: either(all, list(originOption, {}), {
    required: true,
    type: "list of origins or `'*'`",
    takesSecond: (value) => value !== '*',
    doc: "Origins whose scripts may read responses, or `'*'` for all. `https://*.example.com` stands for every name below `example.com`, and not for itself. `'null'` is the origin of sandboxed pages and of files. A regular expression must match the whole origin.",
  }),
  /** Methods that scripts may use, or `'*'`. Default: `GET`, `HEAD`. */
  methods: either(all, list(tokenOption('methods', 'must be a method such as PUT'), {}), {
    ...allOr('methods'),
    default: ['GET', 'HEAD'],
    defaultText: '`GET`, `HEAD`',
    doc: "Methods that scripts may use, or `'*'`.",
  }),
  /**
   * Request fields that scripts may send, in addition to those that CORS always allows and to those of ranges
   * and conditions, or `'*'`. Name `Authorization` and `Content-Type` if they are needed. Default: none.
   */
  headers: either(all, list(fieldName, {}), {
    ...allOr('field names'),
    default: [],
    defaultText: 'none',
    doc: "Request fields that scripts may send, in addition to those that CORS always allows and to those of ranges and conditions, or `'*'`. Name `Authorization` and `Content-Type` if they are needed.",
  }),
  /**
   * Response fields that scripts may read, in addition to those that CORS always exposes and to those of
   * downloads: length, range, name, coding and validators. Or `'*'`. Default: none.
   */
  exposeHeaders: either(all, list(fieldName, {}), {
    ...allOr('field names'),
    default: [],
    defaultText: 'none',
    doc: "Response fields that scripts may read, in addition to those that CORS always exposes and to those of downloads: length, range, name, coding and validators. Or `'*'`.",
  }),
  /**
   * Whether scripts may send cookies, client certificates and `Authorization` of the browser, and read the
   * responses. It cannot be combined with `'*'`: every site could then act as the user. Default: `false`.
   */
  credentials: boolean({
    default: false,
    doc: "Whether scripts may send cookies, client certificates and `Authorization` of the browser, and read the responses. It cannot be combined with `'*'`: every site could then act as the user.",
  }),
  /** How long browsers remember the answer to a preflight. Some have a limit of two hours. Default: `24h`. */
  maxAge: duration({
    default: '24h',
    doc: 'How long browsers remember the answer to a preflight. Some have a limit of two hours.',
  }),
  /**
   * Whether pages of public sites may reach this server in a private network
   * (`Access-Control-Allow-Private-Network`). Default: `false`.
   */
  privateNetwork: boolean({
    default: false,
    doc: 'Whether pages of public sites may reach this server in a private network (`Access-Control-Allow-Private-Network`).',
  }),
};

/** Which scripts of other sites may read responses. */
export interface CorsOptions extends OptionsOf<typeof corsMembers> {}

/** Null: the proxy leaves CORS to the origin server. */
export const corsOption = custom<CorsOptions | typeof OFF, CorsRules | null>({
  type: 'object or `false`',
  doc: 'Which scripts of other sites may read responses: see [cross-origin requests](access.md#cross-origin-requests). Preflights are answered before access is checked. The CORS fields of the origin server are replaced. Without the option, preflights and fields pass.',
  schema: { anyOf: [{ ...groupSchema(corsMembers), required: ['origins'] }, { const: OFF }] },
  members: corsMembers,
  read: (check, path, value) =>
    value === undefined || value === OFF ? null : resolveCors(check, path, value),
});

function resolveCors(check: Checker, path: string, value: unknown): CorsRules | null {
  const given = resolve(corsMembers, value, check, path);
  const { origins, methods = [], headers = [], exposeHeaders = [], credentials } = given;
  if (Array.isArray(origins) && (value as { origins: unknown[] }).origins.length === 0)
    check.problem(`${path}.origins`, 'must have at least one');
  if (credentials) {
    const open = { origins, methods, headers, exposeHeaders };
    for (const [name, each] of Object.entries(open))
      if (each === '*') check.problem(`${path}.${name}`, "cannot be '*' together with credentials");
  }
  if (origins === undefined) return null;
  return {
    allowsOrigin: origins === '*' ? null : toMatcher(origins),
    methods: methods === '*' ? '*' : methods.join(', '),
    // `*` does not stand for Authorization.
    headers: headers === '*' ? '*, Authorization' : [...ALLOWED, ...headers].join(', '),
    exposed: exposeHeaders === '*' ? '*' : [...EXPOSED, ...exposeHeaders].join(', '),
    allowsCredentials: credentials,
    maxAge: String(Math.floor(given.maxAge / 1000)),
    allowsPrivateNetwork: given.privateNetwork,
  };
}

function toMatcher(origins: readonly (string | RegExp)[]): (origin: string) => boolean {
  const names = new Set(origins.filter((origin) => typeof origin === 'string'));
  const wildcards = [...names].filter((origin) => origin.includes('://*.'));
  const patterns = origins
    .filter((origin) => origin instanceof RegExp)
    .map(({ source, flags }) => new RegExp(`^(?:${source})$`, flags.replaceAll(/[gy]/g, '')));
  return (origin) =>
    names.has(origin) ||
    wildcards.some((wildcard) => isBelow(origin, wildcard)) ||
    patterns.some((pattern) => pattern.test(origin));
}

/** `https://a.example.com` is below `https://*.example.com`. */
function isBelow(origin: string, wildcard: string): boolean {
  const [scheme = '', suffix = ''] = wildcard.split('*');
  const label = origin.slice(scheme.length, -suffix.length);
  return origin.startsWith(scheme) && origin.endsWith(suffix) && /^[a-z\d-]+(?:\.[a-z\d-]+)*$/.test(label);
}
