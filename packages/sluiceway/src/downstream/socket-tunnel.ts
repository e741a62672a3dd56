import type { Socket } from 'node:net';
import type { ChunkSource } from '../stream/chunk-source.js';
import { ReadableSource } from '../stream/readable-source.js';
import type { ClientTunnel } from './exchange.js';

/** The client's connection after a 101. */
export class SocketTunnel implements ClientTunnel {
  readonly status = 101;
  readonly source: ChunkSource;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    // Servers of node:https answer an end by an end, and nothing more could be sent.
    socket.allowHalfOpen = true;
    this.source = new ReadableSource(socket, { destroyOnCancel: false });
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.#socket.write(bytes, () => done());
  }

  end(onSent: () => void): void {
    this.#socket.end(onSent);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  onClose(listener: () => void): void {
    this.#socket.once('close', listener);
  }
}
