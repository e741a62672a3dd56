import net from 'node:net';
import tls from 'node:tls';
import { SluicewayError } from '../errors.js';
import type { AddressPolicy } from './address-policy.js';
import { toConnectError } from './connect-error.js';
import { type ResolvedAddress, type Resolver, systemResolver } from './resolver.js';

export interface DialOptions {
  destination: {
    protocol: 'http:' | 'https:';
    /** A name or an address; IPv6 without brackets. */
    hostname: string;
    port: number;
  };
  policy: AddressPolicy;
  /** Default: the operating system's. */
  resolver?: Resolver;
  /** For looking up, connecting and the TLS handshake together. */
  connectTimeoutMs: number;
  /** Used for https: only. */
  tls?: DialTlsOptions;
  /** Node's `onread`: bytes are read into `buffer()`, then `callback` says whether to go on reading. */
  onread: DialOnread;
  /** Default true. */
  noDelay?: boolean;
  /** Idle time before TCP keep-alive probes start; 0 sends none. Default 60 s. */
  keepAliveDelayMs?: number;
  /** Whether our side stays writable after the other has ended, which tunnels need. Default false. */
  allowHalfOpen?: boolean;
}

interface DialOnread {
  /** May be called several times before the connection stands: once an attempt. */
  buffer: () => Uint8Array;
  callback: (bytesRead: number, buffer: Uint8Array) => boolean;
}

export interface DialTlsOptions {
  /** Made once with `tls.createSecureContext` for many connections; replaces ca, cert, key and minVersion. */
  secureContext?: tls.SecureContext;
  /** Replaces the root certificates that Node trusts. */
  ca?: string | Buffer | readonly (string | Buffer)[];
  cert?: string | Buffer;
  key?: string | Buffer;
  minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** The name to ask for and to verify. Default: the hostname, none for an address. */
  servername?: string;
  /** From `DialListener.session`, for the same destination and servername only: resuming verifies no name. */
  session?: Buffer;
  /** Default `http/1.1`. */
  ALPNProtocols?: readonly string[];
}

/** Told once whether dialling succeeded, never before `dial` has returned and never after `cancel`. */
export interface DialListener {
  /** The connection stands. The socket belongs to the listener now; it never throws an unhandled `error`. */
  connected(socket: net.Socket): void;
  failed(error: SluicewayError): void;
  /** A TLS session for `DialTlsOptions.session`: once and again while the socket lives, after `connected`. */
  session?(session: Buffer): void;
}

export interface Dialling {
  /** Gives up; does nothing once the listener has been told. */
  cancel(): void;
}

/** How long one of several addresses may take before the next is tried (RFC 8305 section 5). */
const ATTEMPT_TIMEOUT_MS = 500;

/**
 * Connects to a destination. Every address is judged by the policy before a packet goes to it: a literal one
 * here, those of a name in the `lookup` that the socket itself uses, so that what was judged is what is dialled.
 * Afterwards the peer's address is judged once more.
 */
export function dial(options: DialOptions, listener: DialListener): Dialling {
  const { hostname, port } = options.destination;
  let socket: net.Socket | null = null;
  let resolving = false;
  let settled = false;

  /** True for the one caller that gets to tell the listener. */
  const settle = (): boolean => {
    if (settled) return false;
    settled = true;
    clearTimeout(timer);
    return true;
  };
  const fail = (error: SluicewayError): void => {
    if (!settle()) return;
    socket?.destroy();
    listener.failed(error);
  };
  const timer = setTimeout(() => {
    const message = `${hostname}:${port} was not connected within ${options.connectTimeoutMs} ms`;
    fail(new SluicewayError(resolving ? 'dns_timeout' : 'connection_timeout', message, { retryable: true }));
  }, options.connectTimeoutMs);
  const dialling = {
    cancel: (): void => {
      if (settle()) socket?.destroy();
    },
  };

  const lookup: net.LookupFunction = (name, { all }, callback) => {
    resolving = true;
    resolveAllowed(name, port, options.policy, options.resolver ?? systemResolver)
      .finally(() => {
        resolving = false;
      })
      .then(
        (addresses) =>
          all ? callback(null, addresses) : callback(null, addresses[0].address, addresses[0].family),
        // The socket emits the very error that it is given here.
        (error: unknown) => callback(toConnectError(error), []),
      );
  };

  const prohibited = net.isIP(hostname) === 0 ? null : judge(hostname, hostname, port, options.policy);
  if (prohibited !== null) {
    process.nextTick(fail, prohibited);
    return dialling;
  }
  let opened: net.Socket;
  try {
    opened = open(options, lookup);
  } catch (error) {
    // Node refuses unreadable certificates and impossible ports on the spot.
    const message = error instanceof Error ? error.message : 'The connection could not be configured';
    process.nextTick(fail, new SluicewayError('proxy_configuration_error', message, { cause: error }));
    return dialling;
  }

  socket = opened;
  // Stays for the life of the socket: an error after `cancel` or between two owners must not end the process.
  opened.on('error', (error) => fail(toConnectError(error)));
  opened.once('close', () => {
    const message = `${hostname}:${port} closed the connection before it stood`;
    fail(new SluicewayError('connection_terminated', message, { retryable: true }));
  });
  // Before Node's own listener, which would send a TLS ClientHello with the name in it.
  opened.prependOnceListener('connect', () => {
    // A peer that is already gone has no address; its close follows.
    if (opened.remoteAddress === undefined) return;
    const mismatch = judge(hostname, opened.remoteAddress, port, options.policy);
    if (mismatch !== null) fail(mismatch);
    else if (options.destination.protocol === 'http:' && settle()) listener.connected(opened);
  });
  opened.once('secureConnect', () => {
    if (settle()) listener.connected(opened);
  });
  // Node keeps no sessions for a listener that comes after the handshake.
  if (listener.session) opened.on('session', (session: Buffer) => listener.session?.(session));
  return dialling;
}

