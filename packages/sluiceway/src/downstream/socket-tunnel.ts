import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { wasReset } from '../net/reset.js';
import type { ChunkSource } from '../stream/chunk-source.js';
import { ReadableSource } from '../stream/readable-source.js';
import type { Splice, SpliceGate, SpliceOffer } from '../stream/splice.js';
import { spliceToSocket } from '../zero-copy/splice-to-socket.js';
import type { ClientTunnel } from './exchange.js';
import { SpliceableSocket } from './spliceable-socket.js';

/** The client's connection after a 101. */
export class SocketTunnel implements ClientTunnel {
  readonly status = 101;
  readonly source: ChunkSource;
  readonly #socket: Socket;

  /** `stream`: what the client sends. `saysGoodBye`: the protocol marks its own end, so that a reset can count as an end. */
  constructor(socket: Socket, stream: Readable, saysGoodBye: boolean) {
    this.#socket = socket;
    // By default, servers of node:https answer an end with an end, and nothing more could be sent.
    socket.allowHalfOpen = true;
    const source = new ReadableSource(stream, {
      destroyOnCancel: false,
      isWhole: () => saysGoodBye || socket.writableEnded || !wasReset(socket),
    });
    // If the stream is not the socket, Node buffers bytes in it, and the socket cannot be spliced.
    this.source =
      stream === socket && !('encrypted' in socket) ? new SpliceableSocket(source, socket) : source;
  }

  write(bytes: Uint8Array, done: () => void): void {
    this.#socket.write(bytes, () => done());
  }

  splice(offer: SpliceOffer, gate: SpliceGate | null): Splice | null {
    return spliceToSocket(offer, this.#socket, () => void this.#socket.destroy(), gate);
  }

  end(onSent: () => void): void {
    this.#socket.end(onSent);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Destroying is enough over TLS: a TLS socket sends no close_notify then. */
  reset(): void {
    if ('encrypted' in this.#socket) this.#socket.destroy();
    else this.#socket.resetAndDestroy();
  }

  onClose(listener: () => void): void {
    this.#socket.once('close', listener);
  }
}
