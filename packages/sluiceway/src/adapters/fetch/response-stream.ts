import type { ContentSink } from '../../downstream/exchange.js';

/** A chunk with bytes that are still to be delivered. */
interface Lent {
  bytes: Uint8Array;
  at: number;
  done: () => void;
}

/**
 * The size of copies. The host keeps them until they are written. Pieces of this size reuse memory; larger ones would
 * need new pages each time.
 */
const MAX_PIECE_BYTES = 256 * 1024;

/**
 * How many of the last bytes of content with a known length are held back until all of it has arrived. Some hosts
 * append an error message to content whose stream fails. With few bytes missing, the result would have the right
 * length. This is more than any host appends.
 */
const HELD_BYTES = 1024;

/** The error with which the stream of an aborted response fails. Hosts log it, and some send its text to clients. */
const broken = (): Error => new Error('The response was aborted before its end');

const nothing = (): void => {};

/**
 * Response content as a byte stream that the host pulls. Nothing is queued: a borrowed chunk is copied once, piece by
 * piece, as it is requested.
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
  /** Bytes that may be delivered before the end has arrived. */
  #free: number;

  /**
   * `length` of the content, null if unknown. `onClose` is called once, when the host has taken everything or has
   * cancelled; not after `breakOff`.
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
    // Copied, because a source can reuse its chunk before it reports the end.
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

  /** The head is sent with the response object, before its content. */
  flushHead(): void {}

  /** Tells the host that the rest will not arrive. */
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
    // Read before `enqueue`, because the host may immediately request more.
    const isTaken = lent.at === lent.bytes.length;
    if (isTaken) this.#lent.shift();
    if (view === null) {
      // Not `slice`, which is a view for a Buffer. The memory becomes the host's.
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
    // A reader with its own buffer waits for it.
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
