import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { embeddedIPv4, parseAddress } from './address-class.js';

/** Where this process listens itself: a request that it sends there would come back for ever. */
export class OwnListeners {
  /** Addresses by port, in the form of `normalise`. */
  readonly #addresses = new Map<number, Set<string>>();

  /** An address of all zeros stands for every one of this machine, those that it will get as well. */
  add(address: string, port: number): void {
    const addresses = this.#addresses.get(port) ?? new Set();
    this.#addresses.set(port, addresses.add(normalise(address)));
  }

  includes(address: string, port: number): boolean {
    const addresses = this.#addresses.get(port);
    if (addresses === undefined) return false;
    const asked = normalise(address);
    // Operating systems take a connection to no address for one to themselves.
    if (addresses.has(asked) || ANY.includes(asked)) return true;
    return ANY.some((any) => addresses.has(any)) && isOfThisMachine(asked);
  }
}

const ANY: readonly string[] = ['0.0.0.0', '::'];

/** All of 127.0.0.0/8 is, although the interface names one address of it. */
function isOfThisMachine(address: string): boolean {
  if (parseAddress(address)?.range() === 'loopback') return true;
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return own.some((each) => normalise(each.address) === address);
}

/** The same for every spelling of an address; IPv4 where it carries one that is connected to in the end. */
function normalise(address: string): string {
  const parsed = parseAddress(address);
  if (parsed === null) return address;
  const carried = parsed instanceof ipaddr.IPv6 ? embeddedIPv4(parsed) : null;
  return (carried ?? parsed).toString();
}
