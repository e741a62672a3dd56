import { AsyncResource } from 'node:async_hooks';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Fields } from '../../http/fields.js';
import { atTurnEnd, type TurnTask } from '../../net/turn-end.js';
import type { Splice, SpliceOffer } from '../../stream/splice.js';
import type { ContentSink } from '../exchange.js';
import type { SinkOptions } from '../response-sink.js';

/**
 * Chunks up to this size are copied. Node sends a head and text of latin1 as one piece, and without an object for the write;
 * and their memory is free at once.
 */
const MAX_COPIED_BYTES = 4 * 1024;

/**
 * Writes a response to an HTTP/1 connection. Small writes are held until the end of the turn of the event loop: head,
 * content and end of a small response leave in one write, together with those of other connections.
 */
export class Http1Sink implements ContentSink, TurnTask {
  readonly #response: ServerResponse;
  readonly #options: Pick<SinkOptions, 'sendTrailers' | 'splice'>;
  readonly #trailers: () => Fields | null;
  readonly #onEnd: () => void;
  readonly #onFail: (error: Error) => void;
  /** Runs the response's listeners in the asynchronous context of its request, whichever request ends the turn. */
  readonly #scope = new AsyncResource('SluicewayResponse');
  #hasStarted = false;
  #hasEnded = false;
  /** The socket whose writes are held until the end of the turn. */
  #corked: Socket | null = null;
  #isDue = false;

  constructor(
    response: ServerResponse,
    options: Pick<SinkOptions, 'sendTrailers' | 'splice'>,
    trailers: () => Fields | null,
    onEnd: () => void,
    onFail: (error: Error) => void,
  ) {
    this.#response = response;
    this.#options = options;
    this.#trailers = trailers;
    this.#onEnd = onEnd;
    this.#onFail = onFail;
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    this.#hasStarted = true;
    const response = this.#response;
    const { socket } = response;
    // Node may never call back for a write after the connection has closed.
    if (response.destroyed || socket?.destroyed === true || bytes.length === 0) {
      done();
      return;
    }
    if (socket === null || bytes.length > MAX_COPIED_BYTES || socket.writableLength > MAX_COPIED_BYTES) {
      response.write(bytes, done);
      // More may be read in this turn, and the first bytes need not wait for that.
      this.#uncork();
      return;
    }
    this.#cork(socket);
    response.write(toLatin1(bytes), 'latin1');
    done();
  }

  splice(offer: SpliceOffer): Splice | null {
    if (isBroken(this.#response)) return null;
    const splice = this.#options.splice?.(offer) ?? null;
    if (splice !== null) this.#hasStarted = true;
    return splice;
  }

  end(): void {
    this.#hasStarted = true;
    const trailers = this.#trailers();
    if (trailers !== null) this.#options.sendTrailers(trailers);
    this.#hasEnded = true;
    this.#schedule();
    this.#onEnd();
  }

  fail(error: Error): void {
    this.#onFail(error);
  }

  /** Writes an empty string, because `flushHeaders` would encode bytes above 0x7F as UTF-8. */
  flushHead(): void {
    if (this.#hasStarted) return;
    const { socket } = this.#response;
    if (socket !== null) this.#cork(socket);
    this.#response.write('', 'latin1');
  }

  /** Called at the end of the turn. */
  endTurn(): void {
    this.#scope.runInAsyncScope(this.#send, this);
  }

  #send(): void {
    this.#isDue = false;
    const response = this.#response;
    // The end of chunked content is written together with the content. Other content has no end to write.
    if (!this.#hasEnded || !response.chunkedEncoding) this.#uncork();
    // Node treats a response that ends after its connection has failed as delivered. The `close` event is enough here.
    if (this.#hasEnded && !isBroken(response)) response.end();
  }

  #cork(socket: Socket): void {
    if (this.#corked !== null) return;
    this.#corked = socket;
    socket.cork();
    this.#schedule();
  }

  #uncork(): void {
    const corked = this.#corked;
    this.#corked = null;
    corked?.uncork();
  }

  #schedule(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    atTurnEnd(this);
  }
}

function toLatin1(bytes: Uint8Array): string {
  const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return buffer.toString('latin1');
}

const isBroken = ({ destroyed, socket }: ServerResponse): boolean =>
  destroyed || (socket !== null && (socket.destroyed || socket.errored !== null));
