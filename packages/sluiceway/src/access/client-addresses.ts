import { checkAddressRange, createAddressRanges } from '../net/address-ranges.js';
import { Checker } from '../options/checker.js';
import type { AccessPolicy } from './policy.js';

/**
 * Allows clients whose address is in one of these addresses and CIDR ranges. The address is the peer's. If the peer is
 * one of the proxy's `trustedProxies`, it is the address that the peer forwards. A client with an unknown address is
 * refused. Throws an `OptionsError` if an entry is not a range or if the list is empty.
 */
export function clientAddresses(cidrs: readonly string[]): AccessPolicy {
  const check = new Checker('clientAddresses');
  const checked = check.list('cidrs', cidrs, (path, item) => {
    const range = check.string(path, item, null);
    return range === null ? null : check.parsed(path, range, null, checkRange);
  });
  if (checked.length === 0) check.problem('cidrs', 'must have at least one address or CIDR range');
  check.throwIfAny();
  const ranges = createAddressRanges(checked.filter((range) => range !== null));
  return ({ forwarded }) => {
    if (ranges.includes(forwarded.for)) return { allowed: true };
    return {
      allowed: false,
      status: 403,
      reason: `the address ${forwarded.for ?? '(unknown)'} is in no range`,
    };
  };
}

function checkRange(range: string): string {
  try {
    checkAddressRange(range);
    return range;
  } catch {
    throw new TypeError(`must be an address or a CIDR range, not ${JSON.stringify(range)}`);
  }
}
