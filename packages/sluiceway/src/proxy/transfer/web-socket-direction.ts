import { randomBytes } from 'node:crypto';
import { formatGoingAway, WebSocketFrameScanner } from '../../http/web-socket-frames.js';
import type { ChunkSink } from '../../stream/chunk-source.js';
import type { Splice, SpliceOffer } from '../../stream/splice.js';
import type { Tunnel } from '../../stream/tunnel.js';

/** Smaller frames are cheaper to copy in batches than to move one by one. */
const MIN_SPLICED_FRAME_BYTES = 16 * 1024;

/** Called when one direction ends or breaks. */
export interface DirectionEvents {
  /** The sender has ended, or has sent its own Close after ours, and everything is sent. */
  onEnd(): void;
  onBroken(): void;
}

/**
 * One direction of a relayed WebSocket. `goAway` sends a Close (1001) in the sender's place after the current frame.
 * From then on, what the sender sends is dropped, up to its own Close.
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

  /** `masked`: the target is a server. */
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

  /** Lets the operating system move whole frames. The scanner still tracks where they end. */
  splice(offer: SpliceOffer): Splice | null {
    if (this.#isLeaving || this.#target.splice === undefined) return null;
    const scanner = this.#scanner;
    const gate = {
      next: (head: Uint8Array): number => {
        const isUnderWay = !scanner.isBetweenFrames;
        const bytes = scanner.measureFrame(head);
        return isUnderWay || bytes >= MIN_SPLICED_FRAME_BYTES ? bytes : 0;
      },
      taken: (bytes: number) => scanner.skip(bytes),
    };
    this.#splice = this.#target.splice(
      {
        source: offer.source,
        length: offer.length,
        flow: offer.flow,
        onMoved: (bytes) => offer.onMoved(bytes),
        onWait: (what) => offer.onWait(what),
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
    // The operating system may be moving the bytes of a frame: they have to be sent first.
    if (this.#splice !== null) this.#splice.stop();
    else if (this.#mustSayClose) this.#sayClose();
  }

  /** False if the sender has already sent a Close itself. */
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
