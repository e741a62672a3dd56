import { SluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import type { ContentReader } from './content-reader.js';

/**
 * Reads the bytes after a 101. The end of the connection completes the content. So does a reset if the protocol marks its
 * own end, as WebSocket does, so that bytes before the reset are not lost.
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
      return new SluicewayError('http_response_incomplete', 'The origin server reset the tunnel');
    this.complete = true;
    return null;
  }
}
