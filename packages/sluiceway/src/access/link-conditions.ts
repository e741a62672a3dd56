import { SluicewayError } from '../errors.js';
import { isToken } from '../http/fields.js';
import { checkAddressRange, createAddressRanges } from '../net/address-ranges.js';
import { clientKey } from '../net/client-key.js';
import { type Checker, OptionsError } from '../options/checker.js';
import { type Duration, parseDurationMs } from '../units.js';

/** When, how and from where a link may be used. */
export interface LinkConditions {
  /** Seconds since 1970. */
  expires: number;
  methods: readonly string[];
  /** Address (IPv6: with its /64) or CIDR range. Null for any. */
  clientIp: string | null;
}

/** The request that uses a link. */
export interface LinkUse {
  /** Default GET. */
  method?: string;
  /** Null if unknown. A link that is limited to a client then fails. */
  clientAddress: string | null;
  /** Milliseconds since 1970. Default: the current time. */
  now?: number;
}

export const DEFAULT_METHODS: readonly string[] = ['GET', 'HEAD'];
const MAX_LIFETIME_MS = 10 * 366 * 86_400_000;
/** The last second of the year 9999. A value in milliseconds exceeds it. */
const MAX_EXPIRES = 253_402_300_799;
/** Requests with these methods cannot be for a file. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE']);

/** Throws `link_expired`, `http_request_denied` with 405 and `Allow`, or `link_client`. */
export function checkLinkUse(
  { expires, methods, clientIp }: LinkConditions,
  { method = 'GET', clientAddress, now = Date.now() }: LinkUse,
): void {
  if (now >= expires * 1000) throw new SluicewayError('link_expired', 'The link has expired');
  if (!methods.includes(method)) {
    throw new SluicewayError('http_request_denied', 'The link does not permit this method', {
      status: 405,
      publicMessage: 'The link does not permit this method.',
      headers: { Allow: methods.join(', ') },
    });
  }
  if (clientIp !== null && !isClient(clientIp, clientAddress))
    throw new SluicewayError('link_client', 'The link is for another client');
}

/**
 * A single IPv6 address covers its /64, within which a client changes its address (RFC 8981). For a single address,
 * write `/128`. A range is compared exactly.
 */
function isClient(clientIp: string, clientAddress: string | null): boolean {
  if (createAddressRanges([clientIp]).includes(clientAddress)) return true;
  const isSingleIPv6 = clientIp.includes(':') && !clientIp.includes('/');
  return isSingleIPv6 && clientKey(clientIp) === clientKey(clientAddress);
}

/** Resolves the expiry of a link to sign. Takes a date or a time from now, and returns seconds since 1970. */
export function resolveExpires(check: Checker, expires: Date | Duration | undefined, now: number): number {
  check.required('expires', expires);
  return check.parsed('expires', expires, 0, (value) => {
    const end = value instanceof Date ? value.getTime() : now + parseDurationMs(value);
    if (Number.isNaN(end)) throw new TypeError('must be a valid date');
    if (end <= now) throw new RangeError('must be in the future');
    if (end - now > MAX_LIFETIME_MS) throw new RangeError('must be at most ten years from now');
    return Math.ceil(end / 1000);
  });
}

/** Reads the expiry of a signed link, in seconds since 1970. It may have passed. */
export function readExpires(check: Checker, expires: unknown): number {
  check.required('expires', expires);
  return check.integer('expires', expires, 0, { min: 1, max: MAX_EXPIRES });
}

/** Returns the constant list itself for the default, so that callers can compare by identity. */
export function resolveMethods(check: Checker, methods: unknown): readonly string[] {
  if (methods === undefined) return DEFAULT_METHODS;
  const resolved = check.list('methods', methods, (path, method) => {
    if (typeof method === 'string' && isToken(method) && !REFUSED_METHODS.has(method)) return method;
    check.problem(path, 'must be a method other than CONNECT and TRACE');
    return '';
  });
  if (resolved.some((method) => method !== method.toUpperCase()))
    check.problem('methods', 'must be in capital letters');
  if (new Set(resolved).size !== resolved.length) check.problem('methods', 'must not contain duplicates');
  if (Array.isArray(methods) && methods.length === 0) check.problem('methods', 'must have at least one');
  return resolved.join() === DEFAULT_METHODS.join() ? DEFAULT_METHODS : resolved;
}

export function resolveClientIp(check: Checker, range: unknown): string | null {
  return check.parsed('clientIp', range, null, (value) => {
    // A zone has a meaning only on its own machine.
    if (typeof value !== 'string' || !/^[0-9A-Fa-f.:/]+$/.test(value))
      throw new TypeError('must be an address or CIDR range');
    checkAddressRange(value);
    return value;
  });
}

/**
 * Runs `read` on the conditions of a link whose signature is right. A signer in another language can still have written
 * invalid values. Throws `link_invalid` for each problem that `read` reports.
 */
export function readSigned<T>(check: Checker, read: () => T): T {
  try {
    const value = read();
    check.throwIfAny();
    return value;
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    const problems = error.problems.map(({ path, message }) => `${path} ${message}`.trim());
    throw new SluicewayError('link_invalid', `The link has invalid conditions: ${problems.join('; ')}`);
  }
}
