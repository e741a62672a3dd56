import type { Socket } from 'node:net';
import { isUnixPeer, type TrustedPeers } from 'sluiceway/options';
import type { OnConnectionFailure } from './connection-failure.js';
import { setProxiedConnection } from './proxied-socket.js';
import { type ProxyHeader, ProxyHeaderError, readProxyHeader } from './proxy-protocol.js';

/** How a listener takes headers of the PROXY protocol. */
export interface ProxyProtocolSettings {
  /** The proxies in front whose headers are believed. */
  from: TrustedPeers;
  /** Whether a connection from one of them without a header is refused. */
  required: boolean;
  /** Connections from other peers: refuse them, or serve them without looking for a header. */
  others: 'refuse' | 'plain';
  /** Time for a header to arrive. */
  timeoutMs: number;
}

/** Reads the PROXY protocol of new connections, and passes them on with the addresses of the header. */
export class ProxyProtocolGate {
  readonly #pass: (socket: Socket) => void;
  readonly #onRefused: OnConnectionFailure;
  readonly #waiting = new Set<Socket>();

  /** `onRefused` gets the reason why a connection was closed. */
  constructor(pass: (socket: Socket) => void, onRefused: OnConnectionFailure) {
    this.#pass = pass;
    this.#onRefused = onRefused;
  }

  /** The number of connections whose header has not arrived yet. */
  get size(): number {
    return this.#waiting.size;
  }

  take(socket: Socket, settings: ProxyProtocolSettings): void {
    const isTrusted = isUnixPeer(socket)
      ? settings.from.unix
      : settings.from.includes(socket.remoteAddress ?? null);
    if (isTrusted) this.#read(socket, settings);
    else if (settings.others === 'plain') this.#pass(socket);
    else this.#refuse(socket, 'is not one of the peers that PROXY protocol is accepted from');
  }

  /** Closes the connections whose header has not arrived yet. */
  destroy(): void {
    for (const socket of this.#waiting) socket.destroy();
  }

  #read(socket: Socket, { required, timeoutMs }: ProxyProtocolSettings): void {
    let received = Buffer.alloc(0);
    const leave = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(socket);
      socket.off('readable', onReadable).off('end', onEnd).off('close', leave).off('error', ignoreError);
    };
    const refuse = (problem: string): void => {
      leave();
      this.#refuse(socket, problem);
    };
    const pass = (header: ProxyHeader | null): void => {
      leave();
      const rest = received.subarray(header?.length ?? 0);
      if (rest.length > 0) socket.unshift(rest);
      if (header?.connection !== null && header?.connection !== undefined)
        setProxiedConnection(socket, header.connection);
      this.#pass(socket);
    };
    const onReadable = (): void => {
      const chunk = socket.read() as Buffer | null;
      if (chunk === null) return;
      received = Buffer.concat([received, chunk]);
      try {
        const header = readProxyHeader(received);
        if (header === 'incomplete') return;
        if (header !== 'absent') pass(header);
        else if (required) refuse('does not begin with a PROXY protocol header');
        else pass(null);
      } catch (error) {
        if (!(error instanceof ProxyHeaderError)) throw error;
        refuse(`sent a PROXY protocol header that ${error.message}`);
      }
    };
    const onEnd = (): void => {
      // Load balancers check that a port is open by connecting to it.
      if (received.length > 0) refuse('ended within its PROXY protocol header');
      else socket.destroy();
    };
    const timer = setTimeout(
      () => refuse(`sent no complete PROXY protocol header within ${timeoutMs} ms`),
      timeoutMs,
    );
    this.#waiting.add(socket);
    socket.on('readable', onReadable).on('end', onEnd).on('close', leave).on('error', ignoreError);
  }

  #refuse(socket: Socket, problem: string): void {
    const { remoteAddress: clientAddress = null } = socket;
    socket.on('error', ignoreError);
    socket.destroy();
    const message = `${clientAddress ?? 'a peer on a Unix socket'} ${problem}`;
    this.#onRefused({ kind: 'proxy_protocol', message, code: '', clientAddress });
  }
}

const ignoreError = (): void => {};
