import type { Socket } from 'node:net';
import { SluicewayError } from '../errors.js';
import { hostField, parseBaseTarget } from '../http/target.js';
import type { DialTlsOptions } from '../net/dial-tls.js';
import { dialDirectly } from '../net/direct-dial.js';
import { type Guard, resolveGuard } from '../net/guard.js';
import type { GuardOptions } from '../net/guard-options.js';
import { parseHostPattern } from '../net/host-pattern.js';
import { Checker } from '../options/checker.js';
import { resolveTls, type UpstreamTlsOptions } from '../proxy/options/upstream-tls.js';
import type { Duration } from '../units.js';

/** `allowHosts` and `denyHosts` have no paths here: a connection is made before anybody knows what for. */
export interface GuardedConnectOptions extends GuardOptions {
  /** How to reach https: a private CA, a client certificate. Verification cannot be turned off. Default: what Node trusts. */
  tls?: UpstreamTlsOptions;
  /** Looking up, connecting and the TLS handshake together. Default 10 s. */
  connectTimeout?: Duration;
}

/** Where another client wants a connection to, in its words. */
interface Wanted {
  protocol: 'http:' | 'https:';
  /** In any spelling, IPv6 with or without brackets. */
  hostname: string;
  port: number;
  /** The name for the certificate; undefined for that of the host. */
  servername: string | undefined;
  /** Something other than a connection of our own; there is no address to judge then. */
  socket: unknown;
}

type Connected = (...result: [error: null, socket: Socket] | [error: Error, socket: null]) => void;

/** Connects for other clients, to what the guard lets it. Throws an `OptionsError` with every problem. */
export class GuardedDialer {
  readonly #guard: Guard;
  readonly #tls: DialTlsOptions;
  readonly #connectTimeoutMs: number;

  constructor(subject: string, options: GuardedConnectOptions) {
    const check = new Checker(subject);
    const { tls, connectTimeout, ...guardOptions } = options;
    this.#guard = resolveGuard(check, '', guardOptions);
    refusePaths(check, 'allowHosts', guardOptions.allowHosts);
    refusePaths(check, 'denyHosts', guardOptions.denyHosts);
    this.#tls = resolveTls(check, 'tls', tls) ?? {};
    this.#connectTimeoutMs = check.duration('connectTimeout', connectTimeout, 10_000, { min: 1 });
    check.throwIfAny();
  }

  /** Tells `done` once, and not before this has returned. */
  connect(wanted: Wanted, done: Connected): void {
    const target = this.#check(wanted);
    if (target instanceof SluicewayError) {
      process.nextTick(done, target, null);
      return;
    }
    const { servername } = wanted;
    const named = servername === undefined || servername === '' ? {} : { servername };
    dialDirectly(
      {
        destination: target,
        policy: this.#guard.policy,
        resolver: this.#guard.resolver,
        connectTimeoutMs: this.#connectTimeoutMs,
        tls: { ...named, ...this.#tls },
      },
      { connected: (socket) => done(null, socket), failed: (error) => done(error, null) },
    );
  }

  #check({ protocol, hostname, port, socket }: Wanted): ReturnType<typeof parseBaseTarget> | SluicewayError {
    if (socket !== undefined && socket !== null)
      return new SluicewayError('destination_ip_prohibited', 'Nobody can judge where a given socket leads');
    // As a URL would have it: one spelling for each host.
    const host = hostField(hostname.replace(/^\[(.*)\]$/, '$1'), port, protocol);
    try {
      const base = parseBaseTarget(`${protocol}//${host}`);
      if (base.path === '' && base.query === '' && base.port === port)
        return this.#guard.judge({ base, path: '/' }) ?? base;
    } catch {
      // Said below: the message of a URL that is not valid would speak of something that nobody has written.
    }
    return new SluicewayError('http_request_error', 'The host is not valid');
  }
}

function refusePaths(check: Checker, name: string, patterns: unknown): void {
  if (!Array.isArray(patterns)) return;
  for (const [index, pattern] of patterns.entries()) {
    if (hasPath(pattern)) check.problem(`${name}[${index}]`, 'must have no path, which a connection has not');
  }
}

function hasPath(pattern: unknown): boolean {
  try {
    return parseHostPattern(pattern as string).path !== null;
  } catch {
    // What it is instead has been said.
    return false;
  }
}
