import type { Socket } from 'node:net';
import { Readable } from 'node:stream';

/**
 * The next bytes of a connection as the content of a request, for requests of which Node's server has read only the head.
 * What follows stays in the socket.
 */
export class SizedContent extends Readable {
  readonly #socket: Socket;
  #left: number;
  #isStarted = false;

  constructor(socket: Socket, length: number) {
    super();
    this.#socket = socket;
    this.#left = length;
    // The content may not be read, and an error must not end the process.
    this.on('error', () => {});
  }

  /** Whether all of it has arrived. */
  get complete(): boolean {
    return this.#left === 0;
  }

  override _read(): void {
    const socket = this.#socket;
    if (this.complete) return;
    if (!this.#isStarted) {
      this.#isStarted = true;
      socket.on('data', this.#onData);
      socket.once('end', this.#onEnd);
      socket.once('close', this.#onEnd);
    }
    socket.resume();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#detach();
    callback(error);
  }

  readonly #onData = (bytes: Buffer): void => {
    const part = bytes.subarray(0, this.#left);
    this.#left -= part.length;
    if (!this.complete) {
      if (!this.push(part)) this.#socket.pause();
      return;
    }
    this.#detach();
    if (part.length < bytes.length) this.#socket.unshift(bytes.subarray(part.length));
    // Continue reading, so that a reset is noticed.
    this.#socket.read(0);
    this.push(part);
    this.push(null);
  };

  readonly #onEnd = (): void => {
    this.destroy(new Error('The connection ended before the end of the request'));
  };

  #detach(): void {
    const socket = this.#socket;
    if (!this.#isStarted) return;
    socket.pause();
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('close', this.#onEnd);
  }
}
