import { Checker } from '../../options/checker.js';
import { either, group } from '../../options/composites.js';
import { boolean, duration, func, integer, oneOf } from '../../options/kinds.js';
import type { OptionsOf, SettingsOf } from '../../options/spec.js';
import type { RetryLimits } from '../../upstream/resume/range-retrier.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';

/** A target that has answered 401, 403, 404 or 410 in the middle of a transfer. */
export interface ExpiredTarget {
  /** The requested URL with its query. */
  url: string;
  status: number;
  request: DownstreamRequest;
}

const resumeMembers = {
  /**
   * Attempts in a row that bring no byte, after which the transfer fails. The first one is made at once, the
   * others after 0.25, 0.5, 1, 2 and 4 s, half of each at random, or after the time that `Retry-After` gives.
   * This is enough for an origin server to restart. Each byte that arrives resets the count. Default: `6`.
   */
  attempts: integer({
    default: 6,
    min: 1,
    doc: 'Attempts in a row that bring no byte, after which the transfer fails. The first one is made at once, the others after 0.25, 0.5, 1, 2 and 4 s, half of each at random, or after the time that `Retry-After` gives. This is enough for an origin server to restart. Each byte that arrives resets the count.',
  }),
  /**
   * Time without a byte for the client, after which the transfer fails, counted from the break. A transfer
   * that moves on may break any number of times. Proxies in front of this one end silent responses after 30
   * seconds and more; the default is shorter. Default: `25s`.
   */
  timeout: duration({
    default: '25s',
    min: 1,
    doc: 'Time without a byte for the client, after which the transfer fails, counted from the break. A transfer that moves on may break any number of times. Proxies in front of this one end silent responses after 30 seconds and more; the default is shorter.',
  }),
  /**
   * Silence of the origin server in the middle of content, after which the rest is also requested on a second
   * connection. The response that continues first is used, and the other one is closed. The second request
   * ends `timeout` after the last byte. The response itself is broken only after `timeouts.upstreamIdle`.
   * Some servers take more than a minute to notice that they cannot continue a response. `false` turns it
   * off. Default: `10s`.
   */
  hedgeAfter: duration({
    default: '10s',
    min: 1,
    off: true,
    doc: 'Silence of the origin server in the middle of content, after which the rest is also requested on a second connection. The response that continues first is used, and the other one is closed. The second request ends `timeout` after the last byte. The response itself is broken only after `timeouts.upstreamIdle`. Some servers take more than a minute to notice that they cannot continue a response.',
  }),
  /**
   * What proves that the rest is of the same file, besides its first bytes, which must be the last ones that
   * were delivered. `validator` is an `ETag` that is strong or not in quotes, or a `Last-Modified` at least a
   * second older than `Date` (RFC 9110 section 8.8.2.2); all but a strong `ETag` count at the same URL only.
   * With `length`, a file that has none of them is also continued if it is as long as before; it may have
   * been replaced by one of the same length. Default: `'validator'`.
   */
  proof: oneOf(['validator', 'length'], {
    default: 'validator',
    doc: 'What proves that the rest is of the same file, besides its first bytes, which must be the last ones that were delivered. `validator` is an `ETag` that is strong or not in quotes, or a `Last-Modified` at least a second older than `Date` (RFC 9110 section 8.8.2.2); all but a strong `ETag` count at the same URL only. With `length`, a file that has none of them is also continued if it is as long as before; it may have been replaced by one of the same length.',
  }),
  /**
   * Returns the current URL of the file, or undefined. Called if the target answers 401, 403, 404 or 410 in
   * the middle of a transfer and following the redirects again did not help: presigned URLs expire. Default:
   * none.
   */
  refreshTarget: func<
    (expired: ExpiredTarget) => string | URL | undefined | Promise<string | URL | undefined>
  >({
    doc: 'Returns the current URL of the file, or undefined. Called if the target answers 401, 403, 404 or 410 in the middle of a transfer and following the redirects again did not help: presigned URLs expire.',
  }),
};

const resumeGroup = group<ResumeOptions, ResumeValues>(resumeMembers, {
  doc: 'How broken content is resumed.',
});

export const resumeOption = either(boolean({ default: true }), resumeGroup, {
  default: true,
  takesSecond: (value) => typeof value !== 'boolean',
  doc: 'Whether broken content is continued from the exact byte: see [resuming](#resuming). Or an object with the options there. On by default, because it is done only if the rest is provably of the same file, and costs nothing until something breaks.',
});

export interface ResumeOptions extends OptionsOf<typeof resumeMembers> {}
export interface ResumeValues extends SettingsOf<typeof resumeMembers> {}

export interface ResumeSettings extends RetryLimits {
  /** Null: never. */
  hedgeAfterMs: number | null;
  proof: 'validator' | 'length';
  refreshTarget: ResumeOptions['refreshTarget'];
}

/** Null if broken content is not resumed. */
export function toResumeSettings(given: boolean | ResumeValues): ResumeSettings | null {
  if (given === false) return null;
  const { attempts, timeout, hedgeAfter, proof, refreshTarget } =
    given === true ? resumeGroup.read(new Checker(''), '', undefined) : given;
  return { attempts, timeoutMs: timeout, hedgeAfterMs: hedgeAfter, proof, refreshTarget };
}
