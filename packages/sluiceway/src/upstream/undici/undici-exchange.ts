import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { SluicewayError } from '../../errors.js';
import { hasConnectionCredentials } from '../../http/connection-authentication.js';
import { Fields, isFieldValue } from '../../http/fields.js';
import { decideResponseFraming } from '../../http/framing.js';
import { formatPeer } from '../../net/format-peer.js';
import { wasReset } from '../../net/reset.js';
import { queuedBytes } from '../../net/write-queue.js';
import type { Placed } from '../../placed-list.js';
import { emptySource } from '../../stream/chunk-source.js';
import { InterimLimit } from '../interim-limit.js';
import { STOPS_CONTENT_FROM } from '../request-rules.js';
import type { Exchange, InterimResponse, TransportRequest, TransportResponse } from '../transport.js';
import { createTunnel } from './create-tunnel.js';
import type { DispatchController, DispatchOptions, RawFields, UndiciDispatcher } from './dispatcher.js';
import { LegacyHandler } from './legacy-handler.js';
import { originOf } from './origin-of.js';
import { RequestBody } from './request-body.js';
import { type DispatchOwner, ResponseContent } from './response-content.js';
import { onceSent } from './sent-sockets.js';
import { toFields } from './to-fields.js';
import { type Phase, translateError } from './translate-error.js';

const NO_CONNECTION_CREDENTIALS =
  'Undici cannot reserve a connection for one client, which NTLM and Negotiate require';

const CONTINUE: InterimResponse = { status: 100, statusText: 'Continue', headers: new Fields() };

/** One request and its response, as a handler of undici. */
export class UndiciExchange extends LegacyHandler implements Exchange, DispatchOwner, Placed {
  /** In the list of running exchanges. */
  place = -1;
  readonly response: Promise<TransportResponse>;
  readonly #request: TransportRequest;
  readonly #onOver: () => void;
  readonly #body: RequestBody | null;
  #resolve!: (response: TransportResponse) => void;
  #reject!: (error: SluicewayError) => void;
  #phase: Phase = 'waiting';
  #controller: DispatchController | null = null;
  #socket: Socket | null = null;
  #remoteAddress: string | null = null;
  #content: ResponseContent | null = null;
  #tunnel: Duplex | null = null;
  #delimitedByClose = false;
  /** Why the request has been given up. */
  #givenUp: Error | null = null;
  #isOver = false;
  #isSent = false;
  #interims: InterimLimit | null = null;

