import type { Socket } from 'node:net';
import type { Flow } from './flow.js';

/** For less content, the calls that begin a splice cost more than they save. */
export const MIN_SPLICE_BYTES: number = 256 * 1024;

/** After a splice had to stop, this many bytes go in chunks before the next attempt. */
export const RETRY_SPLICE_BYTES: number = 4 * 1024 * 1024;

/** What a splice waits for: one of the two sides, or the limits of the rate. */
export type SpliceWait = 'source' | 'target' | 'limit';

/**
 * Unread content of a plain TCP socket. The source that would read it next offers it to a sink. At that moment, none of
 * the content is lent or buffered.
 *
 * A sink that accepts lets the kernel move the bytes to its own socket. This process does not see them, so each wrapper
 * between source and sink must agree: one that reads, changes or delays bytes does not pass the offer on.
 */
export interface SpliceOffer {
  /** A plain socket. The source does not read it until `onStopped`. */
  readonly source: Socket;
  /** Most bytes to move. Infinity: all up to the end of the stream. */
  readonly length: number;
  /** The limits of the rate. Asked before bytes are taken, since they change meanwhile. Null: nothing limits the rate. */
  readonly flow: (() => Flow | null) | null;
  /** `bytes` more bytes have been handed to the target's socket. */
  onMoved(bytes: number): void;
  /** What the splice now waits for. Called again if that is the same after bytes have moved. */
  onWait(what: SpliceWait): void;
  /**
   * The source has to read the rest itself: all of `length` has been moved, the stream has ended, or the splice cannot
   * continue. All bytes taken from the source have been moved. Not called after `cancel`, if the target has closed, or if
   * the source's connection is broken: the `error` and `close` events of its socket tell the source.
   */
  onStopped(): void;
}

/** A running splice. */
export interface Splice {
  /** Cancels the splice at once. Bytes that were taken and not moved are lost. */
  cancel(): void;
  /** Stops the splice. Calls `onStopped` once the target has the bytes taken from the source. */
  stop(): void;
}

/** Limits how many bytes a splice takes at a time, for code that tracks where messages end. */
export interface SpliceGate {
  /**
   * Returns how many bytes can be taken next, starting with those of `head`, which holds the first available bytes (at
   * least one). 0 stops the splice. Called again when all of them have been taken.
   */
  next(head: Uint8Array): number;
  /** `bytes` bytes have been taken from the source. */
  taken(bytes: number): void;
}
