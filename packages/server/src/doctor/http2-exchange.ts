import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import { Exchange, type ExchangeOptions, type FieldLines, toLines } from './exchange.js';

/** A client's windows, as browsers have them: the default of 64 KiB would make long ways slow. */
const WINDOW_BYTES = 1024 * 1024;

/** An exchange in HTTP/2, as the only stream of its connection. */
export class Http2Exchange extends Exchange {
  readonly #session: ClientHttp2Session;
  readonly #stream: ClientHttp2Stream;
  #requestTrailers: Readonly<Record<string, string>> = {};

  constructor(options: ExchangeOptions) {
    super(options);
    const { url, method = 'GET', fields = {}, content, insecure = false, paused = false } = options;
    this.#session = connect(url.origin, {
      rejectUnauthorized: !insecure,
      settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
    });
    this.#session.on('error', (error: Error) => this.fail(this.head === null ? 'failed' : 'cut', error));
    this.#session.once('connect', () => this.#session.setLocalWindowSize(WINDOW_BYTES));
    this.#stream = this.#session.request(
      {
        ':method': method,
        ':path': `${url.pathname}${url.search}`,
        'user-agent': 'sluiceway-doctor',
        accept: '*/*',
        // HTTP/2 has lower-case names, and the names of one field must not differ in their case.
        ...Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value])),
        ...(typeof content === 'number' && { 'content-length': content }),
      },
      { endStream: content === undefined, waitForTrailers: content !== undefined },
    );
    this.#observe(paused);
  }

  #observe(paused: boolean): void {
    const stream = this.#stream;
    stream.on('wantTrailers', () => stream.sendTrailers(this.#requestTrailers));
    stream.on('headers', (headers: Received, _flags: number, raw: unknown) =>
      this.addInterim(headers[':status'] ?? 0, linesOf(raw)),
    );
    stream.on('response', (headers: Received, _flags: number, raw: unknown) => {
      this.setHead({ status: headers[':status'] ?? 0, httpVersion: '2.0', fields: linesOf(raw) });
      if (!paused) this.read();
    });
    stream.on('trailers', (_headers: Received, _flags: number, raw: unknown) => {
      this.trailers = linesOf(raw);
    });
    // A stream that is reset ends without this event, or with its code (RFC 9113 section 5.4.2).
    stream.on('end', () => {
      const isComplete = this.head !== null && stream.rstCode === 0 && !stream.aborted;
      this.end({ how: isComplete ? 'complete' : this.head === null ? 'failed' : 'cut', code: null });
      this.#session.destroy();
    });
    stream.on('error', (error: Error) => this.fail(this.head === null ? 'failed' : 'cut', error));
    stream.on('close', () => {
      this.end({ how: this.head === null ? 'failed' : 'cut', code: null });
      this.#session.destroy();
    });
  }

  read(): void {
    if (this.#stream.listenerCount('data') > 0) return void this.#stream.resume();
    this.#stream.on('data', (chunk: Buffer) => this.addContent(chunk));
  }

  send(bytes: Uint8Array): Promise<boolean> {
    return this.sendTo(this.#stream, bytes);
  }

  endRequest(trailers: Readonly<Record<string, string>> = {}): void {
    this.#requestTrailers = trailers;
    this.#stream.end();
  }

  leave(): void {
    this.end({ how: 'left', code: null });
    this.#session.destroy();
  }
}

type Received = IncomingHttpHeaders & IncomingHttpStatusHeader;

/** Field lines without pseudo-header fields. */
const linesOf = (raw: unknown): FieldLines =>
  toLines(Array.isArray(raw) ? raw.map(String) : []).filter(([name]) => !name.startsWith(':'));
