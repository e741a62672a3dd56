import type { Socket } from 'node:net';

/**
 * Stops the reading of a connection that Node's server reads. Pausing the socket is not enough: the server resumes it
 * whenever content is read or written.
 */
export class HeldReading {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.pause();
    this.#stop();
    socket.resume = () => socket;
    // A `resume` event of an earlier call comes a tick later.
    socket.on('resume', this.#stop);
  }

  /** Reads on, unless the server waits for the client to take what was written: the server reads on by itself then. */
  release(): void {
    this.giveUp();
    if (!this.#socket.destroyed && Reflect.get(this.#socket, '_paused') !== true) this.#socket.resume();
  }

  /** Leaves it to others whether the socket is read. */
  giveUp(): void {
    Reflect.deleteProperty(this.#socket, 'resume');
    this.#socket.off('resume', this.#stop);
  }

  /** Node's server starts and stops the reading of its socket by the events `resume` and `pause`. */
  readonly #stop = (): void => {
    this.#socket.emit('pause');
  };
}
