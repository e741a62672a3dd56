import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';
import { embeddedIPv4, parseAddress } from './address-class.js';
import { type AddressPolicy, publicAddresses } from './address-policy.js';

/** Where a request has reached this process. */
export interface ListenerAddress {
  /** The address of the socket, or the one that its server is bound to. */
  address: string;
  port: number;
}

/** The listeners of this process. A request to one of them would loop forever. */
export class OwnListeners {
  /** Addresses by port, in the form of `normalise`. */
  readonly #addresses = new Map<number, Set<string>>();

  /** The unspecified address stands for all addresses of this machine, including future ones. */
  add(address: string, port: number): void {
    const addresses = this.#addresses.get(port) ?? new Set();
    this.#addresses.set(port, addresses.add(normalise(address)));
  }

  /** Adds the listener that accepted a request. Null adds nothing. */
  learn(listener: ListenerAddress | null): void {
    if (listener !== null) this.add(listener.address, listener.port);
  }

  includes(address: string, port: number): boolean {
    const addresses = this.#addresses.get(port);
    if (addresses === undefined) return false;
    const asked = normalise(address);
    // Operating systems connect to themselves if the destination is the unspecified address.
    if (addresses.has(asked) || ANY.includes(asked)) return true;
    return ANY.some((any) => addresses.has(any)) && isOfThisMachine(asked);
  }
}

/** The listeners of this process at which requests have reached proxies that connect only to public addresses. */
export const processListeners: OwnListeners = new OwnListeners();

/** Allows public unicast addresses, except those of `processListeners`. */
export const publicAddressesOfOthers: AddressPolicy = {
  decide(address, port) {
    if (processListeners.includes(address, port))
      return { allowed: false, reason: `${address}:${port} is a listener of this process` };
    return publicAddresses.decide(address, port);
  },
};

/**
 * Returns where the server that accepted a connection listens. The connection is a socket or an HTTP/2 session. Returns
 * null if it does not tell: a Unix socket, or a closed connection. For a socket without a known server, the result
 * stands for every address of the machine.
 */
export function readListener(connection: object | null): ListenerAddress | null {
  if (connection === null) return null;
  // A destroyed HTTP/2 session has no socket.
  const { socket = connection }: { socket?: object | undefined } = connection;
  const { localAddress, localPort, server }: Partial<AcceptedSocket> = socket;
  if (typeof localAddress !== 'string' || typeof localPort !== 'number') return null;
  const bound = typeof server?.address === 'function' ? server.address() : null;
  if (typeof bound !== 'object' || bound === null || bound.port !== localPort)
    return { address: ANY_IPV4, port: localPort };
  return { address: bound.address, port: localPort };
}

/** Node sets `server` on sockets that its servers accept. Its types omit it. */
interface AcceptedSocket {
  localAddress: string | undefined;
  localPort: number | undefined;
  server: { address?: () => ListenerAddress | string | null } | null;
}

const ANY_IPV4 = '0.0.0.0';
const ANY: readonly string[] = [ANY_IPV4, '::'];

/** All of 127.0.0.0/8 belongs to this machine, although the interface has only one address of it. */
function isOfThisMachine(address: string): boolean {
  if (parseAddress(address)?.range() === 'loopback') return true;
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return own.some((each) => normalise(each.address) === address);
}

/** Normalizes the spelling of an address. Embedded IPv4 addresses that are connected to become IPv4. */
function normalise(address: string): string {
  const parsed = parseAddress(address);
  if (parsed === null) return address;
  const carried = parsed instanceof ipaddr.IPv6 ? embeddedIPv4(parsed) : null;
  return (carried ?? parsed).toString();
}
