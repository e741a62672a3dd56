import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What every response begins with. */
const START = 'HTTP/1.1 ';

/** Zeros before the size of a chunk, of which readers take 16 digits. */
const MAX_ZEROS = 6;

/** When to send each byte. They come in pairs: a write fails once an earlier one has been answered by a reset. */
const DELAYS_MS = [1000, 250, 2000, 250, 4000, 250, 8000, 250, 16_000];

/**
 * Finds out whether a client is still there after the end of its side of the connection. A client that waits for its
 * response and a client that has closed the connection look the same; only the latter answers bytes with a reset. While
 * there is nothing else to send, this sends single bytes that belong to the response anyway: of the start of its head,
 * or zeros before the size of a chunk (RFC 9112 section 7.1).
 *
 * Other content has no such bytes. A client that has closed is noticed with the next bytes of it, or when a timeout
 * ends the transfer: to give it up earlier would break off the client that waits.
 */
export class DepartureProbe {
  readonly #socket: Socket;
  #timer: NodeJS.Timeout | undefined;
  #step = 0;
  /** Characters of the start of the head that have been sent. */
  #sent = 0;
  #zeros = 0;
  #bytesWritten: number;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#bytesWritten = socket.bytesWritten;
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
    // Bytes that wait to be taken find out the same.
    if (response instanceof ServerResponse && socket.writableLength === 0) {
      if (!response.headersSent) this.#sendStart();
      else if (response.writableEnded) this.#bytesWritten = socket.bytesWritten;
      else if (response.chunkedEncoding) this.#sendZero();
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
    if (socket.bytesWritten !== this.#bytesWritten) this.#zeros = 0;
    if (this.#zeros >= MAX_ZEROS) return;
    this.#zeros += 1;
    this.#writeNow('0');
    this.#bytesWritten = socket.bytesWritten;
  }

  /** As the class of the socket does it, past what is put before the next write. */
  #writeNow(byte: string): void {
    const { write } = Object.getPrototypeOf(this.#socket) as Pick<Socket, 'write'>;
    write.call(this.#socket, byte, 'latin1');
  }

  /** The next head, interim or final, goes out without the characters that have been sent of it. */
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
        socket.destroy(new Error('Something else than a response head was written'));
        return false;
      }
      const cut = typeof chunk === 'string' ? chunk.slice(sent) : chunk.subarray(sent);
      const isTaken: unknown = Reflect.apply(write, socket, [cut, ...rest]);
      return isTaken === true;
    };
  }
}
