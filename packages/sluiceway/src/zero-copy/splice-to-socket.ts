import type { Socket } from 'node:net';
import type { Splice, SpliceGate, SpliceOffer } from '../stream/splice.js';
import { FlushedSplice } from './flushed-splice.js';
import { isSpliceable } from './zero-copy.js';

/** Moves the offered content to a socket that sends bytes as they are. Null if it is not a plain TCP socket. */
export function spliceToSocket(
  offer: SpliceOffer,
  socket: Socket,
  onBroken: () => void,
  gate: SpliceGate | null = null,
): Splice | null {
  if (!isSpliceable(socket)) return null;
  // The callback of an empty write comes after all earlier writes.
  const flush = (onFlushed: () => void): void => void socket.write('', onFlushed);
  return new FlushedSplice(offer, { socket, onBroken }, flush, gate);
}

/** The error that Node reports for a write to a connection that the other side has closed. */
export const toWriteError = (): NodeJS.ErrnoException =>
  Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' });
