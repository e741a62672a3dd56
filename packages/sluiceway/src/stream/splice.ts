import type { Socket } from 'node:net';

/** Less than that is not worth the calls that begin a splice. */
export const MIN_SPLICE_BYTES: number = 256 * 1024;

/** After a splice that could not go on, so much goes in chunks before the next one is tried. */
export const RETRY_SPLICE_BYTES: number = 4 * 1024 * 1024;

/** Which side of a splice holds it up. */
export type SpliceSide = 'source' | 'target';

/**
 * Content that lies unread on a plain TCP socket, offered to a sink by the source that would read it next. Nothing of the
 * content is lent or buffered at that moment.
 *
 * A sink that accepts has the kernel move the bytes to its own socket. Nobody in this process sees them, so each wrapper
 * between source and sink must agree: one that looks at bytes, changes or delays them does not pass the offer on.
 */
export interface SpliceOffer {
  /** A plain socket, of which the source reads nothing until `onStopped`. */
  readonly source: Socket;
  /** Bytes that may be moved; Infinity for all up to the end of the stream. */
  readonly length: number;
  /** So many bytes more have been handed to the target's socket. */
  onMoved(bytes: number): void;
  /** From now on that side is waited for. Also called when it goes on to be waited for after bytes have moved. */
  onWait(side: SpliceSide): void;
  /**
   * The source goes on with what is left, by reading it: all of `length` has been moved, the stream has ended, or the splice
   * cannot go on. All bytes that were taken from the source have been moved. Not called after `cancel`, when the target is
   * gone, nor when the source's connection is broken: the source hears of that by its socket's `error` and `close`.
   */
  onStopped(): void;
}

/** A splice under way. */
export interface Splice {
  /** Gives the splice up at once. Bytes that were taken and not moved are lost. */
  cancel(): void;
  /** Ends the splice by `onStopped`, once the target has what was taken from the source. */
  stop(): void;
}

/** Lets only so many bytes pass as something can keep track of that has to know where they end. */
export interface SpliceGate {
  /**
   * Bytes that may be taken next, beginning with those of `head`: the first that are there, at least one. 0 to stop. Called again when all of them have been taken.
   */
  next(head: Uint8Array): number;
  /** So many bytes have been taken from the source. */
  taken(bytes: number): void;
}
