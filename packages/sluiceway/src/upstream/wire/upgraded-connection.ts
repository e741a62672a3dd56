import { SluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import type { ContentReader } from './content-reader.js';

/**
 * After 101: every byte counts. The end is a good one, and so is a reset where the protocol says good-bye by itself, as
 * WebSocket does: what came before it must not be lost.
 */
export class TunnelReader implements ContentReader {
  contentStart = 0;
  contentEnd = 0;
  received = 0;
  complete = false;
  readonly expected: number = Number.POSITIVE_INFINITY;
  readonly trailers: Fields | null = null;

  readonly #saysGoodBye: boolean;

  constructor(saysGoodBye: boolean) {
    this.#saysGoodBye = saysGoodBye;
  }

  read(_bytes: Buffer, from: number, to: number): number {
    this.contentStart = from;
    this.contentEnd = to;
    this.received += to - from;
    return to;
  }

  skip(bytes: number): void {
    this.received += bytes;
  }

  endsWith(): boolean {
    return false;
  }

  endOfStream(reset = false): SluicewayError | null {
    if (reset && !this.#saysGoodBye)
      return new SluicewayError('http_response_incomplete', 'The origin server has reset the tunnel');
    this.complete = true;
    return null;
  }
}
