import { either, group, list } from '../../options/composites.js';
import { duration, integer, oneOf, size } from '../../options/kinds.js';
import { OFF, type OptionsOf, type SettingsOf } from '../../options/spec.js';
import type { EjectionSettings } from '../../upstream/group/ejection.js';

const statusOption = integer({ min: 200, max: 599 });

const budgetMembers = {
  /** Retries for each hundred requests of the last ten seconds. Default: `20`. */
  percent: integer({
    default: 20,
    max: 100,
    doc: 'Retries for each hundred requests of the last ten seconds.',
  }),
  /**
   * Retries per second that are allowed in any case, so that a proxy with few requests can retry too.
   * Default: `10`.
   */
  minPerSecond: integer({
    default: 10,
    doc: 'Retries per second that are allowed in any case, so that a proxy with few requests can retry too.',
  }),
};

interface BudgetOptions extends OptionsOf<typeof budgetMembers> {}
interface BudgetValues extends SettingsOf<typeof budgetMembers> {}

const retryMembers = {
  /**
   * Most retries of one request after its first attempt. A retry goes to a server that the request has not
   * tried; if there is none, after a short pause to any. `0` turns retries off. Default: `2`.
   */
  max: integer({
    default: 2,
    max: 100,
    doc: 'Most retries of one request after its first attempt. A retry goes to a server that the request has not tried; if there is none, after a short pause to any. `0` turns retries off.',
  }),
  /**
   * Requests that may be retried at a time. Further requests that fail are not retried. `budget` limits
   * retries too. `false` turns it off. Default: unlimited.
   */
  maxConcurrent: integer({
    default: OFF,
    off: true,
    defaultText: 'unlimited',
    doc: 'Requests that may be retried at a time. Further requests that fail are not retried. `budget` limits retries too.',
  }),
  /**
   * Statuses of responses after which another server is tried, if the method is idempotent (RFC 9110 section
   * 9.2.2). The last response is final. Default: `502, 503, 504`.
   */
  statuses: list(statusOption, {
    default: [502, 503, 504],
    type: 'list of statuses',
    defaultText: '`502, 503, 504`',
    doc: 'Statuses of responses after which another server is tried, if the method is idempotent (RFC 9110 section 9.2.2). The last response is final.',
  }),
  /**
   * Bytes of request content that are kept in memory, so that a PUT that a server has begun to read can be
   * sent again. Of longer content, only a request that no server has begun to read is retried. Default:
   * `64KiB`.
   */
  maxContent: size({
    default: '64KiB',
    doc: 'Bytes of request content that are kept in memory, so that a PUT that a server has begun to read can be sent again. Of longer content, only a request that no server has begun to read is retried.',
  }),
  /**
   * Time to connect to a server while another one can be tried in its place, so that a server that does not
   * answer at all holds a request up less than `timeouts.connect`. `false` turns it off. Default: `3s`.
   */
  connectTimeout: duration({
    default: '3s',
    min: 1,
    off: true,
    doc: 'Time to connect to a server while another one can be tried in its place, so that a server that does not answer at all holds a request up less than `timeouts.connect`.',
  }),
  /**
   * A limit for the retries of all requests together, so that retries do not multiply the load of an outage.
   * A request that no server has got, because connecting failed, does not count.
   */
  budget: group<BudgetOptions, BudgetValues>(budgetMembers, {
    doc: 'A limit for the retries of all requests together, so that retries do not multiply the load of an outage. A request that no server has got, because connecting failed, does not count.',
  }),
};

export interface RetryOptions extends OptionsOf<typeof retryMembers> {}
export interface RetryValues extends SettingsOf<typeof retryMembers> {}

