import { SluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import { type HeadLimits, parseFieldLines, SectionScanner } from '../../http/head-reader.js';
import type { ContentReader } from './content-reader.js';

const CR = 0x0d;
/** `0 CR LF CR LF` */
const LAST_CHUNK = [0x30, 0x0d, 0x0a, 0x0d, 0x0a];
const LF = 0x0a;

/** 13 hexadecimal digits stay below 2^53. */
const MAX_SIZE_DIGITS = 13;

/**
 * By how many bytes all chunk extensions of one content can exceed the content itself. They have no meaning here and
 * cost an attacker nothing. A long file with a signature, or a size padded with spaces, in every chunk stays below.
 */
const MAX_EXTENSION_EXCESS = 16 * 1024;

type State =
  | 'size-start'
  | 'size'
  | 'after-size'
  | 'extension'
  | 'size-lf'
  | 'data'
  | 'data-cr'
  | 'data-lf'
  | 'trailers'
  | 'complete';

const invalid = (what: string): SluicewayError =>
  new SluicewayError('http_response_transfer_coding', `Invalid chunked coding: ${what}`, {
    outcome: 'upstream_invalid',
  });

/**
 * The chunked transfer coding (RFC 9112 section 7.1). Moves chunks that were read together over the framing between them,
 * so that one read gives one piece of content even if the chunks are small.
 */
export class ChunkedReader implements ContentReader {
  readonly #limits: HeadLimits;
  readonly #scanner: SectionScanner;
  #state: State = 'size-start';
  #size = 0;
  #digits = 0;
  #extensionBytes = 0;
  #trailerText = '';
  contentStart = 0;
  contentEnd = 0;
  received = 0;
  trailers: Fields | null = null;
  readonly expected: number = Number.POSITIVE_INFINITY;

  constructor(limits: HeadLimits) {
    this.#limits = limits;
    this.#scanner = new SectionScanner(limits.maxBytes, 'trailers');
  }

  get complete(): boolean {
    return this.#state === 'complete';
  }

  read(bytes: Buffer, from: number, to: number): number {
    this.contentStart = from;
    this.contentEnd = from;
    let at = from;
    while (at < to && this.#state !== 'complete') {
      if (this.#state === 'data') at = this.#readData(bytes, at, to);
      else if (this.#state === 'trailers') at = this.#readTrailers(bytes, at, to);
      else {
        this.#readFraming(bytes[at] as number);
        at += 1;
      }
    }
    return at;
  }

  /** True for the last chunk without trailers. With trailers, the end is found when they are parsed. */
  endsWith(bytes: Buffer, from: number, to: number): boolean {
    if (to - from < LAST_CHUNK.length) return false;
    return LAST_CHUNK.every((byte, i) => bytes[to - LAST_CHUNK.length + i] === byte);
  }

  endOfStream(): SluicewayError | null {
    if (this.complete) return null;
    return new SluicewayError(
      'http_response_incomplete',
      `The connection ended after ${this.received} content bytes, before the last chunk`,
    );
  }

  #readData(bytes: Buffer, at: number, to: number): number {
    const length = Math.min(to - at, this.#size);
    if (this.contentStart === this.contentEnd) {
      this.contentStart = at;
      this.contentEnd = at;
    } else if (this.contentEnd !== at) {
      bytes.copyWithin(this.contentEnd, at, at + length);
    }
    this.contentEnd += length;
    this.received += length;
    this.#size -= length;
    if (this.#size === 0) this.#state = 'data-cr';
    return at + length;
  }

  #readFraming(byte: number): void {
    switch (this.#state) {
      case 'size-start':
      case 'size':
      case 'after-size':
        this.#readSize(byte);
        return;
      case 'extension':
        if (byte === CR) this.#state = 'size-lf';
        else if (byte === LF || byte === 0) throw invalid('control character in a chunk extension');
        else this.#countExtension();
        return;
      case 'size-lf':
        if (byte !== LF) throw invalid('bare CR after a chunk size');
        this.#state = this.#size === 0 ? 'trailers' : 'data';
        return;
      case 'data-cr':
        if (byte !== CR) throw invalid('chunk data longer than its size');
        this.#state = 'data-lf';
        return;
      default:
        if (byte !== LF) throw invalid('bare CR after chunk data');
        this.#state = 'size-start';
        this.#size = 0;
        this.#digits = 0;
    }
  }

  #readSize(byte: number): void {
    const digit = this.#state === 'after-size' ? -1 : hexDigit(byte);
    if (digit >= 0) {
      // Leading zeros count too: no one needs them, and they could continue forever.
      this.#digits += 1;
      if (this.#digits > MAX_SIZE_DIGITS) throw invalid('chunk size out of range');
      this.#size = this.#size * 16 + digit;
      this.#state = 'size';
      return;
    }
    if (this.#state === 'size-start') throw invalid('chunk without a size');
    if (byte === CR) this.#state = 'size-lf';
    else if (byte === 0x3b || byte === 0x20 || byte === 0x09) {
      this.#state = byte === 0x3b ? 'extension' : 'after-size';
      this.#countExtension();
    } else throw invalid('bad character in a chunk size');
  }

  #countExtension(): void {
    this.#extensionBytes += 1;
    if (this.#extensionBytes > this.received + MAX_EXTENSION_EXCESS)
      throw invalid('too many bytes of chunk extensions');
  }

  #readTrailers(bytes: Buffer, at: number, to: number): number {
    const end = this.#scanner.scan(bytes, at, to);
    const upTo = end < 0 ? to : end;
    this.#trailerText += bytes.toString('latin1', at, upTo);
    if (end >= 0) {
      const fields = parseFieldLines(this.#trailerText, 0, this.#limits.maxFields, 'trailers');
      this.trailers = fields.size === 0 ? null : fields;
      this.#state = 'complete';
    }
    return upTo;
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
