import type { Socket } from 'node:net';
import type { ChunkSink } from '../../stream/chunk-source.js';

/** The part of a connection that an exchange uses. */
export interface ExchangeConnection {
  readonly socket: Socket;
  /** Address and port of the peer; null if the socket was closed at once. */
  readonly remoteAddress: string | null;
  /** How long the connection took to open, for the first caller only: it is the exchange that has waited. */
  takeDialMs(): number | null;
  /** Holds writes until the end of this turn of the event loop. */
  cork(): void;
  /** Called when the request, content included, has been handed to the operating system. */
  requestSent(): void;
  /** Starts the delivery of the response content. */
  start(sink: ChunkSink): void;
  /** Closes the connection now, without telling the exchange. */
  destroy(): void;
}
