import { SluicewayError } from '../errors.js';
import { checkHeadStart, type ParsedHead, parseResponseHead, SectionScanner } from '../http/head-reader.js';
import { type Destination, dialledHost } from './destination.js';
import type { DialOnread } from './dial-attempt.js';
import type { EgressProxy } from './egress.js';

/** Limits of the proxy's answer, which is short. The answer is not forwarded. */
const LIMITS = { maxBytes: 16 * 1024, maxFields: 100 };

/** Clients see only this message, whatever the proxy answers. */
const PUBLIC_MESSAGE = 'The origin server could not be reached.';

/** A name or an address as in a URL. It contains nothing that could end a line or a word. */
const HOSTNAME = /^[\x21-\x7e]+$/;

/** Formats `host:port` for CONNECT, always with the port (RFC 9112 section 3.2.3). */
export function formatAuthority(destination: Destination): string {
  const hostname = dialledHost(destination);
  const { port } = destination;
  return hostname.includes(':') ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Formats the request for a tunnel to `destination`. Write it as Latin-1. */
export function formatConnect(destination: Destination, { authorization }: EgressProxy): string {
  if (!HOSTNAME.test(dialledHost(destination))) throw new TypeError('The hostname is not valid');
  const authority = formatAuthority(destination);
  const credentials = authorization === null ? '' : `Proxy-Authorization: ${authorization}\r\n`;
  return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`;
}

/**
 * Reads the answer to CONNECT, and keeps the bytes after it. A successful answer has no content, whatever its fields
 * say (RFC 9110 section 9.3.6).
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
   * `onOpen` is called when the tunnel is open, and returns whether to continue reading. `onFailed` is called with the
   * reason if there is none.
   */
  constructor(destination: Destination, onOpen: () => boolean, onFailed: (error: SluicewayError) => void) {
    this.#authority = formatAuthority(destination);
    this.#onOpen = onOpen;
    this.#onFailed = onFailed;
  }

  /** The `onread` option for the socket to the proxy. */
  readonly onread: DialOnread = {
    buffer: () => this.#next?.buffer() ?? this.#space,
    callback: (length, buffer) => this.#next?.callback(length, buffer) ?? this.#onRead(length),
  };

  /** Passes later bytes to another reader. */
  handOver(onread: DialOnread): void {
    this.#next = onread;
  }

  /** Returns the bytes that have already arrived through the tunnel. */
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

  /** Returns the final head, or null if it is incomplete. */
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
 * Returns why the proxy did not open a tunnel. 5xx means that it could not reach the destination. Any other status
 * means that it requires a different request or none: credentials (407), another destination (403), another method
 * (405).
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
