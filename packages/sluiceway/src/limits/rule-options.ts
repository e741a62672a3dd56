// long file: the description of one option, whose members are documented one by one.
import { checkAddressRange } from '../net/address-ranges.js';
import type { Checker } from '../options/checker.js';
import { group, list } from '../options/composites.js';
import { custom, duration, func, integer, oneOf, size, string } from '../options/kinds.js';
import type { OptionsOf, SettingsOf } from '../options/spec.js';
import { type Duration, parseDurationMs } from '../units.js';
import type { KeyFunction, LimitBy, LimitedRequest } from './keys.js';
import { parsePathPattern } from './path-pattern.js';
import type { CountWindow } from './store.js';

const BY = ['client', 'identity', 'link', 'route', 'upstream', 'all'] as const;

/** Field names are tokens (RFC 9110 section 5.1). */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

const byOption = custom<(typeof BY)[number] | { header: string } | KeyFunction, LimitBy>({
  type: "`'client'`, `'identity'`, `'link'`, `'route'`, `'upstream'`, `'all'`, `{ header }` or a function",
  defaultText: "`'client'`",
  schema: {
    anyOf: [
      { enum: BY },
      {
        type: 'object',
        properties: { header: { type: 'string', pattern: TOKEN.source } },
        required: ['header'],
        additionalProperties: false,
      },
    ],
  },
  doc: "Whose transfers share the limits. `client`: those of one address, or of one IPv6 network, as `trustedProxies` report it. `identity`: those of one user, as `access` has found it. `link`: those of one signed link of a gateway. `upstream`: those to one origin server. `route`: those of this proxy; `all` is the same within one proxy, and its name says that the limit protects the server. `{ header: 'X-Tenant' }`: those with one value of a field; clients choose their fields, so let a trusted proxy set it. A function gets the request, and returns the key as text, or null if the rule does not apply; it must be fast, and if it throws, the request gets 500. A request without identity, link or field is not limited by such a rule.",
  read: (check, path, value) => {
    if (value === undefined) return 'client';
    if (typeof value === 'function') return value as KeyFunction;
    if (typeof value !== 'object' || value === null) return check.oneOf(path, value, BY, 'client');
    const { header } = check.group<{ header?: string }>(path, value, ['header']);
    check.required(`${path}.header`, header);
    const name = check.string(`${path}.header`, header, '');
    if (name !== '' && !TOKEN.test(name)) check.problem(`${path}.header`, 'must be the name of a field');
    return { header: name.toLowerCase() };
  },
});

const requestMembers = {
  /** Requests in that time. Required. Default: none. */
  count: integer({ min: 1, required: true, doc: 'Requests in that time. Required.' }),
  /** The time, such as `1m`. It slides: no period of this length has more requests. Required. Default: none. */
  per: duration({
    min: 100,
    required: true,
    doc: 'The time, such as `1m`. It slides: no period of this length has more requests. Required.',
  }),
};

export interface RequestRateOptions extends OptionsOf<typeof requestMembers> {}
export interface RequestRateValues extends SettingsOf<typeof requestMembers> {}

const byteMembers = {
  /** Bytes of content in that time, both directions together. Required. Default: none. */
  count: size({
    min: 1,
    required: true,
    doc: 'Bytes of content in that time, both directions together. Required.',
  }),
  /**
   * `day` and `month` begin at midnight in UTC. A duration, such as `1h`, begins at each of its multiples
   * since 1970. Required. Default: none.
   */
  per: custom<Duration, CountWindow | undefined, { required: true; doc: string }>({
    required: true,
    type: "`'day'`, `'month'` or duration",
    schema: { anyOf: [{ enum: ['day', 'month'] }, { type: 'string' }, { type: 'integer', minimum: 1000 }] },
    doc: '`day` and `month` begin at midnight in UTC. A duration, such as `1h`, begins at each of its multiples since 1970. Required.',
    read: (check, path, value) =>
      check.parsed(path, value as string | number | undefined, undefined, parsePeriod),
  }),
};

export interface ByteQuotaOptions extends OptionsOf<typeof byteMembers> {}
export interface ByteQuotaValues extends SettingsOf<typeof byteMembers> {}

const queueMembers = {
  /** Requests of one key that wait. Further ones are refused. Required. Default: none. */
  length: integer({
    min: 1,
    max: 10_000,
    required: true,
    doc: 'Requests of one key that wait. Further ones are refused. Required.',
  }),
  /** How long one waits. After that it is refused. Default: `30s`. */
  timeout: duration({
    default: '30s',
    min: 1,
    doc: 'How long one waits. After that it is refused.',
  }),
};

export interface LimitQueueOptions extends OptionsOf<typeof queueMembers> {}
export interface LimitQueueValues extends SettingsOf<typeof queueMembers> {}

