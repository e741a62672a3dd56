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

/** Checks where a request may go: its URL, and each address before it is dialled. */
export class Guard {
  readonly #addresses: AddressPolicy;
  readonly #atPort: AddressPolicy;
  readonly #ports: readonly number[] | 'any';
  readonly #allowHosts: readonly HostPattern[] | null;
  readonly #denyHosts: readonly HostPattern[];
  readonly #schemes: readonly string[];
  readonly #own = new OwnListeners();
  readonly resolver: Resolver;
  /** For the transport: checks each address before it is dialled, and the peer's address afterwards. */
  readonly policy: AddressPolicy;

  /** `options` have been checked by `resolveGuard`. */
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

  /** Returns why a URL must not be requested, or null if it may. Makes no DNS lookup. */
  judge({ base, path }: { base: BaseTarget; path: string }): SluicewayError | null {
    const scheme = base.protocol.slice(0, -1);
    if (!this.#schemes.includes(scheme)) return refused(`the scheme ${scheme}`);
    // No valid name has an empty label. Resolvers and host lists disagree on how to treat one.
    if (/^\.|\.\./.test(base.hostname)) return refused('a host whose name is not valid');
    const name = base.hostname.replace(/\.$/, '');
    if (name === 'unix') return refused('a Unix socket');
    // RFC 6761 section 6.3: such names are this machine, whatever a resolver returns.
    if (/(?:^|\.)localhost$/.test(name) && LOOPBACK.every((each) => !this.#decide(each, base.port).allowed))
      return refused('this machine');
    const target = new JudgedTarget(base, path);
    if (this.#denyHosts.some((pattern) => deniesTarget(pattern, target))) return refused('a denied host');
    if (this.#allowHosts !== null && !this.#allowHosts.some((pattern) => allowsTarget(pattern, target)))
      return refused('a host that is not allowed');
    return null;
  }

  /**
   * Refuses connections to a listener of this process. The unspecified address stands for all addresses of this
   * machine.
   */
  addListener(address: string, port: number): void {
    this.#own.add(address, port);
  }

  /** Like `addListener`, for the listener that accepted a request. Null if unknown. */
  learnListener(listener: ListenerAddress | null): void {
    this.#own.learn(listener);
  }

  #decide(address: string, port: number): { allowed: boolean; reason: string } {
    if (this.#own.includes(address, port))
      return { allowed: false, reason: `${address}:${port} is a listener of this process` };
    if (this.#ports !== 'any' && !this.#ports.includes(port) && !this.#atPort.decide(address, port).allowed)
      return { allowed: false, reason: `port ${port} is not allowed` };
    return this.#addresses.decide(address, port);
  }
}

/** Checks the options of a guard. `path` is their path in the options, `''` if they are the whole. */
export function resolveGuard(check: Checker, path: string, options: unknown): Guard {
  const { allowPorts, allowHosts, schemes, resolver, ...lists } = resolve(guardOptions, options, check, path);
  const resolved: GuardOptions = {
    ...lists,
    ...(allowPorts !== undefined && { allowPorts }),
    ...(allowHosts !== undefined && { allowHosts }),
    ...(schemes !== undefined && { schemes }),
    ...(resolver !== undefined && { resolver }),
  };
  // If there are problems, the guard is not used.
  try {
    return new Guard(resolved);
  } catch {
    return new Guard({});
  }
}

const refused = (what: string): SluicewayError =>
  new SluicewayError('destination_ip_prohibited', `The URL leads to ${what}`);
