import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { bytesWrittenTo } from './splice-response.js';

/** The start of every response. */
const START = 'HTTP/1.1 ';

/** Most zeros before the size of a chunk. Readers accept 16 digits. */
const MAX_ZEROS = 6;

/** Delays before each byte. Bytes come in pairs: the second write fails if the first was answered with a reset. */
const DELAYS_MS = [1000, 250, 2000, 250, 4000, 250, 8000, 250, 16_000];

/** The step at which a client is given up if no bytes can be sent to it. */
const LAST_SILENT_STEP = 3;

/**
 * Finds out whether a client whose connection cannot be read is still there. If it has ended its side, it may be waiting
 * for its response or may have closed the connection: both look the same. Only a client that has closed answers bytes
 * with a reset. So while there is nothing else to send, the probe sends single bytes that belong to the response anyway:
 * the start of its head, or zeros before the size of a chunk (RFC 9112 section 7.1).
 *
 * Other content has no such bytes. A client that ends its side during other content has usually left: it is given up
 * once nothing has been sent for some seconds.
 */
export class DepartureProbe {
  readonly #socket: Socket;
  #timer: NodeJS.Timeout | undefined;
  #step = 0;
  /** Number of characters of the head's start that have been sent. */
  #sent = 0;
  #zeros = 0;
  #bytesWritten: number;
  /** The response during which the client has ended its side. */
  readonly #left: ServerResponse | null;

  constructor(socket: Socket, left: ServerResponse | null) {
    this.#socket = socket;
    this.#left = left;
    this.#bytesWritten = bytesWrittenTo(socket);
    this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    const delayMs = DELAYS_MS[this.#step];
    this.#step += 1;
    if (delayMs !== undefined) this.#timer = setTimeout(this.#probe, delayMs).unref();
  }

  readonly #probe = (): void => {
    const socket = this.#socket;
    const response: unknown = Reflect.get(socket, '_httpMessage');
    if (socket.destroyed || !socket.writable) return;
    // Queued bytes have the same effect as a probe.
    if (response instanceof ServerResponse && socket.writableLength === 0) {
      if (!response.headersSent) this.#sendStart();
      else if (response.writableEnded) this.#bytesWritten = bytesWrittenTo(socket);
      else if (response.chunkedEncoding) this.#sendZero();
      else if (response === this.#left && this.#step >= LAST_SILENT_STEP) {
        if (bytesWrittenTo(socket) === this.#bytesWritten) return this.#giveUp();
        this.#bytesWritten = bytesWrittenTo(socket);
      }
    }
    this.#schedule();
  };

  #sendStart(): void {
    if (this.#sent >= START.length - 1) return;
    const byte = START.charAt(this.#sent);
    if (this.#sent === 0) this.#cutNextWrite();
    this.#sent += 1;
    this.#writeNow(byte);
  }

  #sendZero(): void {
    const socket = this.#socket;
    if (bytesWrittenTo(socket) !== this.#bytesWritten) this.#zeros = 0;
    if (this.#zeros >= MAX_ZEROS) return;
    this.#zeros += 1;
    this.#writeNow('0');
    this.#bytesWritten = bytesWrittenTo(socket);
  }

  /** Resets the connection: an orderly end could look like the end of content that is delimited by it. */
  #giveUp(): void {
    if ('encrypted' in this.#socket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  /** Writes with the method of the socket's class, and so bypasses the replacement by `#cutNextWrite`. */
  #writeNow(byte: string): void {
    const { write } = Object.getPrototypeOf(this.#socket) as Pick<Socket, 'write'>;
    write.call(this.#socket, byte, 'latin1');
  }

  /** Removes the characters that have been sent from the next head, interim or final. */
  #cutNextWrite(): void {
    const socket = this.#socket;
    const inherited = Object.hasOwn(socket, 'write') ? socket.write : undefined;
    const write = socket.write.bind(socket);
    socket.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      if (inherited === undefined) Reflect.deleteProperty(socket, 'write');
      else socket.write = inherited;
      const sent = this.#sent;
      this.#sent = 0;
      const start =
        typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1', 0, START.length);
      if (!start.startsWith(START.slice(0, sent))) {
        socket.destroy(new Error('The next write was not a response head'));
        return false;
      }
      const cut = typeof chunk === 'string' ? chunk.slice(sent) : chunk.subarray(sent);
      const isTaken: unknown = Reflect.apply(write, socket, [cut, ...rest]);
      return isTaken === true;
    };
  }
}
