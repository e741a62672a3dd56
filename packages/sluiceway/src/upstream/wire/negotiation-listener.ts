import type { Socket } from 'node:net';
import type { SluicewayError } from '../../errors.js';

/** Called once with the protocol that an origin server uses, unless the transport is destroyed before. */
export interface NegotiationListener {
  http1(): void;
  /** The socket has `onread` and belongs to the listener. `dialMs`: how long it took to open. */
  http2(socket: Socket, dialMs: number): void;
  failed(error: SluicewayError): void;
}
