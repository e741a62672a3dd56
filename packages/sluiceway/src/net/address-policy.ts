import ipaddr from 'ipaddr.js';
import { classifyAddress, embeddedIPv4, parseAddress } from './address-class.js';

export interface AddressDecision {
  allowed: boolean;
  /** For logs only: it may name an internal address. */
  reason: string;
}

/** Decides which addresses may be connected to. Pure: asked before and again after a connection is made. */
export interface AddressPolicy {
  /** `address` as the resolver or the socket names it. */
  decide(address: string, port: number): AddressDecision;
}

const ANY: AddressDecision = Object.freeze({ allowed: true, reason: 'any address is allowed' });

/** For upstreams that the operator has configured. */
export const anyAddress: AddressPolicy = { decide: () => ANY };

/** For URLs that others supply: public unicast only. */
export const publicAddresses: AddressPolicy = { decide: (address) => classifyAddress(address) };

export interface AddressPolicyOptions {
  /**
   * Looked at first. Each is an address or a CIDR range, with a port where it holds for that port only:
   * `10.0.0.5`, `10.0.0.0/8`, `10.0.0.0/8:8080`, `fd00::/8`, `[fd00::/8]:8080`.
   */
  allow?: readonly string[];
  /** Looked at second; an IPv4 rule also meets the address inside a NAT64 address. */
  deny?: readonly string[];
  /** What holds for all the rest. */
  base: 'public' | 'any';
}

/** Builds a policy from rules: allow, then deny, then the base. Throws a `TypeError` for a rule it cannot read. */
export function createAddressPolicy(options: AddressPolicyOptions): AddressPolicy {
  const allowed = (options.allow ?? []).map(parseRule);
  const denied = (options.deny ?? []).map(parseRule);
  // Whatever else it may be at run time is public.
  const base = options.base === 'any' ? anyAddress : publicAddresses;
  if (allowed.length === 0 && denied.length === 0) return base;
  return {
    decide(address, port) {
      const given = parseAddress(address);
      if (given === null) return { allowed: false, reason: `${JSON.stringify(address)} is not an address` };
      const parsed = unmap(given);
      const allowing = allowed.find((rule) => matches(rule, parsed, port));
      if (allowing) return { allowed: true, reason: `${address} is allowed by ${allowing.text}` };
      const embedded = parsed instanceof ipaddr.IPv6 ? embeddedIPv4(parsed) : null;
      const denying = denied.find(
        (rule) => matches(rule, parsed, port) || (embedded !== null && matches(rule, embedded, port)),
      );
      if (denying) return { allowed: false, reason: `${address} is denied by ${denying.text}` };
      return base.decide(address, port);
    },
  };
}

interface Rule {
  text: string;
  network: ipaddr.IPv4 | ipaddr.IPv6;
  bits: number;
  /** Null for every port. */
  port: number | null;
}

/** The range in brackets or bare, then a port. Bare IPv6 takes no port: it could not be told from the address. */
const RULE = /^(?:\[([\da-f:.]+(?:\/\d{1,3})?)\]|([\d.]+(?:\/\d{1,3})?))(?::(\d{1,5}))?$/i;

/** Checks and splits one rule; see `AddressPolicyOptions.allow`. */
function parseRule(text: string): Rule {
  const match = RULE.exec(text);
  const [address = '', prefix, ...more] = (match?.[1] ?? match?.[2] ?? text).split('/');
  const port = match?.[3] === undefined ? null : Number(match[3]);
  const parsed = address.includes('%') ? null : parseAddress(address);
  const width = parsed instanceof ipaddr.IPv4 ? 32 : 128;
  const bits = prefix === undefined ? width : Number(prefix);
  const readable = parsed !== null && more.length === 0 && /^\d+$/.test(prefix ?? '0');
  if (!readable || bits > width || port === 0 || (port ?? 0) > 65535) {
    throw new TypeError(`${JSON.stringify(text)} is not an address or CIDR range with an optional port`);
  }
  // Addresses are judged as IPv4 where they are mapped, so the rule has to be IPv4 as well.
  const network = unmap(parsed);
  if (network === parsed) return { text, network, bits, port };
  if (bits < 96) throw new TypeError(`${JSON.stringify(text)} covers more than IPv4-mapped addresses`);
  return { text, network, bits: bits - 96, port };
}

/** An IPv4-mapped address as IPv4, any other as it is. */
function unmap(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function matches(rule: Rule, address: ipaddr.IPv4 | ipaddr.IPv6, port: number): boolean {
  if (rule.port !== null && rule.port !== port) return false;
  return address.kind() === rule.network.kind() && address.match(rule.network, rule.bits);
}
