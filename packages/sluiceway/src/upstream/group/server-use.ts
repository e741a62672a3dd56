import type { SluicewayError } from '../../errors.js';
import type { WatchedContent } from './rate-watch.js';
import type { Server } from './server.js';

/** The bytes that a transfer has moved so far. */
export interface Progress {
  readonly bytesDown: number;
  readonly bytesUp: number;
  readonly timeouts: { readonly waitsForUpstream: boolean };
  /** Content whose rest can be requested elsewhere. Null if there is none. */
  readonly resumedContent: { interrupt(error: SluicewayError): boolean } | null;
}

/**
 * The use of a server by a transfer, from the choice of the server to the end of its response: what the transfer still
 * expects of the server.
 */
export class ServerUse implements WatchedContent {
  readonly server: Server;
  /** When the server was chosen, as `performance.now`. */
  readonly beganAt: number = performance.now();
  readonly #progress: Progress;
  /** Bytes that the transfer will have moved at the end; 0 if unknown. */
  #endsAt = 0;
  counted = 0;
  place = -1;
  /** Whether the request has been sent. */
  isSent = false;
  isAnswered = false;
  isOver = false;
  /** Whether another server can have the rest. */
  mayMove: () => boolean = () => false;

  constructor(server: Server, progress: Progress) {
    this.server = server;
    this.#progress = progress;
    server.add(this);
  }

  get bytesLeft(): number {
    return this.#endsAt === 0 ? 0 : Math.max(0, this.#endsAt - this.bytesMoved);
  }

  /** The request is sent now. `contentLength`: the length of its content; null if there is none, or if it is unknown. */
  sent(contentLength: number | null): void {
    this.isSent = true;
    this.server.requests += 1;
    this.#expect(contentLength);
  }

  /** The response head has arrived. */
  answered(contentLength: number | null): void {
    this.isAnswered = true;
    this.#expect(contentLength);
  }

  /** The transfer no longer uses the server. Can be called again. */
  end(): void {
    this.isOver = true;
    this.server.remove(this);
  }

  #expect(bytes: number | null): void {
    this.#endsAt = bytes === null || bytes === 0 ? 0 : this.bytesMoved + bytes;
    this.server.recount(this);
  }

  get bytesMoved(): number {
    return this.#progress.bytesDown + this.#progress.bytesUp;
  }

  get waitsForServer(): boolean {
    return this.#progress.timeouts.waitsForUpstream;
  }

  move(error: SluicewayError): boolean {
    return this.mayMove() && this.#progress.resumedContent?.interrupt(error) === true;
  }
}
