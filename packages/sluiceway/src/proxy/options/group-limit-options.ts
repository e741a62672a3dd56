import { randomBytes } from 'node:crypto';
import type { Checker } from '../../options/checker.js';
import { either, group } from '../../options/composites.js';
import { duration, integer, oneOf, string } from '../../options/kinds.js';
import type { OptionsOf, SettingsOf, Spec } from '../../options/spec.js';
import type { BreakerSettings } from '../../upstream/group/circuit-breaker.js';
import type { StickySettings } from '../../upstream/group/sticky.js';

const queueMembers = {
  /**
   * Requests that may wait because all servers have as many transfers or connections as they may have.
   * Further ones get 503 at once. `0`: none waits. Default: `1000`.
   */
  max: integer({
    default: 1000,
    doc: 'Requests that may wait because all servers have as many transfers or connections as they may have. Further ones get 503 at once. `0`: none waits.',
  }),
  /** How long a request waits. Then it gets 503. Default: `10s`. */
  timeout: duration({ default: '10s', min: 1, doc: 'How long a request waits. Then it gets 503.' }),
};

export interface QueueOptions extends OptionsOf<typeof queueMembers> {}
export interface QueueValues extends SettingsOf<typeof queueMembers> {}

export const queueOption = group<QueueOptions, QueueValues>(queueMembers, {
  doc: 'Requests that wait for a server, because all servers that are available have `maxTransfers`. Clients take turns.',
});

const breakerMembers = {
  /** Percentage of failed requests, to all servers together, from which it opens. Default: `50`. */
  failurePercent: integer({
    default: 50,
    min: 1,
    max: 100,
    doc: 'Percentage of failed requests, to all servers together, from which it opens.',
  }),
  /** Requests in `window` without which it stays closed. Default: `20`. */
  minRequests: integer({
    default: 20,
    min: 1,
    doc: 'Requests in `window` without which it stays closed.',
  }),
  /** The time over which failures are counted. Default: `10s`. */
  window: duration({ default: '10s', min: 10, doc: 'The time over which failures are counted.' }),
  /** How long it stays open. Then one request is tried, and decides. Default: `5s`. */
  openFor: duration({
    default: '5s',
    min: 1,
    doc: 'How long it stays open. Then one request is tried, and decides.',
  }),
};

export interface BreakerOptions extends OptionsOf<typeof breakerMembers> {}
export interface BreakerValues extends SettingsOf<typeof breakerMembers> {}

const breakerGroup = group<BreakerOptions, BreakerValues>(breakerMembers, {
  doc: 'A [circuit breaker](balancing.md#limits): if too many requests to the whole group fail, clients get 503 at once, and the servers time to recover.',
});

/** Absent: there is none. */
export const breakerOption: Spec<BreakerOptions, BreakerValues | undefined, false> = {
  ...breakerGroup,
  read: (check: Checker, path, value) =>
    value === undefined ? undefined : breakerGroup.read(check, path, value),
};

/** Null if there is none. */
export function toBreakerSettings(given: BreakerValues | undefined): BreakerSettings | null {
  if (given === undefined) return null;
  return {
    failureShare: given.failurePercent / 100,
    minRequests: given.minRequests,
    windowMs: given.window,
    openMs: given.openFor,
  };
}

const nameOption = string({
  pattern: /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/,
  message: 'must be a token, as the name of a cookie',
  default: 'sluiceway',
  doc: 'The name of the cookie.',
});

const stickyMembers = {
  /** The name of the cookie. Default: `sluiceway`. */
  cookie: nameOption,
  /**
   * The key of the HMAC in the cookie. Needed if several processes or machines serve the same clients, and
   * for cookies that outlive a restart. Default: random.
   */
  secret: string({
    pattern: /^.{16,}$/s,
    message: 'must have at least 16 characters',
    defaultText: 'random',
    doc: 'The key of the HMAC in the cookie. Needed if several processes or machines serve the same clients, and for cookies that outlive a restart.',
  }),
  /** How long browsers keep the cookie. Without it, until they are closed. Default: none. */
  maxAge: duration({
    min: 1000,
    doc: 'How long browsers keep the cookie. Without it, until they are closed.',
  }),
  /** Paths to which browsers send the cookie. Default: `/`. */
  path: string({
    pattern: /^\/[\x21-\x3a\x3c-\x7e]*$/,
    message: 'must begin with / and have no spaces and no semicolon',
    default: '/',
    doc: 'Paths to which browsers send the cookie.',
  }),
  /** The domain of the cookie, to share it with subdomains. Default: none. */
  domain: string({
    pattern: /^[A-Za-z0-9.-]+$/,
    message: 'must be a domain',
    doc: 'The domain of the cookie, to share it with subdomains.',
  }),
  /**
   * Whether browsers send the cookie with requests from other sites. `none` needs HTTPS, and is left out
   * without it. Default: `'lax'`.
   */
  sameSite: oneOf(['strict', 'lax', 'none'], {
    default: 'lax',
    doc: 'Whether browsers send the cookie with requests from other sites. `none` needs HTTPS, and is left out without it.',
  }),
};

export interface StickyOptions extends OptionsOf<typeof stickyMembers> {}
export interface StickyValues extends SettingsOf<typeof stickyMembers> {}

const stickyGroup = group<StickyOptions, StickyValues>(stickyMembers, {});

const nameOrGroup = either(nameOption, stickyGroup, {
  type: 'name or object',
  takesSecond: (value) => typeof value !== 'string',
  doc: 'Keep each client at one server with a [cookie](balancing.md#sticky-sessions): its name, or an object with the options there.',
});

/** Absent: cookies do not matter. */
export const stickyOption: Spec<string | StickyOptions, string | StickyValues | undefined, false> = {
  ...nameOrGroup,
  required: false,
  read: (check, path, value) => (value === undefined ? undefined : nameOrGroup.read(check, path, value)),
};

/** Null if cookies do not matter. */
export function toStickySettings(given: string | StickyValues | undefined): StickySettings | null {
  if (given === undefined) return null;
  const { cookie, secret, maxAge, path, domain, sameSite } =
    typeof given === 'string' ? { ...NO_OPTIONS, cookie: given } : given;
  return {
    cookie,
    secret: secret ?? randomBytes(32),
    maxAgeSeconds: maxAge === undefined ? null : Math.round(maxAge / 1000),
    path,
    domain: domain ?? null,
    sameSite,
  };
}

const NO_OPTIONS = {
  secret: undefined,
  maxAge: undefined,
  path: '/',
  domain: undefined,
  sameSite: 'lax',
} as const;
