import { SluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import type { ContentFraming } from '../../http/framing.js';
import type { HeadLimits } from '../../http/head-reader.js';
import { ChunkedReader } from './chunked-reader.js';
import type { ContentReader } from './content-reader.js';

export function createContentReader(framing: ContentFraming, limits: HeadLimits): ContentReader {
  switch (framing.kind) {
    case 'none':
      return new LengthReader(0);
    case 'length':
      return new LengthReader(framing.length);
    case 'chunked':
      return new ChunkedReader(limits);
    case 'close':
      return new CloseReader();
  }
}

class LengthReader implements ContentReader {
  readonly #length: number;
  contentStart = 0;
  contentEnd = 0;
  received = 0;
  readonly trailers: Fields | null = null;

  constructor(length: number) {
    this.#length = length;
  }

  get complete(): boolean {
    return this.received === this.#length;
  }

  get expected(): number {
    return this.#length - this.received;
  }

  read(_bytes: Buffer, from: number, to: number): number {
    const end = to - from > this.expected ? from + this.expected : to;
    this.contentStart = from;
    this.contentEnd = end;
    this.received += end - from;
    return end;
  }

  skip(bytes: number): void {
    this.received += bytes;
  }

  endsWith(_bytes: Buffer, from: number, to: number): boolean {
    return to - from >= this.expected;
  }

  endOfStream(): SluicewayError | null {
    if (this.complete) return null;
    return new SluicewayError(
      'http_response_incomplete',
      `The connection ended after ${this.received} of ${this.#length} content bytes`,
    );
  }
}

/** Content that ends with the connection (RFC 9112 section 6.3, rule 8). */
class CloseReader implements ContentReader {
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

  endOfStream(reset = false): SluicewayError | null {
    if (reset) {
      return new SluicewayError(
        'http_response_incomplete',
        `The connection was reset after ${this.received} content bytes of unknown length`,
      );
    }
    this.complete = true;
    return null;
  }
}
