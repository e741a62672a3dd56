import ipaddr from 'ipaddr.js';
import { classifyAddress, embeddedIPv4, parseAddress } from './address-class.js';

export interface AddressDecision {
  allowed: boolean;
  /** For logs only: it can name an internal address. */
  reason: string;
}

/**
 * Decides which addresses may be connected to. It has no side effects, and is called before and again after a
 * connection is made.
 */
export interface AddressPolicy {
  /** `address` is in the form of the resolver or the socket. */
  decide(address: string, port: number): AddressDecision;
}

const ANY: AddressDecision = Object.freeze({ allowed: true, reason: 'any address is allowed' });

/** The policy for upstreams that the operator has configured. */
export const anyAddress: AddressPolicy = { decide: () => ANY };

/** The policy for URLs that others supply: public unicast only. */
export const publicAddresses: AddressPolicy = { decide: (address) => classifyAddress(address) };

/** Allows what every one of the policies allows. */
export function allowedByAll(policies: readonly AddressPolicy[]): AddressPolicy {
  const [first = anyAddress, ...others] = new Set(policies.filter((policy) => policy !== anyAddress));
  if (others.length === 0) return first;
  return {
    decide(address, port) {
      const decision = first.decide(address, port);
      if (!decision.allowed) return decision;
      return others.map((policy) => policy.decide(address, port)).find(({ allowed }) => !allowed) ?? decision;
    },
  };
}

export interface AddressPolicyOptions {
  /**
   * Allowed addresses. Checked first. Each is an address or a CIDR range, optionally with the only port it applies to:
   * `10.0.0.5`, `10.0.0.0/8`, `10.0.0.0/8:8080`, `fd00::/8`, `[fd00::/8]:8080`.
   */
  allow?: readonly string[];
  /** Denied addresses. Checked second. An IPv4 rule also matches the address inside a NAT64 address. */
  deny?: readonly string[];
  /** The policy for all other addresses. */
  base: 'public' | 'any';
}

/** Creates a policy from rules: allow, then deny, then the base. Throws a `TypeError` for an invalid rule. */
export function createAddressPolicy(options: AddressPolicyOptions): AddressPolicy {
  const allowed = (options.allow ?? []).map(parseRule);
  const denied = (options.deny ?? []).map(parseRule);
  // Any unexpected value at run time means public.
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

/** The range, in brackets or bare, then an optional port. A bare IPv6 range takes no port, which would be ambiguous. */
const RULE = /^(?:\[([\da-f:.]+(?:\/\d{1,3})?)\]|([\d.]+(?:\/\d{1,3})?))(?::(\d{1,5}))?$/i;

/** Parses one rule; see `AddressPolicyOptions.allow`. */
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
  // IPv4-mapped addresses are checked as IPv4, so the rule is converted as well.
  const network = unmap(parsed);
  if (network === parsed) return { text, network, bits, port };
  if (bits < 96) throw new TypeError(`${JSON.stringify(text)} covers more than IPv4-mapped addresses`);
  return { text, network, bits: bits - 96, port };
}

/** Converts an IPv4-mapped address to IPv4. Returns any other address unchanged. */
function unmap(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function matches(rule: Rule, address: ipaddr.IPv4 | ipaddr.IPv6, port: number): boolean {
  if (rule.port !== null && rule.port !== port) return false;
  return address.kind() === rule.network.kind() && address.match(rule.network, rule.bits);
}
