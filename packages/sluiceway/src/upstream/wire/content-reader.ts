import type { SluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';

/** Removes the transfer framing from content in place: content bytes stay where they were read, or move down. */
export interface ContentReader {
  /**
   * Reads bytes [from, to). Afterwards, their content is at [contentStart, contentEnd). Returns the position after the
   * last byte that belongs to the message.
   */
  read(bytes: Buffer, from: number, to: number): number;
  readonly contentStart: number;
  readonly contentEnd: number;
  /** Content bytes so far. */
  readonly received: number;
  readonly complete: boolean;
  readonly trailers: Fields | null;
  /** Counts content bytes that did not pass through `read`. Absent if there is framing between content bytes. */
  skip?(bytes: number): void;
  /** Content bytes that are still expected; Infinity if the length is unknown. */
  readonly expected: number;
  /** True if these unread bytes certainly end the message, so that there is no need to wait for more. */
  endsWith(bytes: Buffer, from: number, to: number): boolean;
  /**
   * Called when the connection has ended or was reset. Returns null if that completes the content, otherwise an error.
   */
  endOfStream(reset?: boolean): SluicewayError | null;
}
