import { SluicewayError } from '../errors.js';
import type { BaseTarget } from '../http/target.js';
import type { Checker } from '../options/checker.js';
import { type AddressPolicy, createAddressPolicy } from './address-policy.js';
import {
  allowsTarget,
  deniesTarget,
  type HostPattern,
  parseHostPattern,
  toJudgedTarget,
} from './host-pattern.js';
import { type ListenerAddress, OwnListeners } from './own-listeners.js';
import type { Resolver } from './resolver.js';
import { systemResolver } from './system-resolver.js';

/** What a URL that somebody else has chosen may lead to. Without options: public addresses at the ports 80 and 443. */
export interface GuardOptions {
  /**
   * Addresses and CIDR ranges, with a port where they hold for that one only (`10.0.0.5`, `10.0.0.0/8:8080`,
   * `[fd00::/8]:8080`), that may be connected to although they are not public. They are looked at before
   * `denyAddresses`. One with a port allows the port too.
   */
  allowAddresses?: readonly string[];
  /** Addresses that may not be connected to although they are public. */
  denyAddresses?: readonly string[];
  /** Default 80 and 443. `'any'` is all of them. */
  allowPorts?: readonly number[] | 'any';
  /**
   * Hosts or URLs that may be asked: `files.example.com`, `*.example.com`, `https://example.com/public/*`. A path that a
   * server may take for one outside of the pattern is not allowed. Default: any.
   */
  allowHosts?: readonly string[];
  /**
   * Hosts or URLs that may not be asked, judged before `allowHosts`. A pattern with a path denies every URL whose path a
   * server may take for such a path: dot segments, escapes (also of escapes), repeated slashes, backslashes, `+` for a
   * space, `;parameters` and the case of letters make no difference, and a path that cannot be read is denied. Default: none.
   */
  denyHosts?: readonly string[];
  /** Default both. */
  schemes?: readonly ('http' | 'https')[];
  /** How names become addresses, all of which are judged. Default: the operating system's resolver. */
  resolver?: Resolver;
}

const GUARD_OPTIONS = [
  'allowAddresses',
  'denyAddresses',
  'allowPorts',
  'allowHosts',
  'denyHosts',
  'schemes',
  'resolver',
] as const satisfies readonly (keyof GuardOptions)[];

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
    const target = toJudgedTarget(base, path);
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
export function resolveGuard(check: Checker, path: string, options: GuardOptions | undefined): Guard {
  const given = check.unknownKeys(path, options, GUARD_OPTIONS) ? (options ?? {}) : {};
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  const rules = (name: 'allowAddresses' | 'denyAddresses'): string[] =>
    check.list(at(name), given[name], (item, rule) =>
      check.parsed(item, rule as string, '', (text) => {
        createAddressPolicy({ allow: [text], base: 'public' });
        return text;
      }),
    );
  const hosts = (name: 'allowHosts' | 'denyHosts'): string[] =>
    check.list(at(name), given[name], (item, pattern) =>
      check.parsed(item, pattern as string, '', (text) => {
        parseHostPattern(text);
        return text;
      }),
    );
  const ports =
    given.allowPorts === 'any'
      ? ('any' as const)
      : check.list(at('allowPorts'), given.allowPorts, (item, port) =>
          check.integer(item, port, 0, { min: 1, max: 65_535 }),
        );
  const schemes = check.list(at('schemes'), given.schemes, (item, scheme) =>
    check.oneOf(item, scheme, ['http', 'https'], 'http' as const),
  );
  const resolver = check.parsed(at('resolver'), given.resolver, undefined, checkResolver);
  const resolved: GuardOptions = {
    allowAddresses: rules('allowAddresses'),
    denyAddresses: rules('denyAddresses'),
    denyHosts: hosts('denyHosts'),
    ...(given.allowPorts !== undefined && { allowPorts: ports }),
    ...(given.allowHosts !== undefined && { allowHosts: hosts('allowHosts') }),
    ...(given.schemes !== undefined && { schemes }),
    ...(resolver !== undefined && { resolver }),
  };
  // With problems there is no guard that anybody will use.
  try {
    return new Guard(resolved);
  } catch {
    return new Guard({});
  }
}

function checkResolver(resolver: Resolver): Resolver {
  if (typeof resolver?.resolve === 'function') return resolver;
  throw new TypeError('must have the method resolve');
}

const refused = (what: string): SluicewayError =>
  new SluicewayError('destination_ip_prohibited', `The URL leads to ${what}`);
