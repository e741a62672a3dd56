import type { Socket } from 'node:net';

/** How a connection ended: the peer ended it, the peer reset it, or we closed it. */
export type Ending = 'fin' | 'reset' | 'ours';

/** A read that cannot be satisfied because the connection has ended. */
export class ConnectionEnded extends Error {
  override readonly name = 'ConnectionEnded';
  readonly ending: Ending;
  /** The part of the data that had arrived. */
  readonly partial: Buffer;

  constructor(ending: Ending, partial: Buffer) {
    super(`The connection ended (${ending}) with ${partial.length} bytes of what was to be read`);
    this.ending = ending;
    this.partial = partial;
  }
}

/**
 * Whether an `end` was really a reset: if data and RST arrive in the same poll, libuv reports the end of the stream
 * instead of ECONNRESET. A reset connection has no peer any more. A connection that both sides have ended has none
 * either, and counts as ended.
 */
export function isReset(socket: Socket): boolean {
  const { _handle: handle } = socket as unknown as { _handle?: { getpeername(into: object): number } };
  return !socket.writableFinished && handle !== undefined && handle.getpeername({}) !== 0;
}
