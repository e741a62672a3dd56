import { randomBytes } from 'node:crypto';
import { formatGoingAway, WebSocketFrameScanner } from '../../http/web-socket-frames.js';
import type { ChunkSink } from '../../stream/chunk-source.js';
import type { Tunnel } from '../../stream/tunnel.js';

/** Told what becomes of one direction. */
export interface DirectionEvents {
  /** The sender has ended, or has said Close after we have said it for it, and all of it is sent. */
  onEnd(): void;
  onBroken(): void;
}

/**
 * One direction of a WebSocket that passes through. `goAway` says Close (1001) in the name of the sender as soon as
 * the frame under way is over; what the sender still sends is dropped from there on, up to its own Close.
 */
export class WebSocketDirection implements ChunkSink {
  readonly #target: Tunnel;
  readonly #masked: boolean;
  readonly #events: DirectionEvents;
  readonly #scanner = new WebSocketFrameScanner();
  #isLeaving = false;
  #saidClose = false;
  #isOver = false;

  /** `masked` where the target is a server. */
  constructor(target: Tunnel, masked: boolean, events: DirectionEvents) {
    this.#target = target;
    this.#masked = masked;
    this.#events = events;
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    let at = 0;
    while (at < bytes.length && !this.#mustSayClose) at = this.#scanner.takeFrame(bytes, at);
    const passed = this.#saidClose ? 0 : at;
    if (passed === 0) done();
    else this.#target.write(bytes.subarray(0, passed), done);
    if (this.#mustSayClose) this.#sayClose();
    while (at < bytes.length) at = this.#scanner.takeFrame(bytes, at);
    if (this.#saidClose && this.#scanner.hasClosed) this.end();
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#target.end(() => this.#events.onEnd());
  }

  fail(): void {
    this.#events.onBroken();
  }

  goAway(): void {
    this.#isLeaving = true;
    if (this.#mustSayClose) this.#sayClose();
  }

  /** A sender that has said Close by itself has nothing more to say. */
  get #mustSayClose(): boolean {
    return (
      this.#isLeaving &&
      !this.#saidClose &&
      !this.#isOver &&
      this.#scanner.isBetweenFrames &&
      !this.#scanner.hasClosed
    );
  }

  #sayClose(): void {
    this.#saidClose = true;
    this.#target.write(formatGoingAway(this.#masked ? randomBytes(4) : null), () => {});
  }
}