function open(options: DialOptions, lookup: net.LookupFunction): net.Socket {
  const { protocol, hostname, port } = options.destination;
  const keepAliveDelayMs = options.keepAliveDelayMs ?? 60_000;
  const common = {
    host: hostname,
    port,
    lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT_MS,
    onread: options.onread,
    noDelay: options.noDelay ?? true,
    keepAlive: keepAliveDelayMs > 0,
    keepAliveInitialDelay: keepAliveDelayMs,
    allowHalfOpen: options.allowHalfOpen ?? false,
  };
  if (protocol === 'http:') return net.connect(common);
  return tls.connect({ ...common, ...toTlsOptions(hostname, options.tls ?? {}) });
}

/** Only what is named here reaches `tls.connect`, so that no option can turn verification off. */
function toTlsOptions(hostname: string, options: DialTlsOptions): tls.ConnectionOptions {
  const { secureContext, ca, cert, key, minVersion, session } = options;
  // Server Name Indication has no addresses and no trailing dot (RFC 6066 section 3).
  const servername =
    options.servername ?? (net.isIP(hostname) === 0 ? hostname.replace(/\.$/, '') : undefined);
  return {
    ...(secureContext && { secureContext }),
    ...(ca !== undefined && { ca: typeof ca === 'string' || Buffer.isBuffer(ca) ? ca : [...ca] }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(minVersion && { minVersion }),
    ...(session && { session }),
    ...(servername !== undefined && { servername }),
    ALPNProtocols: [...(options.ALPNProtocols ?? ['http/1.1'])],
    // Stated, because the environment could turn it off (NODE_TLS_REJECT_UNAUTHORIZED).
    rejectUnauthorized: true,
  };
}

/** The addresses of a name that the policy allows, at least one. */
async function resolveAllowed(
  hostname: string,
  port: number,
  policy: AddressPolicy,
  resolver: Resolver,
): Promise<[ResolvedAddress, ...ResolvedAddress[]]> {
  const addresses = await resolver.resolve(hostname);
  let refused: SluicewayError | null = null;
  const allowed: ResolvedAddress[] = [];
  for (const { address } of addresses) {
    const family = net.isIP(address);
    const error = family === 0 ? invalidAddress(hostname, address) : judge(hostname, address, port, policy);
    if (error !== null) refused ??= error;
    else allowed.push({ address, family: family === 6 ? 6 : 4 });
  }
  const [first, ...rest] = allowed;
  if (first !== undefined) return [first, ...rest];
  throw refused ?? new SluicewayError('dns_error', `${hostname} has no address`, { retryable: true });
}

function judge(
  hostname: string,
  address: string,
  port: number,
  policy: AddressPolicy,
): SluicewayError | null {
  const decision = policy.decide(address, port);
  if (decision.allowed) return null;
  return new SluicewayError('destination_ip_prohibited', `${hostname}: ${decision.reason}`);
}

function invalidAddress(hostname: string, address: string): SluicewayError {
  const message = `${hostname} resolved to ${JSON.stringify(address)}, which is no address`;
  return new SluicewayError('dns_error', message, { retryable: true });
}
