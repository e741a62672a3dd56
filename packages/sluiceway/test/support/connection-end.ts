import type { Socket } from 'node:net';

/** How a connection ended: the peer said so, the peer broke it off, or we did it. */
export type Ending = 'fin' | 'reset' | 'ours';

/** A read that can not be satisfied because the connection has ended. */
export class ConnectionEnded extends Error {
  override readonly name = 'ConnectionEnded';
  readonly ending: Ending;
  /** What had come of the thing that was to be read. */
  readonly partial: Buffer;

  constructor(ending: Ending, partial: Buffer) {
    super(`The connection ended (${ending}) with ${partial.length} bytes of what was to be read`);
    this.ending = ending;
    this.partial = partial;
  }
}

/**
 * Whether an `end` was a reset in truth: where data and RST arrive in the same poll, libuv reports the end of the
 * stream instead of ECONNRESET. A connection that was reset has no peer any more; one that both sides have ended
 * has none either, and counts as ended.
 */
export function isReset(socket: Socket): boolean {
  const { _handle: handle } = socket as unknown as { _handle?: { getpeername(into: object): number } };
  return !socket.writableFinished && handle !== undefined && handle.getpeername({}) !== 0;
}