const matchMembers = {
  /**
   * Paths, as this proxy gets them: `/files/report.pdf`, or with `*` for any characters, as in `/files/*` or
   * `*.iso`. Every path as which a server may interpret the path is compared, so that `/%66iles/` is not
   * another path. Default: all.
   */
  paths: list(
    custom<string, ReturnType<typeof parsePathPattern> | undefined>({
      type: 'text',
      schema: { type: 'string', minLength: 1 },
      read: (check, path, value) =>
        check.parsed(path, check.string(path, value, undefined), undefined, parsePathPattern),
    }),
    {
      type: 'list of paths',
      defaultText: 'all',
      doc: 'Paths, as this proxy gets them: `/files/report.pdf`, or with `*` for any characters, as in `/files/*` or `*.iso`. Every path as which a server may interpret the path is compared, so that `/%66iles/` is not another path.',
    },
  ),
  /** Methods, in upper case. Default: all. */
  methods: list(string({ pattern: /^[A-Z][A-Z-]*$/, message: 'must be a method in upper case' }), {
    type: 'list of methods',
    defaultText: 'all',
    doc: 'Methods, in upper case.',
  }),
};

export interface LimitMatchOptions extends OptionsOf<typeof matchMembers> {}
export interface LimitMatchValues extends SettingsOf<typeof matchMembers> {}

const exceptMembers = {
  /** Addresses and CIDR ranges of clients. Default: none. */
  clients: list(
    custom<string, string | undefined>({
      type: 'addresses and CIDR ranges',
      schema: { type: 'string', minLength: 1 },
      read: (check, path, value) =>
        check.parsed(path, check.string(path, value, undefined), undefined, (range: string) => {
          checkAddressRange(range);
          return range;
        }),
    }),
    { default: [], defaultText: 'none', doc: 'Addresses and CIDR ranges of clients.' },
  ),
  /** Identities, as `access` finds them. Default: none. */
  identities: list(string({}), {
    default: [],
    defaultText: 'none',
    doc: 'Identities, as `access` finds them.',
  }),
};

export interface LimitExceptOptions extends OptionsOf<typeof exceptMembers> {}
export interface LimitExceptValues extends SettingsOf<typeof exceptMembers> {}

const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/;
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

const whenMembers = {
  /** Time of day, such as `08:00`. Default: `00:00`. */
  from: string({
    default: '00:00',
    pattern: TIME,
    message: 'must be a time such as 08:00',
    doc: 'Time of day, such as `08:00`.',
  }),
  /** Time of day, up to `24:00`. If it is before `from`, it is that of the next day. Default: `24:00`. */
  to: string({
    default: '24:00',
    pattern: TIME,
    message: 'must be a time such as 18:00',
    doc: 'Time of day, up to `24:00`. If it is before `from`, it is that of the next day.',
  }),
  /** Days on which `from` is: `mon` to `sun`. Default: all. */
  days: list(oneOf(DAYS, {}), {
    type: 'list of days',
    defaultText: 'all',
    doc: 'Days on which `from` is: `mon` to `sun`.',
  }),
  /** Name of the time zone, such as `Europe/Berlin`. Default: `UTC`. */
  timeZone: custom<string, string>({
    type: 'text',
    defaultText: '`UTC`',
    schema: { type: 'string' },
    doc: 'Name of the time zone, such as `Europe/Berlin`.',
    read: (check, path, value) =>
      check.parsed(path, check.string(path, value, undefined), undefined, checkTimeZone) ?? 'UTC',
  }),
};

export interface LimitTimeOptions extends OptionsOf<typeof whenMembers> {}
export interface LimitTimeValues extends SettingsOf<typeof whenMembers> {}

