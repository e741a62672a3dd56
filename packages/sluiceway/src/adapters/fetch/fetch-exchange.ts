import { checkFieldCount, checkFinalStatus } from '../../downstream/checks.js';
import type {
  ClientExchange,
  ClientRequest,
  ClientTunnel,
  ContentSink,
  RequestHead,
  ResponseHead,
} from '../../downstream/exchange.js';
import { SluicewayError } from '../../errors.js';
import { Fields, isFieldValue, type ReadonlyFields } from '../../http/fields.js';
import { checkRequestHead, decideRequestFraming } from '../../http/framing.js';
import { readRequestTarget } from '../../http/target.js';
import type { ListenerAddress } from '../../net/own-listeners.js';
import type { ChunkSource } from '../../stream/chunk-source.js';
import { drainRequestContent, type FetchRequestContent, RequestContentSource } from './request-content.js';
import { ResponseStream } from './response-stream.js';

/** Statuses with which a `Response` cannot have content. */
const CONTENTLESS: ReadonlySet<number> = new Set([204, 205, 304]);
/** The highest status of a `Response`. */
const MAX_STATUS = 599;

/** Never sent: the client has disconnected. nginx logs this status for the case. */
const GONE = 499;

/** A request from a WHATWG host, and the response that the host waits for. */
export class FetchExchange implements ClientExchange {
  readonly method: string;
  readonly url: string;
  readonly originalUrl: string;
  readonly httpVersion = '1.1';
  /** A `Request` has no connection. */
  readonly connection = null;
  readonly clientAddress = null;
  readonly isOnUnixSocket = false;
  readonly isEncrypted: boolean;
  readonly listener: ListenerAddress | null;
  readonly isTunnelOnly = false;
  /** The host handles remaining request content. */
  readonly isRequestComplete = true;
  readonly isPipelined = false;
  /** The response for the host. `fail` rejects it. */
  readonly response: Promise<Response>;
  readonly #request: Request;
  readonly #content: FetchRequestContent;
  readonly #allowsUnknownLength: boolean;
  readonly #host: string;
  readonly #onClose: Array<() => void> = [];
  readonly #onAbort = (): void => this.breakOff();
  readonly #dropsCoding: boolean;
  #respond: (response: Response) => void = () => {};
  #refuse: (error: unknown) => void = () => {};
  #head: ResponseHead | null = null;
  #stream: ResponseStream | null = null;
  #source: RequestContentSource | null = null;
  #isClosed = false;
  isDelivered = false;

