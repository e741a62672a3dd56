import { SluicewayError } from '../errors.js';
import { checkHeadStart, type ParsedHead, parseResponseHead, SectionScanner } from '../http/head-reader.js';
import type { Destination } from './destination.js';
import type { DialOnread } from './dial-attempt.js';
import type { EgressProxy } from './egress.js';

/** A proxy says little; what it says is not passed on. */
const LIMITS = { maxBytes: 16 * 1024, maxFields: 100 };

/** Whatever the proxy says, a client learns no more than this. */
const PUBLIC_MESSAGE = 'The origin server could not be reached.';

/** A name or an address as URLs have it: nothing that could end a line or a part of it. */
const HOSTNAME = /^[\x21-\x7e]+$/;

/** `host:port`, as CONNECT asks for it: with the port in any case (RFC 9112 section 3.2.3). */
export function formatAuthority({ hostname, port }: Destination): string {
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** The request for a tunnel to `destination`, to be written as latin1. */
export function formatConnect(destination: Destination, { authorization }: EgressProxy): string {
  if (!HOSTNAME.test(destination.hostname)) throw new TypeError('The hostname is not valid');
  const authority = formatAuthority(destination);
  const credentials = authorization === null ? '' : `Proxy-Authorization: ${authorization}\r\n`;
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`;
}

/**
 * Reads the answer to CONNECT, and keeps what comes behind it. It has no content where it is a success, whatever its
 * fields say (RFC 9110 section 9.3.6).
 */
export class ConnectReader {
  readonly #scanner = new SectionScanner(LIMITS.maxBytes, 'head');
  readonly #space = Buffer.allocUnsafe(4096);
  readonly #authority: string;
  readonly #onOpen: () => boolean;
  readonly #onFailed: (error: SluicewayError) => void;
  #received: Buffer = Buffer.alloc(0);
  #isOver = false;
  #next: DialOnread | null = null;

  /**
   * `onOpen` is told that the tunnel stands, and says whether to go on reading; `onFailed` why there is none.
   */
  constructor(destination: Destination, onOpen: () => boolean, onFailed: (error: SluicewayError) => void) {
    this.#authority = formatAuthority(destination);
    this.#onOpen = onOpen;
    this.#onFailed = onFailed;
  }

  /** For the socket to the proxy. */
  readonly onread: DialOnread = {
    buffer: () => this.#next?.buffer() ?? this.#space,
    callback: (length, buffer) => this.#next?.callback(length, buffer) ?? this.#onRead(length),
  };

  /** What follows is read by somebody else. */
  handOver(onread: DialOnread): void {
    this.#next = onread;
  }

  /** Takes what has come through the tunnel already. */
  takeEarly(): Buffer {
    const early = this.#received;
    this.#received = Buffer.alloc(0);
    return early;
  }

  #onRead(length: number): boolean {
    this.#received = Buffer.concat([this.#received, this.#space.subarray(0, length)]);
    if (this.#isOver) return false;
    let head: ParsedHead | null;
    try {
      head = this.#readHead();
    } catch (error) {
      this.#isOver = true;
      this.#onFailed(toInvalidAnswer(error as SluicewayError));
      return false;
    }
    if (head === null) return true;
    this.#isOver = true;
    if (head.status >= 200 && head.status < 300) return this.#onOpen();
    this.#onFailed(toRefusal(head.status, this.#authority));
    return false;
  }

  /** The final head, or null where it is not there yet. */
  #readHead(): ParsedHead | null {
    for (;;) {
      const bytes = this.#received;
      const { scanned } = this.#scanner;
      if (scanned < 5) checkHeadStart(bytes, 0, bytes.length);
      const end = this.#scanner.scan(bytes, scanned, bytes.length);
      if (end < 0) return null;
      this.#received = bytes.subarray(end);
      this.#scanner.reset();
      const head = parseResponseHead(bytes.toString('latin1', 0, end), LIMITS);
      if (head.status >= 200 || head.status === 101) return head;
    }
  }
}

/**
 * What kept the proxy from opening a tunnel. 5xx says that it could not reach the destination; with everything else it
 * wants another request of us, or none: credentials (407), another destination (403), another method (405).
 */
function toRefusal(status: number, authority: string): SluicewayError {
  const message = `The egress proxy answered ${status} to CONNECT ${authority}`;
  const common = { publicMessage: PUBLIC_MESSAGE, retryable: true };
  if (status === 504) return new SluicewayError('connection_timeout', message, common);
  const code = status >= 500 ? 'destination_unavailable' : 'proxy_configuration_error';
  return new SluicewayError(code, message, { ...common, status: 502, outcome: 'upstream_refused' });
}

function toInvalidAnswer(cause: SluicewayError): SluicewayError {
  return new SluicewayError('http_protocol_error', `The answer of the egress proxy: ${cause.message}`, {
    cause,
    publicMessage: PUBLIC_MESSAGE,
    retryable: true,
  });
}
