import type { Socket } from 'node:net';
import type { Splice, SpliceGate, SpliceOffer } from '../stream/splice.js';
import { FlushedSplice } from './flushed-splice.js';
import { isSpliceable } from './zero-copy.js';

/** Moves what is offered to a socket of which nothing else makes more than bytes. Null where it is not a plain one. */
export function spliceToSocket(
  offer: SpliceOffer,
  socket: Socket,
  onBroken: () => void,
  gate: SpliceGate | null = null,
): Splice | null {
  if (!isSpliceable(socket)) return null;
  // Called back after all that was written before.
  const flush = (onFlushed: () => void): void => void socket.write('', onFlushed);
  return new FlushedSplice(offer, { socket, onBroken }, flush, gate);
}

/** As Node reports a write to a connection that the other side has closed. */
export const toWriteError = (): NodeJS.ErrnoException =>
  Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' });
