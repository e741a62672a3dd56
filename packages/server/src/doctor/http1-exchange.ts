import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { Exchange, type ExchangeOptions, toLines } from './exchange.js';

/** The longest response head that is read. */
const MAX_HEAD_BYTES = 256 * 1024;

/** An exchange in HTTP/1.1. */
export class Http1Exchange extends Exchange {
  readonly #request: ClientRequest;
  #response: IncomingMessage | null = null;
  #tunnel: Duplex | null = null;

  constructor(options: ExchangeOptions) {
    super(options);
    const { url, method = 'GET', fields = {}, content, insecure = false, paused = false } = options;
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    this.#request = send(url, {
      method,
      agent: false,
      maxHeaderSize: MAX_HEAD_BYTES,
      rejectUnauthorized: !insecure,
      headers: {
        'User-Agent': 'sluiceway-doctor',
        Accept: '*/*',
        ...fields,
        ...(typeof content === 'number' && { 'Content-Length': content }),
        ...(content === 'chunked' && { 'Transfer-Encoding': 'chunked' }),
      },
    });
    this.#request.maxHeadersCount = 0;
    this.#observe(paused);
    if (content === undefined) this.#request.end();
    else this.#request.flushHeaders();
  }

  #observe(paused: boolean): void {
    const request = this.#request;
    request.on('information', ({ statusCode, rawHeaders }) =>
      this.addInterim(statusCode, toLines(rawHeaders)),
    );
    request.on('response', (response) => {
      this.#response = response;
      const { statusCode = 0, httpVersion, rawHeaders } = response;
      this.setHead({ status: statusCode, httpVersion, fields: toLines(rawHeaders) });
      response.on('error', (error) => this.fail('cut', error));
      response.on('end', () => {
        this.trailers = toLines(response.rawTrailers);
        this.end({ how: response.complete ? 'complete' : 'cut', code: null });
      });
      response.on('close', () => this.end({ how: 'cut', code: null }));
      if (!paused) this.read();
    });
    request.on('upgrade', (_response, socket) => {
      this.#tunnel = socket;
      this.received();
    });
    request.on('error', (error) => {
      // A server that has responded can close the connection while the request is being sent.
      if (this.#response === null) this.fail('failed', error);
    });
    request.on('close', () => {
      if (this.#response === null) this.end({ how: 'failed', code: null });
    });
  }

  read(): void {
    const response = this.#response;
    if (response === null || response.listenerCount('data') > 0) return void response?.resume();
    response.on('data', (chunk: Buffer) => this.addContent(chunk));
  }

  send(bytes: Uint8Array): Promise<boolean> {
    return this.sendTo(this.#request, bytes);
  }

  endRequest(trailers?: Readonly<Record<string, string>>): void {
    if (trailers !== undefined) this.#request.addTrailers(trailers);
    this.#request.end();
  }

  /** The tunnel after a 101; null if another response comes, or none in time. */
  async upgraded(timeoutMs: number): Promise<Duplex | null> {
    await this.until(() => this.#tunnel !== null || this.head !== null, timeoutMs);
    return this.#tunnel;
  }

  leave(): void {
    this.end({ how: 'left', code: null });
    this.#request.destroy();
  }
}
