import { SluicewayError } from '../errors.js';
import type { BaseTarget } from '../http/target.js';
import type { Checker } from '../options/checker.js';
import { resolve } from '../options/spec.js';
import { type AddressPolicy, createAddressPolicy } from './address-policy.js';
import { type GuardOptions, guardOptions } from './guard-options.js';
import {
  allowsTarget,
  deniesTarget,
  type HostPattern,
  JudgedTarget,
  parseHostPattern,
} from './host-pattern.js';
import { type ListenerAddress, OwnListeners } from './own-listeners.js';
import type { Resolver } from './resolver.js';
import { systemResolver } from './system-resolver.js';

const LOOPBACK = ['127.0.0.1', '::1'] as const;

const DEFAULT_PORTS: readonly number[] = [80, 443];

/** Judges where a request may go: what its URL says, and each address that is dialled for it. */
export class Guard {
  readonly #addresses: AddressPolicy;
  readonly #atPort: AddressPolicy;
  readonly #ports: readonly number[] | 'any';
  readonly #allowHosts: readonly HostPattern[] | null;
  readonly #denyHosts: readonly HostPattern[];
  readonly #schemes: readonly string[];
  readonly #own = new OwnListeners();
  readonly resolver: Resolver;
  /** For the transport: asked for each address before it is dialled, and for the peer's afterwards. */
  readonly policy: AddressPolicy;

  /** Takes what `resolveGuard` has checked. */
  constructor(options: GuardOptions) {
    const { allowAddresses = [], denyAddresses = [] } = options;
    this.#addresses = createAddressPolicy({ allow: allowAddresses, deny: denyAddresses, base: 'public' });
    const withPort = allowAddresses.filter((rule) => /\]:\d+$|^[\d./]+:\d+$/.test(rule));
    this.#atPort = createAddressPolicy({ allow: withPort, deny: ['0.0.0.0/0', '::/0'], base: 'public' });
    this.#ports = options.allowPorts ?? DEFAULT_PORTS;
    this.#allowHosts = options.allowHosts?.map(parseHostPattern) ?? null;
    this.#denyHosts = (options.denyHosts ?? []).map(parseHostPattern);
    this.#schemes = options.schemes ?? ['http', 'https'];
    this.resolver = options.resolver ?? systemResolver;
    this.policy = { decide: (address, port) => this.#decide(address, port) };
  }

  /** Why a URL may not be asked for, before anything is looked up; null where it may. */
  judge({ base, path }: { base: BaseTarget; path: string }): SluicewayError | null {
    const scheme = base.protocol.slice(0, -1);
    if (!this.#schemes.includes(scheme)) return refused(`the scheme ${scheme}`);
    // An empty label, which no name has: what a resolver makes of one is not known, nor are lists of hosts for it.
    if (/^\.|\.\./.test(base.hostname)) return refused('a host whose name is not valid');
    const name = base.hostname.replace(/\.$/, '');
    if (name === 'unix') return refused('a Unix socket');
    // RFC 6761 section 6.3: whatever a resolver says of such names, they are this machine.
    if (/(?:^|\.)localhost$/.test(name) && LOOPBACK.every((each) => !this.#decide(each, base.port).allowed))
      return refused('this machine');
    const target = new JudgedTarget(base, path);
    if (this.#denyHosts.some((pattern) => deniesTarget(pattern, target))) return refused('a denied host');
    if (this.#allowHosts !== null && !this.#allowHosts.some((pattern) => allowsTarget(pattern, target)))
      return refused('a host that is not allowed');
    return null;
  }

  /** Refuses connections to a listener of our own. An address of all zeros stands for every one of this machine. */
  addListener(address: string, port: number): void {
    this.#own.add(address, port);
  }

  /** As `addListener`, for the listener that a request has come by; null where that is not known. */
  learnListener(listener: ListenerAddress | null): void {
    this.#own.learn(listener);
  }

  #decide(address: string, port: number): { allowed: boolean; reason: string } {
    if (this.#own.includes(address, port))
      return { allowed: false, reason: `${address}:${port} is our own listener` };
    if (this.#ports !== 'any' && !this.#ports.includes(port) && !this.#atPort.decide(address, port).allowed)
      return { allowed: false, reason: `port ${port} is not allowed` };
    return this.#addresses.decide(address, port);
  }
}

/** Checks the options of a guard, all at once. `path` is where they stand, `''` where they are the whole. */
export function resolveGuard(check: Checker, path: string, options: unknown): Guard {
  const { allowPorts, allowHosts, schemes, resolver, ...lists } = resolve(guardOptions, options, check, path);
  const resolved: GuardOptions = {
    ...lists,
    ...(allowPorts !== undefined && { allowPorts }),
    ...(allowHosts !== undefined && { allowHosts }),
    ...(schemes !== undefined && { schemes }),
    ...(resolver !== undefined && { resolver }),
  };
  // With problems there is no guard that anybody will use.
  try {
    return new Guard(resolved);
  } catch {
    return new Guard({});
  }
}

const refused = (what: string): SluicewayError =>
  new SluicewayError('destination_ip_prohibited', `The URL leads to ${what}`);