const passiveMembers = {
  /**
   * Failures in a row after which a server is ejected: it gets no requests for a while. Failed connections,
   * connections that end before the response head, missing heads and responses with one of `statuses` count,
   * and, separately, contents that break off. A client that leaves never counts. `false` turns it off.
   * Default: `3`.
   */
  failures: integer({
    default: 3,
    min: 1,
    off: true,
    doc: 'Failures in a row after which a server is ejected: it gets no requests for a while. Failed connections, connections that end before the response head, missing heads and responses with one of `statuses` count, and, separately, contents that break off. A client that leaves never counts.',
  }),
  /** Statuses of responses that count as failures. Default: `502, 503, 504`. */
  statuses: list(statusOption, {
    default: [502, 503, 504],
    type: 'list of statuses',
    defaultText: '`502, 503, 504`',
    doc: 'Statuses of responses that count as failures.',
  }),
  /**
   * Percentage of failed requests in `window` from which a server is ejected, if at least twice as large a
   * part of its requests fails as at the other servers. `false` turns it off. Default: `50`.
   */
  failurePercent: integer({
    default: 50,
    min: 1,
    max: 100,
    off: true,
    doc: 'Percentage of failed requests in `window` from which a server is ejected, if at least twice as large a part of its requests fails as at the other servers.',
  }),
  /**
   * How many times longer than the median of the other servers a server may take for its response heads, on
   * average in `window`. A slower one is ejected, if the difference is at least 50 ms. Requests with content
   * do not count. Off, because servers with different files can differ. `false` turns it off. Default: off.
   */
  slowHead: integer({
    default: OFF,
    off: true,
    min: 2,
    defaultText: 'off',
    doc: 'How many times longer than the median of the other servers a server may take for its response heads, on average in `window`. A slower one is ejected, if the difference is at least 50 ms. Requests with content do not count. Off, because servers with different files can differ.',
  }),
  /**
   * Percentage of the mean rate of the other servers below which a server is slow. It is ejected if three
   * rates in a row, each measured over `move.after` while only the server was waited for, are lower. `false`
   * turns it off. Default: off.
   */
  slowRate: integer({
    default: OFF,
    off: true,
    min: 1,
    max: 100,
    defaultText: 'off',
    doc: 'Percentage of the mean rate of the other servers below which a server is slow. It is ejected if three rates in a row, each measured over `move.after` while only the server was waited for, are lower.',
  }),
  /**
   * Requests of a server in `window` without which `failurePercent` and `slowHead` do not judge it. Default:
   * `20`.
   */
  minRequests: integer({
    default: 20,
    min: 1,
    doc: 'Requests of a server in `window` without which `failurePercent` and `slowHead` do not judge it.',
  }),
  /** The time over which `failurePercent` and `slowHead` judge. Default: `10s`. */
  window: duration({
    default: '10s',
    min: 10,
    doc: 'The time over which `failurePercent` and `slowHead` judge.',
  }),
  /**
   * How long an ejection lasts. Then the server gets one request at a time; the first one that succeeds ends
   * the trial, and one that fails ejects it for twice as long as before. Default: `10s`.
   */
  ejectFor: duration({
    default: '10s',
    min: 1,
    doc: 'How long an ejection lasts. Then the server gets one request at a time; the first one that succeeds ends the trial, and one that fails ejects it for twice as long as before.',
  }),
  /** The longest ejection. Default: `5m`. */
  maxEjectFor: duration({ default: '5m', min: 1, doc: 'The longest ejection.' }),
  /**
   * Percentage of the servers that can be ejected at a time, rounded up. The servers that are left must not
   * be overloaded because one kind of request fails everywhere. Default: `50`.
   */
  maxEjected: integer({
    default: 50,
    max: 100,
    doc: 'Percentage of the servers that can be ejected at a time, rounded up. The servers that are left must not be overloaded because one kind of request fails everywhere.',
  }),
};

export interface PassiveHealthOptions extends OptionsOf<typeof passiveMembers> {}
export interface PassiveHealthValues extends SettingsOf<typeof passiveMembers> {}

const hedgeMembers = {
  /**
   * Time without a response head after which a second server is asked: a duration, or `p95`, the 95th
   * percentile of the last times. The first usable head wins, and the other request is cancelled. Counts as a
   * retry in `retry.budget`. Off, because it adds load. `false` turns it off. Default: off.
   */
  after: either(oneOf(['p95'], {}), duration({ min: 1, off: true }), {
    type: "duration or `'p95'`",
    defaultText: 'off',
    takesSecond: (value) => value !== 'p95',
    doc: 'Time without a response head after which a second server is asked: a duration, or `p95`, the 95th percentile of the last times. The first usable head wins, and the other request is cancelled. Counts as a retry in `retry.budget`. Off, because it adds load. `false` turns it off.',
  }),
  /**
   * Time without a connection after which a second server is connected to. The first one that connects gets
   * the request, and the other attempt ends, and counts as a failure of its server. `false` turns it off.
   * Default: `500ms`.
   */
  connect: duration({
    default: '500ms',
    min: 1,
    off: true,
    doc: 'Time without a connection after which a second server is connected to. The first one that connects gets the request, and the other attempt ends, and counts as a failure of its server.',
  }),
};

export interface HedgeOptions extends OptionsOf<typeof hedgeMembers> {}
export interface HedgeValues extends SettingsOf<typeof hedgeMembers> {}

export const hedgeOption = group<HedgeOptions, HedgeValues>(hedgeMembers, {
  doc: 'When a GET or HEAD request is sent to a [second server](balancing.md#hedged-requests) too.',
});

const moveMembers = {
  /**
   * Percentage of the rate of other servers below which a download goes on at another server, if that is
   * proved to have the same file. Only while the transfer waits for the server, and not for the client.
   * `false` turns it off. Default: `10`.
   */
  below: integer({
    default: 10,
    min: 1,
    max: 100,
    off: true,
    doc: 'Percentage of the rate of other servers below which a download goes on at another server, if that is proved to have the same file. Only while the transfer waits for the server, and not for the client.',
  }),
  /** How long a download must be that slow. Default: `3s`. */
  after: duration({ default: '3s', min: 1, doc: 'How long a download must be that slow.' }),
};

export interface MoveOptions extends OptionsOf<typeof moveMembers> {}
export interface MoveValues extends SettingsOf<typeof moveMembers> {}

export const retryOption = group<RetryOptions, RetryValues>(retryMembers, {
  doc: 'When a request is sent to another server.',
});

export const passiveOption = group<PassiveHealthOptions, PassiveHealthValues>(passiveMembers, {
  doc: 'When a server that fails gets no more requests.',
});

export const moveOption = group<MoveOptions, MoveValues>(moveMembers, {
  doc: 'When a download that is slow goes on at another server.',
});

export function toEjectionSettings(given: PassiveHealthValues): EjectionSettings {
  return {
    failures: given.failures,
    statuses: new Set(given.statuses),
    failureShare: given.failurePercent === null ? null : given.failurePercent / 100,
    slowHead: given.slowHead,
    slowRate: given.slowRate === null ? null : given.slowRate / 100,
    minRequests: given.minRequests,
    windowMs: given.window,
    ejectMs: given.ejectFor,
    maxEjectMs: given.maxEjectFor,
    maxShare: given.maxEjected / 100,
  };
}
