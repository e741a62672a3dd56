import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { TransportRequest } from '../../src/upstream/transport.js';
import { type ConnectionOwner, WireConnection } from '../../src/upstream/wire/connection.js';
import { WireExchange } from '../../src/upstream/wire/exchange.js';
import { CountingPool } from './counting-pool.js';
import { toRequest } from './exchange.js';

/** The part of a socket that a connection uses. */
class FakeSocket extends EventEmitter {
  written = '';
  destroyed = false;
  readonly writableEnded = false;
  /** The error of every write from now on. */
  failure: Error | null = null;
  onResume: () => void = () => {};

  write(data: string | Uint8Array, encoding?: unknown, done?: (error: Error | null) => void): boolean {
    if (this.failure === null) this.written += Buffer.from(data as string, 'latin1').toString('latin1');
    const callback = typeof encoding === 'function' ? (encoding as typeof done) : done;
    if (callback) process.nextTick(callback, this.failure);
    return true;
  }

  destroy(): this {
    if (this.destroyed) return this;
    this.destroyed = true;
    process.nextTick(() => this.emit('close'));
    return this;
  }

  isPaused(): boolean {
    return false;
  }

  /** Starts reading in a socket with `onread`. */
  read(): null {
    this.onResume();
    return null;
  }

  ref(): void {}
  unref(): void {}
  cork(): void {}
  uncork(): void {}
}

/** A wire connection whose reads the test controls. */
export class DrivenConnection implements ConnectionOwner {
  readonly pool = new CountingPool();
  readonly socket = new FakeSocket();
  readonly connection: WireConnection;
  /** Bytes that the connection has taken from the kernel. */
  read = 0;
  idled = 0;
  closed = 0;
  readonly #queue: Buffer[] = [];
  #space: Uint8Array;
  #reading = true;
  #ends = false;

  constructor(tls = false, limits = { maxBytes: 65_536, maxFields: 256 }) {
    this.connection = new WireConnection(this, this.pool, limits, tls);
    this.#space = this.connection.onread.buffer();
    this.connection.adopt(this.socket as unknown as Socket);
    this.socket.onResume = () => {
      this.#reading = true;
      process.nextTick(() => this.#pump());
    };
  }

  get isReading(): boolean {
    return this.#reading;
  }

  onIdle(): void {
    this.idled += 1;
  }

  onClosed(): void {
    this.closed += 1;
  }

  send(changes: Partial<TransportRequest> = {}): WireExchange {
    const exchange = new WireExchange(toRequest('http://origin.test:80', changes), () => {});
    this.connection.begin(exchange);
    return exchange;
  }

  /** Queues bytes, each for a separate read, and lets the connection read as many of them as it wants. */
  feed(...reads: (string | Uint8Array)[]): void {
    for (const bytes of reads) this.#queue.push(Buffer.from(bytes as string, 'latin1'));
    this.#pump();
  }

  /** Delivers bytes even if reading was stopped, as a TLS socket does with decrypted records. */
  force(bytes: string | Uint8Array): void {
    this.#deliver(Buffer.from(bytes as string, 'latin1'));
  }

  /** Ends the origin server's side, once everything before has been read. */
  end(): void {
    this.#ends = true;
    this.#pump();
  }

  #pump(): void {
    while (this.#reading && !this.socket.destroyed) {
      const next = this.#queue.shift();
      if (next === undefined) {
        if (!this.#ends) return;
        this.#ends = false;
        this.socket.emit('end');
        return;
      }
      const rest = this.#deliver(next);
      if (rest.length > 0) this.#queue.unshift(rest);
    }
  }

  #deliver(bytes: Buffer): Buffer {
    const length = bytes.copy(this.#space);
    this.read += length;
    this.#reading = this.connection.onread.callback(length);
    this.#space = this.connection.onread.buffer();
    return bytes.subarray(length);
  }
}
