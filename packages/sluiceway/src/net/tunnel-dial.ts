import type { Socket } from 'node:net';
import { SluicewayError } from '../errors.js';
import { anyAddress } from './address-policy.js';
import { toConfigurationError } from './connect-error.js';
import { ConnectReader, formatAuthority, formatConnect } from './connect-reader.js';
import { DialAttempt, type DialListener, type Dialling, type DialOptions } from './dial-attempt.js';
import { dialDirectly } from './direct-dial.js';
import type { EgressProxy } from './egress.js';
import { deliver } from './onread.js';
import { secureSocket } from './secure-socket.js';

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
      process.nextTick(() => secureSocket(toProxy, reader.takeEarly(), options, attempt, listener));
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
