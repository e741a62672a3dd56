import type { Socket } from 'node:net';
import { SluicewayError } from '../errors.js';
import type { AddressPolicy } from './address-policy.js';
import { type Destination, dialledHost } from './destination.js';
import type { DialTlsOptions } from './dial-tls.js';
import type { EgressProxy } from './egress.js';
import type { Resolver } from './resolver.js';

export interface DialOptions {
  destination: Destination;
  policy: AddressPolicy;
  /** Default: the operating system's. */
  resolver?: Resolver;
  /** The address of the client that the connection is for: see `Resolver.resolve`. Default null: unknown. */
  client?: string | null;
  /**
   * Connects through a tunnel of this proxy. The proxy resolves the name, so this process cannot check the address:
   * with any policy other than `anyAddress`, dialling fails. Default: a direct connection.
   */
  proxy?: EgressProxy;
  /** Bytes to send before anything else, such as a header of the PROXY protocol. Not together with `proxy`. */
  prelude?: Buffer;
  /** Time for lookup, connection, the proxy's answer and TLS handshakes together. */
  connectTimeoutMs: number;
  /** Used only for https:. */
  tls?: DialTlsOptions;
  /**
   * Node's `onread`: bytes are read into `buffer()`, then `callback` returns whether to continue reading. Default: an
   * ordinary socket.
   */
  onread?: DialOnread;
  /** Default true. */
  noDelay?: boolean;
  /** Idle time before TCP keep-alive probes start; 0 sends none. Default 60 s. */
  keepAliveDelayMs?: number;
  /** Whether this side stays writable after the other has ended, which tunnels require. Default false. */
  allowHalfOpen?: boolean;
}

export interface DialOnread {
  /** May be called several times before the connection is established: once per attempt. */
  buffer: () => Uint8Array;
  callback: (bytesRead: number, buffer: Uint8Array) => boolean;
}

/** Called once with the result of dialling. Never called before `dial` has returned or after `cancel`. */
export interface DialListener {
  /** The connection is established. The listener now owns the socket, which never throws an unhandled `error`. */
  connected(socket: Socket): void;
  failed(error: SluicewayError): void;
  /** A TLS session for `DialTlsOptions.session`. Called after `connected`, possibly several times. */
  session?(session: Buffer): void;
}

export interface Dialling {
  /** Cancels dialling. Does nothing after the listener was called. */
  cancel(): void;
}

/** A dial in progress. It calls its listener once, at the latest at the timeout, and cleans up if it fails. */
export class DialAttempt implements Dialling {
  readonly #listener: DialListener;
  readonly #timer: NodeJS.Timeout;
  #giveUp: (() => void) | null = null;
  #settled = false;
  /** Whether a name is being looked up. */
  resolving = false;

  constructor({ destination, connectTimeoutMs }: DialOptions, listener: DialListener) {
    this.#listener = listener;
    this.#timer = setTimeout(() => {
      const message = `${dialledHost(destination)}:${destination.port} was not connected within ${connectTimeoutMs} ms`;
      const code = this.resolving ? 'dns_timeout' : 'connection_timeout';
      this.fail(new SluicewayError(code, message, { retryable: true }));
    }, connectTimeoutMs);
  }

  /** Sets the function that cleans up what exists so far. Replaces the previous one. */
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

  /** Returns true to a single caller, which then calls the listener. */
  #settle(): boolean {
    if (this.#settled) return false;
    this.#settled = true;
    clearTimeout(this.#timer);
    return true;
  }
}
