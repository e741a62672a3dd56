import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { embeddedIPv4, parseAddress } from './address-class.js';
import { type AddressPolicy, publicAddresses } from './address-policy.js';

/** Where a request has reached this process. */
export interface ListenerAddress {
  /** Of the socket, or that which its server is bound to. */
  address: string;
  port: number;
}

/** Where this process listens itself: a request that it sends there would come back for ever. */
export class OwnListeners {
  /** Addresses by port, in the form of `normalise`. */
  readonly #addresses = new Map<number, Set<string>>();

  /** An address of all zeros stands for every one of this machine, those that it will get as well. */
  add(address: string, port: number): void {
    const addresses = this.#addresses.get(port) ?? new Set();
    this.#addresses.set(port, addresses.add(normalise(address)));
  }

  /** Learns the listener that has accepted a request; null teaches nothing. */
  learn(listener: ListenerAddress | null): void {
    if (listener !== null) this.add(listener.address, listener.port);
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

/** The listeners at which requests have reached proxies that connect to public addresses only, in this process. */
export const processListeners: OwnListeners = new OwnListeners();

/** Public unicast addresses, but for those at which `processListeners` are. */
export const publicAddressesOfOthers: AddressPolicy = {
  decide(address, port) {
    if (processListeners.includes(address, port))
      return { allowed: false, reason: `${address}:${port} is our own listener` };
    return publicAddresses.decide(address, port);
  },
};

/**
 * Where the server listens that has accepted a connection (a socket, or a session of HTTP/2); null where that does not tell (a Unix socket, a
 * connection that is gone). A socket whose server is not known counts for every address of the machine.
 */
export function readListener(connection: object | null): ListenerAddress | null {
  if (connection === null) return null;
  // A session of HTTP/2 has no socket any more once it is destroyed.
  const { socket = connection }: { socket?: object | undefined } = connection;
  const { localAddress, localPort, server }: Partial<AcceptedSocket> = socket;
  if (typeof localAddress !== 'string' || typeof localPort !== 'number') return null;
  const bound = typeof server?.address === 'function' ? server.address() : null;
  if (typeof bound !== 'object' || bound === null || bound.port !== localPort)
    return { address: ANY_IPV4, port: localPort };
  return { address: bound.address, port: localPort };
}

/** Node sets `server` on the sockets that its servers accept; its types do not say so. */
interface AcceptedSocket {
  localAddress: string | undefined;
  localPort: number | undefined;
  server: { address?: () => ListenerAddress | string | null } | null;
}

const ANY_IPV4 = '0.0.0.0';
const ANY: readonly string[] = [ANY_IPV4, '::'];

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
