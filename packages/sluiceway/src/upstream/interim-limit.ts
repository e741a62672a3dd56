import { SluicewayError } from '../errors.js';
import type { InterimResponse } from './transport.js';

/** Interim responses that are allowed at once, and additional ones per second. */
const MOST_AT_ONCE = 500;
const MOST_A_SECOND = 100;

/** The same for the bytes of their heads. */
const MOST_BYTES_AT_ONCE = 1024 * 1024;
const MOST_BYTES_A_SECOND = 64 * 1024;

/**
 * Distinguishes interim responses that report progress from a flood. Limits their rate and not their number: an upload
 * or a slow response can take hours, and an origin server can report progress all that time (RFC 9110 section 15.2, RFC
 * 4918 section 20.1).
 */
export class InterimLimit {
  #count = MOST_AT_ONCE;
  #bytes = MOST_BYTES_AT_ONCE;
  #at = performance.now();

  /** Counts one interim response. Throws `http_protocol_error` if there are too many. */
  add({ statusText, headers }: InterimResponse): void {
    const now = performance.now();
    const seconds = (now - this.#at) / 1000;
    this.#at = now;
    let bytes = statusText.length;
    for (const text of headers.raw) bytes += text.length;
    this.#count = Math.min(MOST_AT_ONCE, this.#count + seconds * MOST_A_SECOND) - 1;
    this.#bytes = Math.min(MOST_BYTES_AT_ONCE, this.#bytes + seconds * MOST_BYTES_A_SECOND) - bytes;
    if (this.#count < 0 || this.#bytes < 0)
      throw new SluicewayError(
        'http_protocol_error',
        'The origin server sent too many interim responses in a short time',
      );
  }
}
