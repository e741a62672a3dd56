import { BlockList, isIP } from 'node:net';

/** A set of addresses. */
export interface AddressRanges {
  /**
   * `address` is in the form of the socket, with or without a zone. Null and text that is not an address are in no
   * range.
   */
  includes(address: string | null): boolean;
}

/** Creates the set from addresses and CIDR ranges (`10.0.0.0/8`, `::1`). Throws a `TypeError` for anything else. */
export function createAddressRanges(ranges: readonly string[]): AddressRanges {
  if (ranges.length === 0) return { includes: () => false };
  const list = new BlockList();
  for (const range of ranges) add(list, range);
  return {
    includes(address) {
      if (address === null) return false;
      // An IPv6 zone is not part of the address.
      const bare = address.split('%', 1)[0] ?? address;
      const family = isIP(bare);
      return family !== 0 && list.check(bare, family === 6 ? 'ipv6' : 'ipv4');
    },
  };
}

/** Throws a `TypeError` for a range that `createAddressRanges` refuses. Cheaper than creating a set. */
export function checkAddressRange(range: string): void {
  parseRange(range);
}

function add(list: BlockList, range: string): void {
  const { address, bits, type } = parseRange(range);
  if (bits === null) list.addAddress(address, type);
  else list.addSubnet(address, bits, type);
}

/** `bits` is null for a single address. */
function parseRange(range: string): { address: string; bits: number | null; type: 'ipv4' | 'ipv6' } {
  const [address = '', prefix, ...rest] = range.split('/');
  const family = isIP(address);
  const bits = prefix === undefined ? null : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
  const width = family === 4 ? 32 : 128;
  if (family === 0 || rest.length > 0 || (bits !== null && !(bits <= width))) {
    throw new TypeError(`${JSON.stringify(range)} is not an address or CIDR range`);
  }
  return { address, bits, type: family === 6 ? 'ipv6' : 'ipv4' };
}
