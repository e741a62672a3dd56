import type { Socket } from 'node:net';
import { startReading, stopReading } from '../../net/reading.js';

/**
 * Stops Node's server from reading a connection. Pausing the socket is not enough: the server resumes it whenever
 * content is read or written.
 */
export class HeldReading {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.pause();
    this.#stop();
    const resume = (): Socket => socket;
    socket.resume = resume;
    // An earlier call of `resume` emits its event one tick later.
    socket.on('resume', this.#stop);
  }

  /** Resumes reading, unless the server waits for the client to take its output: then the server resumes by itself. */
  release(): void {
    this.giveUp();
    if (!this.#socket.destroyed && Reflect.get(this.#socket, '_paused') !== true) {
      startReading(this.#socket);
      this.#socket.resume();
    }
  }

  /** Restores the socket without resuming it. */
  giveUp(): void {
    Reflect.deleteProperty(this.#socket, 'resume');
    this.#socket.off('resume', this.#stop);
  }

  /**
   * Node's server starts and stops reading on the socket's `resume` and `pause` events, as long as its parser reads the
   * connection directly.
   */
  readonly #stop = (): void => {
    this.#socket.emit('pause');
    stopReading(this.#socket);
  };
}
