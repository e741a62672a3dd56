import type { ContentSink } from '../../downstream/exchange.js';

/** A chunk of which bytes are still to be handed over. */
interface Lent {
  bytes: Uint8Array;
  at: number;
  done: () => void;
}

/**
 * What is copied at a time: the host keeps its copies until they are written, and pieces of this size come from
 * memory that is used again, where larger ones would be fresh pages each time.
 */
const MAX_PIECE_BYTES = 256 * 1024;

/**
 * The last bytes of content of a known length are handed over when all of it has arrived. There are hosts that append
 * the text of an error to content whose stream fails; where few bytes are missing, that would make a file of the right
 * length out of it. More than any host appends.
 */
const HELD_BYTES = 1024;

/** What the stream of a broken response fails with: hosts log it, and some send its text to clients. */
const broken = (): Error => new Error('The response was broken off before its end');

const nothing = (): void => {};

/**
 * Response content as a byte stream for a host that reads it when it has use for it: nothing is queued, a borrowed
 * chunk is copied once, piece by piece, as it is asked for.
 */
export class ResponseStream implements ContentSink {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #onEnd: () => void;
  readonly #onFail: (error: Error) => void;
  readonly #onClose: (delivered: boolean) => void;
  readonly #lent: Lent[] = [];
  readonly #held: Uint8Array[] = [];
  #controller: ReadableByteStreamController | null = null;
  #isWanted = false;
  #hasEnded = false;
  /** Bytes that may be handed over before the end is there. */
  #free: number;

  /**
   * `length` of the content, null where it is not known. `onClose` is called once: when the host has taken everything,
   * or has given up; not after `breakOff`.
   */
  constructor(
    length: number | null,
    onEnd: () => void,
    onFail: (error: Error) => void,
    onClose: (delivered: boolean) => void,
  ) {
    this.#free = length === null ? Number.POSITIVE_INFINITY : Math.max(0, length - HELD_BYTES);
    this.#onEnd = onEnd;
    this.#onFail = onFail;
    this.#onClose = onClose;
    this.stream = new ReadableStream({
      type: 'bytes',
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => {
        this.#isWanted = true;
        this.#handOver();
      },
      cancel: () => this.#close(false),
    });
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    if (this.#controller === null || bytes.length === 0) {
      done();
      return;
    }
    const free = Math.min(bytes.length, this.#free);
    this.#free -= free;
    // A copy, because a source may want its chunk back before it tells the end.
    if (free < bytes.length) this.#held.push(new Uint8Array(bytes.subarray(free)));
    if (free === 0) done();
    else this.#lent.push({ bytes: bytes.subarray(0, free), at: 0, done });
    this.#handOver();
  }

  end(): void {
    this.#hasEnded = true;
    this.#onEnd();
    for (const bytes of this.#held.splice(0)) this.#lent.push({ bytes, at: 0, done: nothing });
    this.#handOver();
    this.#closeOnceTaken();
  }

  fail(error: Error): void {
    this.#onFail(error);
  }

  /** The head leaves with the response object, whose content comes later. */
  flushHead(): void {}

  /** The host is told that the rest will not come. */
  breakOff(): void {
    const controller = this.#controller;
    this.#controller = null;
    controller?.error(broken());
    this.#giveBack();
  }

  #handOver(): void {
    const [lent] = this.#lent;
    const controller = this.#controller;
    if (!this.#isWanted || lent === undefined || controller === null) return;
    this.#isWanted = false;
    const view = controller.byobRequest?.view ?? null;
    const piece = lent.bytes.subarray(lent.at, lent.at + (view?.byteLength ?? MAX_PIECE_BYTES));
    lent.at += piece.length;
    // Before, because the host may ask for more at once.
    const isTaken = lent.at === lent.bytes.length;
    if (isTaken) this.#lent.shift();
    if (view === null) {
      // Not `slice`, which of a Buffer is a view: the memory goes to the host.
      controller.enqueue(new Uint8Array(piece));
    } else {
      new Uint8Array(view.buffer, view.byteOffset, piece.length).set(piece);
      controller.byobRequest?.respond(piece.length);
    }
    if (isTaken) lent.done();
    this.#closeOnceTaken();
  }

  #closeOnceTaken(): void {
    const controller = this.#controller;
    if (!this.#hasEnded || this.#lent.length > 0 || controller === null) return;
    controller.close();
    // A reader that brought its own buffer waits for it.
    controller.byobRequest?.respond(0);
    this.#close(true);
  }

  #close(delivered: boolean): void {
    this.#controller = null;
    this.#giveBack();
    this.#onClose(delivered);
  }

  #giveBack(): void {
    for (const { done } of this.#lent.splice(0)) done();
  }
}
