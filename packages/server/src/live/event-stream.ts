import { Readable } from 'node:stream';

/** What waits for a reader before events are dropped. */
const MAX_BUFFER_BYTES = 256 * 1024;

/**
 * Server-sent events (WHATWG HTML section 9.2) for one reader. A reader that is slower than the events gets none until it has
 * read what waits, and then everything again, so that memory is bounded.
 */
export class EventStream extends Readable {
  readonly #onReady: () => void;
  readonly #onClose: () => void;
  #hasStarted = false;
  #isFull = false;
  #hasMissed = false;

  /** `onReady` is called when the reader needs everything: at the start, and after events were dropped. */
  constructor(onReady: () => void, onClose: () => void) {
    super({ highWaterMark: MAX_BUFFER_BYTES });
    this.#onReady = onReady;
    this.#onClose = onClose;
  }

  /** Whether the reader can take everything now, and needs it. */
  get isWaiting(): boolean {
    return this.#needsWhole && !this.#isFull;
  }

  get #needsWhole(): boolean {
    return this.#hasMissed || !this.#hasStarted;
  }

  /** Sends everything: changes can follow. */
  startWith(bytes: Buffer): void {
    this.#hasMissed = false;
    this.#hasStarted = true;
    this.#isFull = !this.push(bytes);
  }

  /** Sends an event, unless the reader is too slow. */
  send(bytes: Buffer): void {
    if (this.#needsWhole) return;
    if (this.#isFull) this.#hasMissed = true;
    else this.#isFull = !this.push(bytes);
  }

  override _read(): void {
    this.#isFull = false;
    if (this.#needsWhole) this.#onReady();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#onClose();
    callback(error);
  }
}

/** Formats an event. JSON has no line breaks of its own. */
export const formatEvent = (type: string, id: number, data: unknown): Buffer =>
  Buffer.from(`event: ${type}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`);