  constructor(request: TransportRequest, onOver: () => void) {
    super();
    this.#request = request;
    this.#onOver = onOver;
    this.#body = request.content === null ? null : new RequestBody(request.content.source);
    this.response = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  dispatch(dispatcher: UndiciDispatcher): void {
    try {
      if (!this.#request.path.startsWith('/'))
        throw new SluicewayError('http_request_error', 'Undici only sends request targets that are paths', {
          status: 501,
        });
      // A dispatcher reserves no connection for one client, and over HTTP/2 clients share one.
      if (hasConnectionCredentials(this.#request.headers))
        throw new SluicewayError('http_request_error', NO_CONNECTION_CREDENTIALS, { status: 501 });
      dispatcher.dispatch(this.#toOptions(), this);
    } catch (error) {
      this.onResponseError(null, error as Error);
    }
  }

  abort(error: SluicewayError): void {
    if (this.#isOver) return;
    this.#fail(error);
    this.#abandon(error);
  }

  queuedBytes(): number | null {
    return queuedBytes(this.#socket);
  }

  remoteAddress(): string | null {
    return this.#remoteAddress;
  }

  pause(): void {
    this.#controller?.pause();
  }

  /** Deferred: the parser of a dispatcher does not expect a call from inside itself. */
  resume(): void {
    queueMicrotask(() => {
      // By then, another request can be using the connection.
      if (!this.#isOver) this.#controller?.resume();
    });
  }

  giveUp(): void {
    if (this.#isOver) return;
    this.#end();
    this.#abandon(new SluicewayError('client_aborted', 'The content is not needed'));
  }

  onRequestStart(controller: DispatchController): void {
    this.#controller = controller;
    if (this.#givenUp !== null) {
      controller.abort(this.#givenUp);
      return;
    }
    // A retry starts again, on another socket.
    this.#socket = null;
    onceSent((socket) => {
      this.#socket = socket;
      this.#remoteAddress = formatPeer(socket);
    });
    const isFirst = this.#phase === 'waiting';
    if (isFirst) this.#phase = 'sent';
    if (this.#body === null) this.#sent();
    // Undici does not send the expectation: tell a client that waits for a 100 to send at once.
    else if (isFirst && this.#request.expectContinue) this.#request.onInterim(CONTINUE);
  }

  onResponseStart(
    controller: DispatchController,
    status: number,
    headers: RawFields,
    statusText?: string,
  ): void {
    if (this.#isOver) return;
    try {
      this.#onHead(controller, status, toFields(controller.rawHeaders ?? headers), toPhrase(statusText));
    } catch (error) {
      const cause = error instanceof SluicewayError ? error : toInvalidHead(error);
      this.#fail(cause);
      this.#abandon(cause);
    }
  }

  onResponseData(_controller: DispatchController, chunk: Buffer): void {
    this.#content?.receive(chunk);
  }

  onResponseEnd(controller: DispatchController, trailers: RawFields): void {
    if (this.#isOver) return;
    const socket = this.#socket;
    // Undici treats a reset as the end of content that only the close delimits.
    if (
      this.#delimitedByClose &&
      socket !== null &&
      (socket.errored || (!socket.destroyed && wasReset(socket)))
    ) {
      this.#fail(new SluicewayError('http_response_incomplete', 'The connection was reset'));
      return;
    }
    const fields = toTrailers(controller.rawTrailers ?? trailers);
    this.#end();
    this.#content?.complete(fields);
  }

  onResponseError(_controller: DispatchController | null, error: Error): void {
    if (!this.#isOver) this.#fail(translateError(error, this.#phase));
  }

  onRequestUpgrade(controller: DispatchController, status: number, headers: RawFields, socket: Duplex): void {
    // Undici has removed its own listeners.
    socket.on('error', () => {});
    if (this.#isOver || this.#request.upgrade === null) {
      socket.destroy();
      this.onResponseError(
        controller,
        new SluicewayError('http_upgrade_failed', 'The origin server switched protocols without a request'),
      );
      return;
    }
    this.#phase = 'answered';
    this.#tunnel = socket;
    const tunnel = createTunnel(socket, () => this.#end());
    const head = {
      httpVersion: '1.1',
      status,
      statusText: 'Switching Protocols',
      headers: toFields(controller.rawHeaders ?? headers),
    } as const;
    this.#resolve({ ...head, contentLength: 0, content: emptySource, tunnel });
  }

  #onHead(controller: DispatchController, status: number, headers: Fields, statusText: string): void {
    if (status < 100) throw new SluicewayError('http_protocol_error', `The status is ${status}`);
    if (status < 200) {
      const head = { status, statusText, headers };
      this.#interims ??= new InterimLimit();
      this.#interims.add(head);
      this.#request.onInterim(head);
      return;
    }
    const framing = decideResponseFraming(this.#request.method, status, '1.1', headers);
    this.#phase = 'answered';
    this.#delimitedByClose = framing.kind === 'close';
    if (framing.kind !== 'none') {
      this.#content = new ResponseContent(this, framing.kind === 'length' ? framing.length : null);
      controller.pause();
    }
    if (!this.#isSent && status >= STOPS_CONTENT_FROM) this.#body?.stop();
    this.#resolve({
      httpVersion: '1.1',
      status,
      statusText,
      headers,
      contentLength: framing.kind === 'none' ? 0 : framing.kind === 'length' ? framing.length : null,
      content: this.#content ?? emptySource,
      tunnel: null,
    });
    // Undici waits for content that a 304 announces but does not have: 7 and 8 until the connection ends, 6 forever.
    const announced = Number(headers.get('content-length') ?? 0);
    if (framing.kind === 'none' && this.#request.method !== 'HEAD' && announced > 0) this.giveUp();
  }

  #toOptions(): DispatchOptions {
    const { destination, method, path, headers: fields, content, upgrade } = this.#request;
    // Undici would send TE without the required connection option (RFC 9110 section 10.1.4).
    const headers = [...fields].flatMap(([name, value]) => (/^te$/i.test(name) ? [] : [name, value]));
    if (content?.lengthText !== undefined)
      throw new SluicewayError('content_too_large', 'Undici cannot send a Content-Length above 2^53 - 1');
    if (content !== null && content.length !== null) headers.push('Content-Length', String(content.length));
    this.#body?.once('end', () => this.#sent());
    return {
      origin: originOf(destination),
      path,
      method,
      headers,
      body: this.#body,
      upgrade,
      // The timeouts of the transfer apply instead.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
  }

  #sent(): void {
    if (this.#isSent || this.#isOver) return;
    this.#isSent = true;
    this.#request.onRequestSent();
  }

  #fail(error: SluicewayError): void {
    const content = this.#content;
    this.#end();
    if (content === null) this.#reject(error);
    else content.fail(error);
  }

  /** Marks the exchange as over. */
  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#body?.destroy();
    this.#onOver();
  }

  /** Aborts the request, now or as soon as undici starts it, and closes the tunnel. */
  #abandon(error: Error): void {
    this.#givenUp = error;
    this.#controller?.abort(error);
    this.#tunnel?.destroy();
  }
}

/** Undici decodes the phrase as UTF-8. A phrase in another encoding is dropped. */
const toPhrase = (text: string | undefined): string =>
  text !== undefined && isFieldValue(text) && !text.includes('\ufffd') ? text : '';

function toTrailers(raw: RawFields): Fields | null {
  try {
    const fields = toFields(raw);
    return fields.size === 0 ? null : fields;
  } catch {
    return null;
  }
}

const toInvalidHead = (cause: unknown): SluicewayError =>
  new SluicewayError('http_protocol_error', 'The head of the response cannot be read', { cause });
