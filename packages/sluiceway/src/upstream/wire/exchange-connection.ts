import type { Socket } from 'node:net';
import type { ChunkSink } from '../../stream/chunk-source.js';

/** What an exchange needs of the connection that carries it. */
export interface ExchangeConnection {
  readonly socket: Socket;
  /** Address and port of the peer; null if the socket was closed at once. */
  readonly remoteAddress: string | null;
  /** What is written in this turn of the event loop leaves at its end. */
  cork(): void;
  /** The request, content included, has been handed to the operating system. */
  requestSent(): void;
  /** Starts the delivery of the response content. */
  start(sink: ChunkSink): void;
  /** Closes the connection now; the exchange is not told. */
  destroy(): void;
}
