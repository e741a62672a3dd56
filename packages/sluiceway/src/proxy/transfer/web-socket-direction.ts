import { randomBytes } from 'node:crypto';
import { formatGoingAway, WebSocketFrameScanner } from '../../http/web-socket-frames.js';
import type { ChunkSink } from '../../stream/chunk-source.js';
import type { Splice, SpliceOffer } from '../../stream/splice.js';
import type { Tunnel } from '../../stream/tunnel.js';

/** Smaller frames are cheaper to copy, many at a time, than to move one by one. */
const MIN_SPLICED_FRAME_BYTES = 16 * 1024;

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
  #splice: Splice | null = null;

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

  /** Whole frames may pass unseen, as long as it is known where they end. */
  splice(offer: SpliceOffer): Splice | null {
    if (this.#isLeaving || this.#target.splice === undefined) return null;
    const scanner = this.#scanner;
    const gate = {
      next: (head: Uint8Array): number => {
        const isUnderWay = !scanner.isBetweenFrames;
        const bytes = head.length === 0 ? 0 : scanner.measureFrame(head);
        return isUnderWay || bytes >= MIN_SPLICED_FRAME_BYTES ? bytes : 0;
      },
      taken: (bytes: number) => scanner.skip(bytes),
    };
    this.#splice = this.#target.splice(
      {
        source: offer.source,
        length: offer.length,
        onMoved: (bytes) => offer.onMoved(bytes),
        onWait: (side) => offer.onWait(side),
        onStopped: () => {
          this.#splice = null;
          offer.onStopped();
          if (this.#mustSayClose) this.#sayClose();
        },
      },
      gate,
    );
    return this.#splice;
  }

  goAway(): void {
    this.#isLeaving = true;
    // Bytes of a frame may be on their way past this process: they go first.
    if (this.#splice !== null) this.#splice.stop();
    else if (this.#mustSayClose) this.#sayClose();
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
