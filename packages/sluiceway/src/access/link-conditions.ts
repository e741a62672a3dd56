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
  /** Address (IPv6: with its /64) or CIDR range; null for any. */
  clientIp: string | null;
}

/** Who comes with a link, and how. */
export interface LinkUse {
  /** Default GET. */
  method?: string;
  /** Null where it is not known; a link for one client fails then. */
  clientAddress: string | null;
  /** Milliseconds since 1970. Default: the present. */
  now?: number;
}

export const DEFAULT_METHODS: readonly string[] = ['GET', 'HEAD'];
const MAX_LIFETIME_MS = 10 * 366 * 86_400_000;
/** The last second of the year 9999: whoever counts in milliseconds is beyond it. */
const MAX_EXPIRES = 253_402_300_799;
/** Neither can be a request for a file. */
const REFUSED_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE']);

/** Throws `link_expired`, `http_request_denied` with 405 and `Allow`, or `link_client`. */
export function checkLinkUse(
  { expires, methods, clientIp }: LinkConditions,
  { method = 'GET', clientAddress, now = Date.now() }: LinkUse,
): void {
  if (now >= expires * 1000) throw new SluicewayError('link_expired', 'The link has expired');
  if (!methods.includes(method)) {
    throw new SluicewayError('http_request_denied', 'The link is not for this method', {
      status: 405,
      publicMessage: 'The link does not permit this method.',
      headers: { Allow: methods.join(', ') },
    });
  }
  if (clientIp !== null && !isClient(clientIp, clientAddress))
    throw new SluicewayError('link_client', 'The link is for another client');
}

/**
 * A single IPv6 address stands for its /64, within which a client changes its address (RFC 8981): whoever means one
 * address writes `/128`. A range is taken to the letter.
 */
function isClient(clientIp: string, clientAddress: string | null): boolean {
  if (createAddressRanges([clientIp]).includes(clientAddress)) return true;
  const isSingleIPv6 = clientIp.includes(':') && !clientIp.includes('/');
  return isSingleIPv6 && clientKey(clientIp) === clientKey(clientAddress);
}

/** Of a link that shall be signed: a moment or a time from now, as seconds since 1970. */
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

/** Of a link that has been signed: seconds since 1970, past or not. */
export function readExpires(check: Checker, expires: unknown): number {
  check.required('expires', expires);
  return check.integer('expires', expires, 0, { min: 1, max: MAX_EXPIRES });
}

/** The very same list for what is the default, so that it is known again. */
export function resolveMethods(check: Checker, methods: unknown): readonly string[] {
  if (methods === undefined) return DEFAULT_METHODS;
  const resolved = check.list('methods', methods, (path, method) => {
    if (typeof method === 'string' && isToken(method) && !REFUSED_METHODS.has(method)) return method;
    check.problem(path, 'must be a method other than CONNECT and TRACE');
    return '';
  });
  if (resolved.some((method) => method !== method.toUpperCase()))
    check.problem('methods', 'must be in capital letters, as methods are');
  if (new Set(resolved).size !== resolved.length) check.problem('methods', 'must not name one twice');
  if (Array.isArray(methods) && methods.length === 0) check.problem('methods', 'must have at least one');
  return resolved.join() === DEFAULT_METHODS.join() ? DEFAULT_METHODS : resolved;
}

export function resolveClientIp(check: Checker, range: unknown): string | null {
  return check.parsed('clientIp', range, null, (value) => {
    // A zone is a matter of the machine that it is on.
    if (typeof value !== 'string' || !/^[0-9A-Fa-f.:/]+$/.test(value))
      throw new TypeError('must be an address or CIDR range');
    checkAddressRange(value);
    return value;
  });
}

/**
 * What a link says, though its signature is right: a signer in another language may have its own ideas. Throws
 * `link_invalid` for what `read` finds wrong with it.
 */
export function readSigned<T>(check: Checker, read: () => T): T {
  try {
    const value = read();
    check.throwIfAny();
    return value;
  } catch (error) {
    if (!(error instanceof OptionsError)) throw error;
    const problems = error.problems.map(({ path, message }) => `${path} ${message}`.trim());
    throw new SluicewayError('link_invalid', `What the link says is not valid: ${problems.join('; ')}`);
  }
}
