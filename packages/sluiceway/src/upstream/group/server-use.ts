import type { SluicewayError } from '../../errors.js';
import type { ConnectionLimit } from './connection-limit.js';
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

/** Decides whether another server may take over content. */
export interface Mover {
  mayMove(): boolean;
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
  readonly #limit: ConnectionLimit | null;
  /** Bytes that the transfer will have moved at the end; 0 if unknown. */
  #endsAt = 0;
  counted = 0;
  place = -1;
  /** Whether the request has been sent. */
  isSent = false;
  isAnswered = false;
  isOver = false;
  /**
   * Knows whether another server can have the rest. Null before the response is used. An object, not a function: V8
   * allocates a function literal that is assigned to a property in the old generation, and the transfer would survive minor
   * garbage collections with it.
   */
  mover: Mover | null = null;

  /** `limit`: null if the connections of the proxy are not limited. */
  constructor(server: Server, progress: Progress, limit: ConnectionLimit | null) {
    this.server = server;
    this.#progress = progress;
    this.#limit = limit;
    server.add(this);
    limit?.add(server);
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
    if (this.isOver) return;
    this.isOver = true;
    this.#limit?.remove(this.server);
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
    return this.mover?.mayMove() === true && this.#progress.resumedContent?.interrupt(error) === true;
  }
}
