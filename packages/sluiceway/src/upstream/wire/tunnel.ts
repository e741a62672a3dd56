import type { Fields } from '../../http/fields.js';
import type { ContentReader } from './content-reader.js';

/** After 101: every byte counts, and the end is always a good one. */
export class TunnelReader implements ContentReader {
  contentStart = 0;
  contentEnd = 0;
  received = 0;
  complete = false;
  readonly expected: number = Number.POSITIVE_INFINITY;
  readonly trailers: Fields | null = null;

  read(_bytes: Buffer, from: number, to: number): number {
    this.contentStart = from;
    this.contentEnd = to;
    this.received += to - from;
    return to;
  }

  endsWith(): boolean {
    return false;
  }

  endOfStream(): null {
    this.complete = true;
    return null;
  }
}
