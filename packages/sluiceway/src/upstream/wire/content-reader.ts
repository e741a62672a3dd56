import type { SluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';

/** Takes the transfer framing off content, in place: content bytes stay where they were read, or move down. */
export interface ContentReader {
  /**
   * Reads bytes [from, to). The content among them lies at [contentStart, contentEnd) afterwards. Returns the
   * position after the last byte that belongs to the message.
   */
  read(bytes: Buffer, from: number, to: number): number;
  readonly contentStart: number;
  readonly contentEnd: number;
  /** Content bytes so far. */
  readonly received: number;
  readonly complete: boolean;
  readonly trailers: Fields | null;
  /** Notes content bytes that were read elsewhere. Not there where framing lies between them. */
  skip?(bytes: number): void;
  /** Content bytes still to come as far as anybody knows: Infinity where only the end tells. */
  readonly expected: number;
  /** True where these unread bytes certainly end the message, so that there is no reason to wait for more. */
  endsWith(bytes: Buffer, from: number, to: number): boolean;
  /**
   * The connection's end was read, or it was reset: null where that completes the content, else why it does not.
   */
  endOfStream(reset?: boolean): SluicewayError | null;
}
