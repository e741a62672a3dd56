import { SluicewayError } from '../errors.js';
import { Fields, isFieldValue, isToken } from './fields.js';
import { trimWhiteSpace } from './white-space.js';

const CR = 0x0d;
const LF = 0x0a;

/** `HTTP/1.1 200 OK`. Servers often omit the space before an absent reason. RFC 9112 section 4. */
const STATUS_LINE = /^HTTP\/1\.([0-9]) ([1-9][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const STATUS_LINE_START = [0x48, 0x54, 0x54, 0x50, 0x2f];

export interface ParsedHead {
  httpVersion: '1.0' | '1.1';
  status: number;
  statusText: string;
  headers: Fields;
}

export interface HeadLimits {
  /** Maximum bytes of one head or trailer section. */
  maxBytes: number;
  /** Maximum field lines of one section. */
  maxFields: number;
}

type Section = 'head' | 'trailers';

const TOO_LARGE = {
  head: 'http_response_header_section_size',
  trailers: 'http_response_trailer_section_size',
} as const;

const invalid = (what: string): SluicewayError =>
  new SluicewayError('http_protocol_error', `Invalid response: ${what}`);

/**
 * Finds the empty line that ends a head or trailer section, across reads. Only CR LF ends a line: a recipient that also
 * accepts a bare LF or CR can be made to see other fields than its neighbour (RFC 9112 sections 2.2 and 11.2).
 */
export class SectionScanner {
  readonly #maxBytes: number;
  readonly #section: Section;
  /** Bytes of the section scanned so far. */
  #scanned = 0;
  #lineLength = 0;
  #afterCr = false;

  constructor(maxBytes: number, section: Section) {
    this.#maxBytes = maxBytes;
    this.#section = section;
  }

  /** Starts a new section. */
  reset(): void {
    this.#scanned = 0;
    this.#lineLength = 0;
    this.#afterCr = false;
  }

  /** Scans bytes [from, to). Returns the position after the section's last byte, or -1 if the section is incomplete. */
  scan(bytes: Uint8Array, from: number, to: number): number {
    let lineLength = this.#lineLength;
    let afterCr = this.#afterCr;
    for (let i = from; i < to; i += 1) {
      const byte = bytes[i] as number;
      if (afterCr) {
        if (byte !== LF) throw invalid('bare CR in a field section');
        if (lineLength === 0) {
          this.#scanned += i + 1 - from;
          this.#checkSize();
          return i + 1;
        }
        afterCr = false;
        lineLength = 0;
      } else if (byte === CR) {
        afterCr = true;
      } else if (byte === LF) {
        throw invalid('bare LF in a field section');
      } else {
        lineLength += 1;
      }
    }
    this.#lineLength = lineLength;
    this.#afterCr = afterCr;
    this.#scanned += to - from;
    this.#checkSize();
    return -1;
  }

  /** Bytes of the unfinished section scanned so far. The next scan starts after them. */
  get scanned(): number {
    return this.#scanned;
  }

  #checkSize(): void {
    if (this.#scanned <= this.#maxBytes) return;
    throw new SluicewayError(
      TOO_LARGE[this.#section],
      `A field section is larger than ${this.#maxBytes} bytes`,
    );
  }
}

/**
 * Rejects data that cannot become a response at its first bytes. Otherwise the proxy would wait for the end of another
 * protocol's data.
 */
export function checkHeadStart(bytes: Uint8Array, from: number, to: number): void {
  const length = Math.min(to - from, STATUS_LINE_START.length);
  for (let i = 0; i < length; i += 1) {
    if (bytes[from + i] !== STATUS_LINE_START[i]) throw invalid('it does not start with HTTP/');
  }
}

/** Parses a whole head with its empty line, as Latin-1. */
export function parseResponseHead(text: string, limits: HeadLimits): ParsedHead {
  const lineEnd = text.indexOf('\r\n');
  const match = STATUS_LINE.exec(text.slice(0, lineEnd));
  if (match === null) throw invalid('bad status line');
  return {
    httpVersion: match[1] === '0' ? '1.0' : '1.1',
    status: Number(match[2]),
    statusText: match[3] ?? '',
    headers: parseFieldLines(text, lineEnd + 2, limits.maxFields),
  };
}

/**
 * Parses field lines from `from` to the empty line. As RFC 9112 section 5 requires of a proxy for responses, white
 * space before the colon is removed and a folded line is joined with a space.
 */
export function parseFieldLines(
  text: string,
  from: number,
  maxFields: number,
  section: Section = 'head',
): Fields {
  const raw: string[] = [];
  let at = from;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd === at || lineEnd < 0) return Fields.fromParser(raw);
    const first = text.charCodeAt(at);
    if (first === 0x20 || first === 0x09) {
      if (raw.length === 0) throw invalid('folded line before the first field');
      const more = trimWhiteSpace(text, at, lineEnd);
      if (!isFieldValue(more)) throw invalid('control character in a field value');
      const value = raw[raw.length - 1] as string;
      raw[raw.length - 1] = value === '' || more === '' ? value + more : `${value} ${more}`;
    } else {
      if (raw.length >= maxFields * 2) {
        throw new SluicewayError(TOO_LARGE[section], `More than ${maxFields} field lines`);
      }
      const colon = text.indexOf(':', at);
      if (colon < 0 || colon > lineEnd) throw invalid('field line without a colon');
      const name = trimWhiteSpace(text, at, colon);
      if (!isToken(name)) throw invalid('bad field name');
      const value = trimWhiteSpace(text, colon + 1, lineEnd);
      if (!isFieldValue(value)) throw invalid('control character in a field value');
      raw.push(name, value);
    }
    at = lineEnd + 2;
  }
}