/** The description of one rule. */
export const ruleMembers = {
  /**
   * Name of the rule, in errors, `RateLimit` fields, metrics and the API. When rules change, a rule keeps its
   * counts if it keeps its name. In a shared store, rules with one name share their counts. Default: that of
   * `by`, and a number from the second such rule on.
   */
  name: string({
    pattern: /^[A-Za-z][\w-]{0,63}$/,
    message: 'must begin with a letter, and have letters, digits, - and _ only, at most 64',
    defaultText: 'that of `by`, and a number from the second such rule on',
    doc: 'Name of the rule, in errors, `RateLimit` fields, metrics and the API. When rules change, a rule keeps its counts if it keeps its name. In a shared store, rules with one name share their counts.',
  }),
  /**
   * Whose transfers share the limits. `client`: those of one address, or of one IPv6 network, as
   * `trustedProxies` report it. `identity`: those of one user, as `access` has found it. `link`: those of one
   * signed link of a gateway. `upstream`: those to one origin server. `route`: those of this proxy; `all` is
   * the same within one proxy, and its name says that the limit protects the server. `{ header: 'X-Tenant'
   * }`: those with one value of a field; clients choose their fields, so let a trusted proxy set it. A
   * function gets the request, and returns the key as text, or null if the rule does not apply; it must be
   * fast. A request without identity, link or field is not limited by such a rule. Default: `'client'`.
   */
  by: byOption,
  /**
   * Bits of the IPv6 network that counts as one client. Providers give each customer at least a /64, and many
   * give a /56 or a /48. Default: `64`.
   */
  ipv6Prefix: integer({
    default: 64,
    min: 1,
    max: 128,
    doc: 'Bits of the IPv6 network that counts as one client. Providers give each customer at least a /64, and many give a /56 or a /48.',
  }),
  /**
   * Bytes per second of response content, and of tunnels to the client, for all transfers of the key
   * together. Default: none.
   */
  download: size({
    min: 1,
    doc: 'Bytes per second of response content, and of tunnels to the client, for all transfers of the key together.',
  }),
  /**
   * Bytes per second of request content, and of tunnels from the client. The proxy reads more slowly, so that
   * the client is slowed down. Default: none.
   */
  upload: size({
    min: 1,
    doc: 'Bytes per second of request content, and of tunnels from the client. The proxy reads more slowly, so that the client is slowed down.',
  }),
  /** Bytes that pass at once after a pause, each way. Default: a tenth of a second. */
  burst: size({
    min: 1,
    defaultText: 'a tenth of a second',
    doc: 'Bytes that pass at once after a pause, each way.',
  }),
  /** Transfers at a time. Default: none. */
  transfers: integer({ min: 1, doc: 'Transfers at a time.' }),
  /** Requests per time: `{ count, per }`. Refused ones do not count. Default: none. */
  requests: optionalGroup<RequestRateOptions, RequestRateValues>(
    requestMembers,
    'Requests per time: `{ count, per }`. Refused ones do not count.',
  ),
  /**
   * Bytes per time: `{ count, per }`. When they are used up, running transfers are broken off, because one
   * large file could exceed any quota. Default: none.
   */
  bytes: optionalGroup<ByteQuotaOptions, ByteQuotaValues>(
    byteMembers,
    'Bytes per time: `{ count, per }`. When they are used up, running transfers are broken off, because one large file could exceed any quota.',
  ),
  /**
   * Lets requests beyond `transfers` or `requests` wait, first come first served, in place of their refusal:
   * `{ length, timeout }`. Default: none, they are refused.
   */
  queue: optionalGroup<LimitQueueOptions, LimitQueueValues>(
    queueMembers,
    'Lets requests beyond `transfers` or `requests` wait, first come first served, in place of their refusal: `{ length, timeout }`.',
    'none, they are refused',
  ),
  /**
   * Share of a transfer in `download` and `upload`, from its request: a transfer with 2 gets twice as much as
   * one with 1. It must be fast. Default: 1 for each.
   */
  weight: func<(request: LimitedRequest) => number>({
    defaultText: '1 for each',
    doc: 'Share of a transfer in `download` and `upload`, from its request: a transfer with 2 gets twice as much as one with 1. It must be fast, and return a number from 0.001 to 1,000,000,000; otherwise the request gets 500.',
  }),
  /** The requests for which the rule is. Default: all. */
  match: group<LimitMatchOptions, LimitMatchValues>(matchMembers, {
    doc: 'The requests for which the rule is.',
  }),
  /** Clients and identities for which the rule is not. Default: none. */
  except: group<LimitExceptOptions, LimitExceptValues>(exceptMembers, {
    doc: 'Clients and identities for which the rule is not.',
  }),
  /** Times of day at which the rule applies, to running transfers too. Default: always. */
  when: list(group<LimitTimeOptions, LimitTimeValues>(whenMembers, {}), {
    type: 'list of times',
    defaultText: 'always',
    doc: 'Times of day at which the rule applies, to running transfers too.',
  }),
  /**
   * What holds while a shared store cannot be asked: `open` is no limit, `closed` refuses requests and stops
   * content, and `share` limits each process by itself, bandwidth to its last share of it. Default:
   * `'share'`.
   */
  onStoreFailure: oneOf(['open', 'closed', 'share'], {
    default: 'share',
    doc: 'What holds while a shared store cannot be asked: `open` is no limit, `closed` refuses requests and stops content, and `share` limits each process by itself, bandwidth to its last share of it.',
  }),
};

export interface LimitRuleOptions extends OptionsOf<typeof ruleMembers> {}
export interface LimitRuleValues extends SettingsOf<typeof ruleMembers> {}

/** A group that is null if it is absent, although its members are required. */
function optionalGroup<Options extends object, Values extends object>(
  members: Parameters<typeof group<Options, Values>>[0],
  doc: string,
  defaultText = 'none',
) {
  const described = group<Options, Values>(members, { doc, defaultText });
  return {
    ...described,
    read: (check: Checker, path: string, value: unknown): Values | null =>
      value === undefined ? null : described.read(check, path, value),
  };
}

/** Fixed windows shorter than this would be a rate. */
const MIN_PERIOD_MS = 1000;

function parsePeriod(value: string | number): CountWindow {
  if (value === 'day' || value === 'month') return { kind: value };
  const ms = parseDurationMs(value);
  if (ms < MIN_PERIOD_MS) throw new TypeError('must be at least 1s');
  return { kind: 'fixed', ms };
}

function checkTimeZone(name: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    throw new TypeError(`must be the name of a time zone such as Europe/Berlin, not ${JSON.stringify(name)}`);
  }
}
