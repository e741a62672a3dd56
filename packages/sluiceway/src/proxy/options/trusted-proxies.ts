import { createTrustedPeers, type TrustedPeers } from '../../net/trusted-peers.js';
import type { Checker } from '../../options/checker.js';

/** Checks the option `trustedProxies`. */
export function resolvePeers(check: Checker, ranges: readonly string[] | undefined): TrustedPeers {
  const checked = check.list('trustedProxies', ranges, (path, item) => {
    const range = check.string(path, item, null);
    return range === null ? [] : check.parsed(path, range, [], checkRange);
  });
  return createTrustedPeers(checked.flat());
}

function checkRange(range: string): string[] {
  try {
    createTrustedPeers([range]);
    return [range];
  } catch {
    throw new TypeError(`must be an address, a CIDR range or 'unix', not ${JSON.stringify(range)}`);
  }
}
