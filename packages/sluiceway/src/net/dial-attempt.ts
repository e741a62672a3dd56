import type { Socket } from 'node:net';
import { SluicewayError } from '../errors.js';
import type { AddressPolicy } from './address-policy.js';
import type { Destination } from './destination.js';
import type { DialTlsOptions } from './dial-tls.js';
import type { EgressProxy } from './egress.js';
import type { Resolver } from './resolver.js';

export interface DialOptions {
  destination: Destination;
  policy: AddressPolicy;
  /** Default: the operating system's. */
  resolver?: Resolver;
  /** The address of the client that the connection is for: see `Resolver.resolve`. Default none. */
  client?: string | null;
  /**
   * Reach the destination through a tunnel of this proxy. It looks the name up and connects, so there is no address
   * to judge: with any other policy than `anyAddress` nothing is dialled.
   */
  proxy?: EgressProxy;
  /** For looking up, connecting, the answer of the proxy and TLS handshakes together. */
  connectTimeoutMs: number;
  /** Used for https: only. */
  tls?: DialTlsOptions;
  /**
   * Node's `onread`: bytes are read into `buffer()`, then `callback` says whether to go on reading. Without it the
   * socket is an ordinary one.
   */
  onread?: DialOnread;
  /** Default true. */
  noDelay?: boolean;
  /** Idle time before TCP keep-alive probes start; 0 sends none. Default 60 s. */
  keepAliveDelayMs?: number;
  /** Whether our side stays writable after the other has ended, which tunnels need. Default false. */
  allowHalfOpen?: boolean;
}

export interface DialOnread {
  /** May be called several times before the connection stands: once an attempt. */
  buffer: () => Uint8Array;
  callback: (bytesRead: number, buffer: Uint8Array) => boolean;
}

/** Told once whether dialling succeeded, never before `dial` has returned and never after `cancel`. */
export interface DialListener {
  /** The connection stands. The socket belongs to the listener now; it never throws an unhandled `error`. */
  connected(socket: Socket): void;
  failed(error: SluicewayError): void;
  /** A TLS session for `DialTlsOptions.session`: once and again while the socket lives, after `connected`. */
  session?(session: Buffer): void;
}

export interface Dialling {
  /** Gives up; does nothing once the listener has been told. */
  cancel(): void;
}

/** One dialling under way: its listener is told once, in time, and where it fails nothing of it stays behind. */
export class DialAttempt implements Dialling {
  readonly #listener: DialListener;
  readonly #timer: NodeJS.Timeout;
  #giveUp: (() => void) | null = null;
  #settled = false;
  /** A name is being looked up. */
  resolving = false;

  constructor({ destination, connectTimeoutMs }: DialOptions, listener: DialListener) {
    this.#listener = listener;
    this.#timer = setTimeout(() => {
      const message = `${destination.hostname}:${destination.port} was not connected within ${connectTimeoutMs} ms`;
      const code = this.resolving ? 'dns_timeout' : 'connection_timeout';
      this.fail(new SluicewayError(code, message, { retryable: true }));
    }, connectTimeoutMs);
  }

  /** How to give up what has come of it so far; replaces what was told before. */
  onGivenUp(giveUp: () => void): void {
    this.#giveUp = giveUp;
  }

  connected(socket: Socket): void {
    if (this.#settle()) this.#listener.connected(socket);
  }

  readonly fail = (error: SluicewayError): void => {
    if (!this.#settle()) return;
    this.#giveUp?.();
    this.#listener.failed(error);
  };

  cancel(): void {
    if (this.#settle()) this.#giveUp?.();
  }

  get isSettled(): boolean {
    return this.#settled;
  }

  /** True for the one caller that gets to tell the listener. */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    return true;
  }
}
