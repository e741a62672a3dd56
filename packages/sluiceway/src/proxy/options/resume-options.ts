import type { Checker } from '../../options/checker.js';
import type { Duration } from '../../units.js';
import type { RetryLimits } from '../../upstream/resume/range-retrier.js';
import type { DownstreamRequest } from '../messages/downstream-request.js';

/** A target that has answered 401, 403, 404 or 410 in the middle of a transfer. */
export interface ExpiredTarget {
  /** The URL that was asked, its query included. */
  url: string;
  status: number;
  downstream: DownstreamRequest;
}

export interface ResumeOptions {
  /** Attempts in a row that bring no byte, after which the transfer fails. Default 6. */
  attempts?: number;
  /** Without a byte, from the break on, after which the transfer fails. Default 60 s. */
  timeout?: Duration;
  /**
   * What proves that the rest is of the same file. `validator` (default): a strong `ETag`, or, where the rest comes from
   * the same URL, a `Last-Modified` that counts as strong (RFC 9110 section 8.8.2.2). `length`: where there is neither, the length of the whole file, which
   * a file that has been replaced may share.
   */
  proof?: 'validator' | 'length';
  /**
   * Gives the URL at which the file is to be had now, where its target does not give it any more: presigned URLs expire.
   * Undefined: there is none. Redirects are walked again before it is asked. Default: the transfer fails.
   */
  refreshTarget?: (expired: ExpiredTarget) => string | URL | undefined | Promise<string | URL | undefined>;
}

export interface ResumeSettings extends RetryLimits {
  proof: 'validator' | 'length';
  refreshTarget: ResumeOptions['refreshTarget'];
}

/** Null where broken content is not continued. */
export function resolveResume(
  check: Checker,
  resume: boolean | ResumeOptions | undefined,
): ResumeSettings | null {
  const given = typeof resume === 'boolean' ? undefined : resume;
  const group = check.group('resume', given, ['attempts', 'timeout', 'proof', 'refreshTarget']);
  const settings: ResumeSettings = {
    attempts: check.integer('resume.attempts', group.attempts, 6, { min: 1 }),
    timeoutMs: check.duration('resume.timeout', group.timeout, 60_000, { min: 1 }),
    proof: check.oneOf('resume.proof', group.proof, ['validator', 'length'], 'validator'),
    refreshTarget: check.func('resume.refreshTarget', group.refreshTarget, undefined),
  };
  return resume === false ? null : settings;
}
