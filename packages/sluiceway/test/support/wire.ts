import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { ConnectionEnded, type Ending, isReset } from './connection-end.js';
import type { TlsTap } from './tls-tap.js';

export interface ChunkedContent {
  /** The sizes of the chunks, without the last one. */
  sizes: number[];
  /** Trailer field lines as sent. */
  trailers: string[];
}

/** Unread bytes at which the socket is paused. */
const HIGH_WATER_BYTES = 256 * 1024;

/** One end of a raw connection. Reads as much as requested, writes what it is given, and reports how it ended. */
export class Wire {
  /** The TCP or TLS socket, for operations without a method here. */
  readonly socket: Socket | TLSSocket;
  /** The TCP socket, even with TLS. */
  readonly tcp: Socket;
  /** Settles on the peer's FIN, on a reset, or when we destroy the connection. */
  readonly closed: Promise<Ending>;
  ending: Ending | undefined;
  /** Bytes of the peer that have been taken from the operating system. */
  bytesRead = 0;

  readonly #held: Buffer[] = [];
  #heldBytes = 0;
  #paused = false;
  #wake: () => void = () => {};
  #settle: (ending: Ending) => void = () => {};

  /** With TLS, the tap shows whether the end was announced: a FIN without close_notify counts as a reset. */
  constructor(socket: Socket | TLSSocket, tap?: TlsTap) {
    this.socket = socket;
    this.tcp = tap?.tcp ?? socket;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    socket.on('data', (bytes: Buffer) => {
      this.bytesRead += bytes.length;
      this.#held.push(bytes);
      this.#heldBytes += bytes.length;
      if (this.#heldBytes > HIGH_WATER_BYTES) socket.pause();
      this.#wake();
    });
    socket.on('end', () => this.finish((tap ? tap.sawCloseNotify : !isReset(socket)) ? 'fin' : 'reset'));
    socket.on('error', () => this.finish('reset'));
    socket.on('close', () => this.finish('reset'));
  }

  /** Records how the connection ended. The first cause stays. */
  finish(ending: Ending): void {
    if (this.ending !== undefined) return;
    this.ending = ending;
    this.#settle(ending);
    this.#wake();
  }

  /**
   * Stops reading, so that the peer runs into backpressure. Some buffered bytes still arrive. Reads during the pause wait
   * for `resume`.
   */
  pause(): void {
    this.#paused = true;
    this.socket.pause();
  }

  resume(): void {
    this.#paused = false;
    this.socket.resume();
    this.#wake();
  }

  /** Reads the next bytes, up to `limit`. Null at the end of the connection. */
  async readSome(limit: number = Number.POSITIVE_INFINITY): Promise<Buffer | null> {
    while (this.#heldBytes === 0 || this.#paused) {
      if (this.#heldBytes === 0 && this.ending !== undefined) return null;
      if (!this.#paused) this.socket.resume();
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const first = this.#held.shift() as Buffer;
    const bytes = first.length > limit ? first.subarray(0, limit) : first;
    if (bytes.length < first.length) this.#held.unshift(first.subarray(limit));
    this.#heldBytes -= bytes.length;
    return bytes;
  }

  /** Passes on up to `length` bytes as they arrive. False if the connection ended before. */
  async take(length: number, onBytes: (bytes: Buffer) => void): Promise<boolean> {
    for (let missing = length; missing > 0; ) {
      const bytes = await this.readSome(missing);
      if (bytes === null) return false;
      missing -= bytes.length;
      onBytes(bytes);
    }
    return true;
  }

  async readExactly(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    const complete = await this.take(length, (bytes) => parts.push(bytes));
    const bytes = Buffer.concat(parts);
    if (!complete) throw new ConnectionEnded(this.ending ?? 'ours', bytes);
    return bytes;
  }

  /** Reads everything up to and including `delimiter`, as latin1. What follows stays unread. */
  async readThrough(delimiter: string): Promise<string> {
    let read: Buffer = Buffer.alloc(0);
    for (;;) {
      const part = await this.readSome();
      if (part === null) throw new ConnectionEnded(this.ending ?? 'ours', read);
      const from = Math.max(0, read.length - delimiter.length);
      read = read.length === 0 ? part : Buffer.concat([read, part]);
      const at = read.indexOf(delimiter, from, 'latin1');
      if (at < 0) continue;
      const rest = read.subarray(at + delimiter.length);
      if (rest.length > 0) this.#held.unshift(rest);
      this.#heldBytes += rest.length;
      return read.toString('latin1', 0, at + delimiter.length);
    }
  }

  /** Reads chunked content strictly. `onContent` gets the bytes as they arrive, including those of a broken chunk. */
  async readChunkedContent(onContent: (bytes: Buffer) => void = () => {}): Promise<ChunkedContent> {
    const sizes: number[] = [];
    for (;;) {
      const line = await this.readThrough('\r\n');
      const match = /^([0-9a-fA-F]+)(?:;[^\r\n]*)?\r\n$/.exec(line);
      if (!match) throw new Error(`Not a chunk size: ${JSON.stringify(line)}`);
      const size = Number.parseInt(match[1] as string, 16);
      if (size === 0) break;
      sizes.push(size);
      if (!(await this.take(size, onContent)))
        throw new ConnectionEnded(this.ending ?? 'ours', Buffer.alloc(0));
      const after = (await this.readExactly(2)).toString('latin1');
      if (after !== '\r\n') throw new Error(`After a chunk: ${JSON.stringify(after)}`);
    }
    const trailers: string[] = [];
    for (let line = await this.readThrough('\r\n'); line !== '\r\n'; line = await this.readThrough('\r\n')) {
      trailers.push(line.slice(0, -2));
    }
    return { sizes, trailers };
  }

  /** Reads everything until the connection ends. */
  async readUntilClose(): Promise<{ bytes: Buffer; ended: Ending }> {
    const parts: Buffer[] = [];
    for (let part = await this.readSome(); part !== null; part = await this.readSome()) parts.push(part);
    return { bytes: Buffer.concat(parts), ended: this.ending ?? 'ours' };
  }

  /**
   * Writes bytes, or a string with one byte per character. Resolves when the operating system has taken them. Rejects if
   * the connection ends before; callers do not have to handle that.
   */
  write(data: string | Uint8Array): Promise<void> {
    const written = new Promise<void>((resolve, reject) => {
      const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
      this.socket.write(bytes, (error) => {
        if (error) reject(new ConnectionEnded(this.ending ?? 'reset', Buffer.alloc(0)));
        else resolve();
      });
    });
    written.catch(() => {});
    return written;
  }

  /** Sends a FIN after everything written. Reading continues. */
  end(): void {
    this.socket.end();
  }

  /** Closes both directions at once, without a reset if nothing is unread. */
  destroy(): void {
    this.finish('ours');
    this.socket.destroy();
    this.tcp.destroy();
  }

  /** Sends a RST. */
  reset(): void {
    this.finish('ours');
    this.tcp.resetAndDestroy();
    this.socket.destroy();
  }
}