  constructor(
    request: Request,
    content: FetchRequestContent,
    allowsUnknownLength: boolean,
    listener: ListenerAddress | null,
  ) {
    const { url } = request;
    const authority = url.indexOf('//') + 2;
    const path = url.indexOf('/', authority);
    this.#request = request;
    this.#content = content;
    this.#allowsUnknownLength = allowsUnknownLength;
    this.listener = listener;
    this.#dropsCoding = dropsCoding(request);
    this.method = request.method;
    this.#host = url.slice(authority, path);
    this.url = url.slice(path).replace(/#.*/s, '');
    this.originalUrl = this.url;
    this.isEncrypted = url.startsWith('https:');
    this.response = new Promise((resolve, reject) => {
      this.#respond = resolve;
      this.#refuse = reject;
    });
    if (request.signal.aborted) this.#isClosed = true;
    else request.signal.addEventListener('abort', this.#onAbort);
  }

  get request(): ClientRequest {
    throw new TypeError('A request through sluiceway/fetch has no Node request object: use request.context');
  }

  readHead(target: string = this.url): RequestHead {
    const { method } = this;
    const headers = readFields(this.#request);
    checkFieldCount(headers);
    if (this.#dropsCoding) headers.set('Accept-Encoding', 'identity');
    // Hosts remove the field from HTTP/2 requests.
    if (!headers.has('host')) headers.set('Host', this.#host);
    checkRequestHead('1.1', headers);
    const framing = decideRequestFraming('1.1', headers);
    const { reader } = this.#content;
    return {
      method,
      target: readRequestTarget(method, target),
      headers,
      framing: framing.kind === 'none' && reader !== null ? { kind: 'chunked' } : framing,
    };
  }

  wantedProtocol(): null {
    return null;
  }

  openContent(): ChunkSource {
    const { reader, first } = this.#content;
    if (reader === null)
      throw new SluicewayError('http_request_error', 'The host has not handed over the request content');
    const { headers, signal } = this.#request;
    const length = headers.get('content-length');
    this.#source = new RequestContentSource(reader, first, length === null ? null : Number(length), signal);
    return this.#source;
  }

  findContentTouch(): string | null {
    return this.#content.touch;
  }

  onTurn(listener: () => void): void {
    listener();
  }

  onClose(listener: () => void): void {
    if (this.#isClosed) listener();
    else this.#onClose.push(listener);
  }

  get isHeadSent(): boolean {
    return this.#head !== null;
  }

  get isGone(): boolean {
    return this.#isClosed;
  }

  queuedBytes(): null {
    return null;
  }

  takesTrailers(): boolean {
    return false;
  }

  /** The host has already sent it. */
  sendContinue(): void {}

  /** Not possible with a `Response`. */
  sendInterim(): void {}

  sendHead(head: ResponseHead): void {
    checkFinalStatus(head);
    if (head.status > MAX_STATUS)
      throw new SluicewayError('http_protocol_error', `A Response cannot have the status ${head.status}`);
    if (!isFieldValue(head.statusText)) throw new TypeError('Invalid character in a status phrase');
    if (!this.#isContentless(head)) this.#checkContent(head.headers);
    this.#head = head;
  }

  contentSink(_trailers: unknown, onEnd: () => void, onFail: (error: Error) => void): ContentSink {
    const head = this.#sentHead;
    if (this.#isContentless(head) || head.headers.get('content-length') === '0') {
      this.#send(null);
      return dropContent(() => {
        onEnd();
        this.#close(true);
      }, onFail);
    }
    const length = head.headers.get('content-length');
    const stream = new ResponseStream(
      length === undefined ? null : Number(length),
      onEnd,
      onFail,
      (delivered) => this.#close(delivered),
    );
    this.#stream = stream;
    this.#send(stream.stream);
    return stream;
  }

  endWithoutContent(): void {
    this.#send(null);
    this.#close(true);
  }

  breakOff(): void {
    if (this.#isClosed) return;
    this.#stream?.breakOff();
    this.#close(false);
  }

  destroy(): void {
    this.breakOff();
  }

  switchProtocols(): ClientTunnel {
    throw new SluicewayError('http_upgrade_failed', 'There is no socket for another protocol');
  }

  release(): void {}

  finish(): void {
    if (this.#source?.isComplete !== true) void drainRequestContent(this.#content);
  }

  /** The transfer has ended. The host always gets an answer, even if the client has disconnected. */
  settle(): void {
    this.#respond(new Response(null, { status: GONE }));
  }

  /** Rejects the response with the error. */
  refuse(error: unknown): void {
    this.#refuse(error);
  }

  /** Refuses content that the host would relay such that a truncated or coded file looks complete. */
  #checkContent(fields: ReadonlyFields): void {
    if (!this.#allowsUnknownLength && !fields.has('content-length')) {
      throw refused(
        'The content has no length by which a client could detect truncation',
        'The length of the file is unknown.',
      );
    }
    if (this.#dropsCoding && fields.list('content-encoding').some((coding) => coding !== 'identity'))
      throw refused('The host removes Content-Encoding from coded content', 'The file has a content coding.');
  }

  get #sentHead(): ResponseHead {
    if (this.#head === null) throw new TypeError('A response begins with its head');
    return this.#head;
  }

  #isContentless({ status }: ResponseHead): boolean {
    return this.method === 'HEAD' || CONTENTLESS.has(status);
  }

  #send(body: ReadableStream | null): void {
    const { status, statusText, headers: fields } = this.#sentHead;
    const headers = [...fields] as [string, string][];
    this.#respond(new Response(body, { status, statusText, headers }));
  }

  #close(delivered: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.isDelivered = delivered;
    this.#request.signal.removeEventListener('abort', this.#onAbort);
    for (const listener of this.#onClose.splice(0)) listener();
  }
}

/** Discards the content of a response that must not have any. */
function dropContent(onEnd: () => void, onFail: (error: Error) => void): ContentSink {
  return { chunk: (_bytes, done) => done(), end: onEnd, fail: onFail, flushHead() {} };
}

/** As the host provides them: lower-case names, lines of one name joined. */
function readFields({ headers }: Request): Fields {
  const fields = new Fields();
  try {
    for (const [name, value] of headers) fields.append(name, value);
  } catch (cause) {
    throw new SluicewayError('http_request_error', 'A field of the request is not valid', { cause });
  }
  return fields;
}

/**
 * Next.js removes `Content-Encoding` from a response, so clients would interpret coded content as the file itself. Its
 * requests have a `nextUrl`.
 */
const dropsCoding = (request: Request): boolean => 'nextUrl' in request;

const refused = (message: string, publicMessage: string): SluicewayError =>
  new SluicewayError('response_denied', message, { status: 502, publicMessage });
