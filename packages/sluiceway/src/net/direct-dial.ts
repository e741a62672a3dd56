import net from 'node:net';
import tls from 'node:tls';
import { SluicewayError } from '../errors.js';
import type { AddressPolicy } from './address-policy.js';
import { toConfigurationError, toConnectError } from './connect-error.js';
import { dialledHost } from './destination.js';
import { DialAttempt, type DialListener, type Dialling, type DialOptions } from './dial-attempt.js';
import { toTlsOptions } from './dial-tls.js';
import { closeIdleSockets, isOutOfDescriptors } from './idle-sockets.js';
import { type ResolvedAddress, toDnsError } from './resolver.js';
import { systemResolver } from './system-resolver.js';

/** How long to wait for one of several addresses before the next one is tried (RFC 8305 section 5). */
const ATTEMPT_TIMEOUT_MS = 500;

/** The number of attempts at a connection when descriptors run out, while closing idle connections can free some. */
const MAX_TRIES = 4;

/**
 * Connects to the destination directly. The policy checks every address before a packet is sent to it: a literal one
 * here, those of a name in the `lookup` of the socket itself, so that the checked address is the dialled one.
 * Afterwards the policy checks the peer's address again.
 */
export function dialDirectly(options: DialOptions, listener: DialListener): Dialling {
  const { port, protocol } = options.destination;
  const hostname = dialledHost(options.destination);
  const attempt = new DialAttempt(options, listener);

  const lookup: net.LookupFunction = (name, { all }, callback) => {
    attempt.resolving = true;
    resolveAllowed(name, options)
      .finally(() => {
        attempt.resolving = false;
      })
      .then(
        (addresses) =>
          all ? callback(null, addresses) : callback(null, addresses[0].address, addresses[0].family),
        // The socket emits exactly the error that it gets here.
        (error: unknown) => callback(toConnectError(error), []),
      );
  };

  const prohibited = net.isIP(hostname) === 0 ? null : judge(hostname, hostname, port, options.policy);
  if (prohibited !== null) {
    process.nextTick(attempt.fail, prohibited);
    return attempt;
  }
  let tries = 0;
  const connect = (): void => {
    if (attempt.isSettled) return;
    tries += 1;
    let opened: net.Socket;
    try {
      opened = open(options, lookup);
    } catch (error) {
      process.nextTick(attempt.fail, toConfigurationError(error));
      return;
    }
    let isGivenUp = false;
    attempt.onGivenUp(() => void opened.destroy());
    // This listener stays for the life of the socket. An error after `cancel` or between two owners must not end the
    // process.
    opened.on('error', (error) => {
      if (attempt.isSettled || isGivenUp) return;
      if (tries < MAX_TRIES && isOutOfDescriptors(error) && closeIdleSockets() > 0) {
        isGivenUp = true;
        setImmediate(connect);
      } else attempt.fail(toConnectError(error));
    });
    opened.once('close', () => {
      if (isGivenUp) return;
      const message = `${hostname}:${port} closed the connection before it was established`;
      attempt.fail(new SluicewayError('connection_terminated', message, { retryable: true }));
    });
    // Runs before Node's own listener, which would send a TLS ClientHello with the name.
    opened.prependOnceListener('connect', () => {
      // A peer that has disconnected has no address. A `close` follows.
      if (opened.remoteAddress === undefined) return;
      const mismatch = judge(hostname, opened.remoteAddress, port, options.policy);
      if (mismatch !== null) attempt.fail(mismatch);
      else if (protocol === 'http:') attempt.connected(opened);
    });
    opened.once('secureConnect', () => attempt.connected(opened));
    // Node does not keep sessions for a listener that is added after the handshake.
    if (listener.session) opened.on('session', (session: Buffer) => listener.session?.(session));
  };
  connect();
  return attempt;
}

function open(options: DialOptions, lookup: net.LookupFunction): net.Socket {
  const { protocol, hostname, port } = options.destination;
  const keepAliveDelayMs = options.keepAliveDelayMs ?? 60_000;
  const common = {
    host: dialledHost(options.destination),
    port,
    lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ATTEMPT_TIMEOUT_MS,
    ...(options.onread && { onread: options.onread }),
    noDelay: options.noDelay ?? true,
    keepAlive: keepAliveDelayMs > 0,
    keepAliveInitialDelay: keepAliveDelayMs,
    allowHalfOpen: options.allowHalfOpen ?? false,
  };
  if (protocol === 'http:') return net.connect(common);
  return tls.connect({ ...common, ...toTlsOptions(hostname, options.tls ?? {}) });
}

/** Returns the addresses of a name that the policy allows, at least one. */
async function resolveAllowed(
  hostname: string,
  { destination: { port }, policy, resolver = systemResolver, client = null }: DialOptions,
): Promise<[ResolvedAddress, ...ResolvedAddress[]]> {
  let addresses: ResolvedAddress[];
  try {
    addresses = await resolver.resolve(hostname, client);
  } catch (error) {
    throw toDnsError(hostname, error);
  }
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
  const message = `${hostname} resolved to ${JSON.stringify(address)}, which is not an address`;
  return new SluicewayError('dns_error', message, { retryable: true });
}
