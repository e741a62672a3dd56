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

/** Statuses that a `Response` can have no content with. */
const CONTENTLESS: ReadonlySet<number> = new Set([204, 205, 304]);
/** A `Response` can have no other. */
const MAX_STATUS = 599;

/** Never sent: what a client has left gets no answer. nginx's log has this status for it. */
const GONE = 499;

/** A request that a host of WHATWG's kind has read, and the response that it waits for. */
export class FetchExchange implements ClientExchange {
  readonly method: string;
  readonly url: string;
  readonly httpVersion = '1.1';
  /** A `Request` tells neither. */
  readonly connection = null;
  readonly clientAddress = null;
  readonly isOnUnixSocket = false;
  readonly isEncrypted: boolean;
  readonly listener: ListenerAddress | null;
  readonly isTunnelOnly = false;
  /** Hosts take care of what is left over. */
  readonly isRequestComplete = true;
  readonly isPipelined = false;
  /** What the host is given; rejected by `fail`. */
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
    this.isEncrypted = url.startsWith('https:');
    this.response = new Promise((resolve, reject) => {
      this.#respond = resolve;
      this.#refuse = reject;
    });
    if (request.signal.aborted) this.#isClosed = true;
    else request.signal.addEventListener('abort', this.#onAbort);
  }

  get request(): ClientRequest {
    throw new TypeError('A request that came through sluiceway/fetch is none of Node’s: see request.context');
  }

  readHead(target: string = this.url): RequestHead {
    const { method } = this;
    const headers = readFields(this.#request);
    checkFieldCount(headers);
    if (this.#dropsCoding) headers.set('Accept-Encoding', 'identity');
    // Hosts take it off a request that came by HTTP/2.
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

  /** The host has said it. */
  sendContinue(): void {}

  /** There is no way to. */
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

  /** The transfer is over. The host gets an answer in any case, though nobody may be there to read it. */
  settle(): void {
    this.#respond(new Response(null, { status: GONE }));
  }

  /** The host gets the error in place of a response. */
  refuse(error: unknown): void {
    this.#refuse(error);
  }

  /** Refuses content that could not be told from a part of it, or be read, as the host hands it on. */
  #checkContent(fields: ReadonlyFields): void {
    if (!this.#allowsUnknownLength && !fields.has('content-length')) {
      throw refused(
        'The content has no length that would tell a client of its end',
        'The length of the file is not known.',
      );
    }
    if (this.#dropsCoding && fields.list('content-encoding').some((coding) => coding !== 'identity'))
      throw refused('The host takes Content-Encoding off coded content', 'The file is coded.');
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

/** For a response that has none, whatever the origin server sends. */
function dropContent(onEnd: () => void, onFail: (error: Error) => void): ContentSink {
  return { chunk: (_bytes, done) => done(), end: onEnd, fail: onFail, flushHead() {} };
}

/** As the host has them: names in lower case, lines of one name joined. */
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
 * Next.js takes `Content-Encoding` off a response, so that clients would take coded content for the file itself. Its
 * requests have their URL a second time.
 */
const dropsCoding = (request: Request): boolean => 'nextUrl' in request;

const refused = (message: string, publicMessage: string): SluicewayError =>
  new SluicewayError('response_denied', message, { status: 502, publicMessage });
