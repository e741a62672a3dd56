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

/** `allowHosts` and `denyHosts` take no paths here: when a connection is made, the path is not known. */
export interface GuardedConnectOptions extends GuardOptions {
  /**
   * TLS options for https:, such as a private CA or a client certificate. Verification cannot be turned off. Default:
   * Node's trusted certificates.
   */
  tls?: UpstreamTlsOptions;
  /** Time for lookup, connection and TLS handshake together. Default 10 s. */
  connectTimeout?: Duration;
}

/** The connection that another client requests, in its own terms. */
interface Wanted {
  protocol: 'http:' | 'https:';
  /** In any spelling, IPv6 with or without brackets. */
  hostname: string;
  port: number;
  /** The name in the certificate. Undefined: the hostname. */
  servername: string | undefined;
  /** An existing socket to use instead of a new connection. Its address cannot be checked. */
  socket: unknown;
}

type Connected = (...result: [error: null, socket: Socket] | [error: Error, socket: null]) => void;

/** Opens connections for other clients if the guard permits them. Throws an `OptionsError` that lists every problem. */
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

  /** Calls `done` once, after this method has returned. */
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
      return new SluicewayError(
        'destination_ip_prohibited',
        'The destination of a given socket cannot be checked',
      );
    // Normalized as in a URL, so that each host has one spelling.
    const host = hostField(hostname.replace(/^\[(.*)\]$/, '$1'), port, protocol);
    try {
      const base = parseBaseTarget(`${protocol}//${host}`);
      if (base.path === '' && base.query === '' && base.port === port)
        return this.#guard.judge({ base, path: '/' }) ?? base;
    } catch {
      // Reported below. The URL parser's message would quote a URL that the caller has not written.
    }
    return new SluicewayError('http_request_error', 'The host is not valid');
  }
}

function refusePaths(check: Checker, name: string, patterns: unknown): void {
  if (!Array.isArray(patterns)) return;
  for (const [index, pattern] of patterns.entries()) {
    if (hasPath(pattern)) check.problem(`${name}[${index}]`, 'must not have a path: a connection has none');
  }
}

function hasPath(pattern: unknown): boolean {
  try {
    return parseHostPattern(pattern as string).path !== null;
  } catch {
    // The checker has reported the type already.
    return false;
  }
}
