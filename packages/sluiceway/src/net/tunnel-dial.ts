import type { Socket } from 'node:net';
import tls from 'node:tls';
import { SluicewayError } from '../errors.js';
import { anyAddress } from './address-policy.js';
import { toConfigurationError, toConnectError } from './connect-error.js';
import { ConnectReader, formatAuthority, formatConnect } from './connect-reader.js';
import { DialAttempt, type DialListener, type Dialling, type DialOptions } from './dial-attempt.js';
import { toTlsOptions } from './dial-tls.js';
import { dialDirectly } from './direct-dial.js';
import type { EgressProxy } from './egress.js';
import { deliver, feedOnread } from './onread.js';

/** Connects to the destination through a tunnel of the proxy. For an https: destination, TLS runs inside the tunnel. */
export function dialThrough(proxy: EgressProxy, options: DialOptions, listener: DialListener): Dialling {
  const { destination } = options;
  const attempt = new DialAttempt(options, listener);
  if (options.policy !== anyAddress) {
    const message = `${destination.hostname}: the address that an egress proxy connects to cannot be checked`;
    process.nextTick(attempt.fail, new SluicewayError('destination_ip_prohibited', message));
    return attempt;
  }

  let toProxy: Socket;
  const onOpen = (): boolean => {
    if (attempt.isSettled) return false;
    if (destination.protocol === 'https:') {
      // Not during a read of the socket that it takes over.
      process.nextTick(secure, toProxy, reader, options, attempt, listener);
      return false;
    }
    if (options.onread === undefined) {
      // Not during a read, because an HTTP/2 session can take over the socket.
      process.nextTick(release, toProxy, reader, attempt);
      return false;
    }
    reader.handOver(options.onread);
    attempt.connected(toProxy);
    return deliver(reader.takeEarly(), options.onread);
  };
  const reader = new ConnectReader(destination, onOpen, attempt.fail);
  const { tls: proxyTls = {}, protocol, hostname, port } = proxy;
  const dialling = dialDirectly(
    { ...options, destination: { protocol, hostname, port }, tls: proxyTls, onread: reader.onread },
    {
      connected: (socket) => {
        toProxy = socket;
        attempt.onGivenUp(() => void socket.destroy());
        askForTunnel(socket, proxy, options, attempt);
      },
      failed: attempt.fail,
    },
  );
  attempt.onGivenUp(() => dialling.cancel());
  return attempt;
}

/** Errors between two owners are handled by the listener that `dialDirectly` leaves on the socket. */
function askForTunnel(
  socket: Socket,
  proxy: EgressProxy,
  { destination }: DialOptions,
  attempt: DialAttempt,
): void {
  const ended = (cause?: Error): void => {
    const message = `The egress proxy ended the connection before there was a tunnel to ${formatAuthority(destination)}`;
    attempt.fail(new SluicewayError('connection_terminated', message, { cause, retryable: true }));
  };
  socket.once('error', ended);
  socket.once('end', ended);
  socket.once('close', () => ended());
  try {
    socket.write(formatConnect(destination, proxy), 'latin1');
  } catch (error) {
    attempt.fail(toConfigurationError(error));
  }
}

/** Hands the tunnel over as an ordinary socket. */
function release(toProxy: Socket, reader: ConnectReader, attempt: DialAttempt): void {
  if (attempt.isSettled) return;
  const early = reader.takeEarly();
  if (early.length > 0) toProxy.unshift(early);
  // Reading was stopped after the answer. An HTTP/2 session restarts it only if data has already arrived.
  toProxy.read(0);
  attempt.connected(toProxy);
}

/** Performs the handshake with the origin server inside the tunnel. */
function secure(
  toProxy: Socket,
  reader: ConnectReader,
  options: DialOptions,
  attempt: DialAttempt,
  listener: DialListener,
): void {
  if (attempt.isSettled) return;
  // Data that has already arrived belongs to the handshake.
  const early = reader.takeEarly();
  if (early.length > 0) toProxy.unshift(early);
  let secured: tls.TLSSocket;
  try {
    secured = tls.connect({
      socket: toProxy,
      ...toTlsOptions(options.destination.hostname, options.tls ?? {}),
    });
  } catch (error) {
    attempt.fail(toConfigurationError(error));
    return;
  }
  attempt.onGivenUp(() => void secured.destroy());
  // This listener stays for the life of the socket, as for a direct connection.
  secured.on('error', (error) => attempt.fail(toConnectError(error)));
  secured.once('secureConnect', () => {
    if (attempt.isSettled) return;
    if (options.onread) feedOnread(secured, options.onread);
    attempt.connected(secured);
  });
  if (listener.session) secured.on('session', (session: Buffer) => listener.session?.(session));
}
