import type { Flow } from './flow.js';

interface Held {
  bytes: Uint8Array;
  done: () => void;
  /** Bytes that have passed. */
  passed: number;
}

/** Where content goes once it may pass. */
interface Passage {
  pass(bytes: Uint8Array, done: () => void): void;
  /** Content waits for the limits, and for nothing else. */
  heldBack(): void;
}

/** Holds borrowed chunks back until the limits of a flow let them pass. Passes a chunk in pieces if it has to. */
export class RateGate {
  readonly #flow: Flow;
  readonly #passage: Passage;
  /** Received chunks, oldest first. The first one is passed on piece by piece. */
  readonly #held: Held[] = [];
  /** Whether a piece of the first chunk is with the receiver. */
  #isPieceOut = false;
  #isClosed = false;
  #onEmpty: (() => void) | null = null;

  constructor(flow: Flow, passage: Passage) {
    this.#flow = flow;
    this.#passage = passage;
  }

  /** Whether content waits for the limits. */
  get isHolding(): boolean {
    return this.#held.length > 0 && !this.#isPieceOut;
  }

  chunk(bytes: Uint8Array, done: () => void): void {
    if (this.#isClosed) {
      done();
      return;
    }
    if (this.#held.length > 0) {
      this.#held.push({ bytes, done, passed: 0 });
      return;
    }
    const allowed = this.#flow.take(bytes.length);
    if (allowed === bytes.length) {
      this.#passage.pass(bytes, done);
      return;
    }
    this.#held.push({ bytes, done, passed: 0 });
    this.#advance(allowed);
  }

  /** Calls back once nothing is held, at the earliest now. Never after `close`: what was held has not passed. */
  whenEmpty(callback: () => void): void {
    if (this.#isClosed) return;
    if (this.#held.length === 0) callback();
    else this.#onEmpty = callback;
  }

  /** Returns the held chunks, except one of which the receiver has a piece: it is returned when that is. */
  close(): void {
    this.#isClosed = true;
    this.#onEmpty = null;
    this.#flow.stopWaiting();
    const held = this.#held.splice(this.#isPieceOut ? 1 : 0);
    for (const { done } of held) done();
  }

  /** Passes `allowed` bytes of the first chunk, or waits if it is 0. */
  #advance(allowed: number): void {
    const [first] = this.#held;
    if (first === undefined) return;
    if (allowed === 0) {
      const left = first.bytes.length - first.passed;
      this.#flow.wait(left, () => this.#advance(this.#flow.take(left)));
      this.#passage.heldBack();
      return;
    }
    const piece = first.bytes.subarray(first.passed, first.passed + allowed);
    first.passed += piece.length;
    this.#isPieceOut = true;
    this.#passage.pass(piece, () => this.#returned(first));
  }

  #returned(first: Held): void {
    this.#isPieceOut = false;
    const isOver = this.#isClosed || first.passed === first.bytes.length;
    if (isOver) {
      this.#held.shift();
      first.done();
    }
    if (this.#isClosed) return;
    const [next] = this.#held;
    if (next !== undefined) {
      this.#advance(this.#flow.take(next.bytes.length - next.passed));
      return;
    }
    const onEmpty = this.#onEmpty;
    this.#onEmpty = null;
    onEmpty?.();
  }
}
