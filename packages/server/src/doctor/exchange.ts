import type { Writable } from 'node:stream';
import { isSeeded } from '../demo/seeded-content.js';

/** Field lines, as received. */
export type FieldLines = readonly (readonly [name: string, value: string])[];

export interface ExchangeOptions {
  url: URL;
  method?: string;
  /** Field lines to send; `Host` is set. */
  fields?: Readonly<Record<string, string>>;
  /** Length of request content, or `chunked`. Without it, the request has none. */
  content?: number | 'chunked';
  /** The seed of the response content, if it can be compared. */
  seed?: string;
  /** Accepts any certificate. */
  insecure?: boolean;
  /** How much of the content is kept in `beginning`. */
  keep?: number;
  /** Leaves the response content unread until `read` is called. */
  paused?: boolean;
}

export interface Head {
  status: number;
  httpVersion: string;
  fields: FieldLines;
}

/** How the exchange has ended. */
export interface Ending {
  /** `complete`: as the framing says. `cut`: after the head. `failed`: before it. `left`: the doctor has left. */
  how: 'complete' | 'cut' | 'failed' | 'left';
  /** Code of the error, such as `ECONNRESET`. */
  code: string | null;
}

/**
 * A request to the chain on a connection of its own, and its response, observed. Nothing is kept of the content but the
 * first bytes. The protocol is that of the derived class.
 */
export abstract class Exchange {
  head: Head | null = null;
  readonly interim: { status: number; fields: FieldLines }[] = [];
  /** Bytes of response content so far. */
  bytes = 0;
  /** Offset of the first byte that is not that of the origin; null if there is none. */
  firstWrongByte: number | null = null;
  trailers: FieldLines = [];
  ending: Ending | null = null;
  readonly ended: Promise<Ending>;
  readonly started: number = performance.now();
  /** When something was received last, in milliseconds of `performance.now()`. */
  lastReceived: number = performance.now();
  endedAt = 0;
  readonly #seed: string | undefined;
  readonly #keep: number;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  readonly #waiting = new Set<() => void>();
  #resolve: (ending: Ending) => void = () => {};

  constructor({ seed, keep = 4096 }: ExchangeOptions) {
    this.#seed = seed;
    this.#keep = keep;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  /** Reads the response content, from now on. */
  abstract read(): void;

  /** Sends bytes of request content. Resolves when they are on their way, or with false if they cannot be sent. */
  abstract send(bytes: Uint8Array): Promise<boolean>;

  /** Ends the request content. */
  abstract endRequest(trailers?: Readonly<Record<string, string>>): void;

  /** Closes the connection. */
  abstract leave(): void;

  protected end(ending: Ending): void {
    if (this.ending !== null) return;
    this.ending = ending;
    this.endedAt = performance.now();
    this.#resolve(ending);
    this.#changed();
  }

  protected fail(how: 'cut' | 'failed', { code }: NodeJS.ErrnoException): void {
    this.end({ how, code: code ?? null });
  }

  protected received(): void {
    this.lastReceived = performance.now();
    this.#changed();
  }

  protected addInterim(status: number, fields: FieldLines): void {
    this.interim.push({ status, fields });
    this.received();
  }

  protected setHead(head: Head): void {
    this.head = head;
    this.received();
  }

  protected addContent(chunk: Buffer): void {
    const kept = chunk.subarray(0, this.#keep - this.#keptBytes);
    if (kept.length > 0) this.#kept.push(Buffer.from(kept));
    this.#keptBytes += kept.length;
    const offset = contentOffset(this.head) + this.bytes;
    if (this.#seed !== undefined && this.firstWrongByte === null && !isSeeded(this.#seed, offset, chunk))
      this.firstWrongByte = offset;
    this.bytes += chunk.length;
    this.received();
  }

  protected sendTo(request: Writable, bytes: Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      if (request.destroyed || this.ending !== null) return resolve(false);
      const close = (): void => resolve(false);
      request.once('close', close);
      request.write(bytes, (error) => {
        request.off('close', close);
        resolve(!error);
      });
    });
  }

  #changed(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Waits for a condition for so many milliseconds. The condition is tested when something has been received. */
  async until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    if (condition()) return true;
    return new Promise((resolve) => {
      const finish = (isTrue: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(isTrue);
      };
      const check = (): void => {
        if (condition()) finish(true);
        else if (this.ending !== null) finish(false);
      };
      const timer = setTimeout(() => finish(condition()), timeoutMs);
      this.#waiting.add(check);
      check();
    });
  }

  /** Waits for the end; leaves after so many milliseconds without a byte, of which none passed before the call. */
  async finish(idleMs: number): Promise<Ending> {
    const called = performance.now();
    for (;;) {
      if (this.ending !== null) return this.ending;
      const left = Math.max(called, this.lastReceived) + idleMs - performance.now();
      if (left <= 0) this.leave();
      else await this.until(() => this.ending !== null, left);
    }
  }

  /** The beginning of the content. */
  get beginning(): Buffer {
    return Buffer.concat(this.#kept);
  }

  /** The value of a field of the response; null without one. */
  field(name: string): string | null {
    return fieldOf(this.head?.fields ?? [], name);
  }
}

export const fieldOf = (fields: FieldLines, name: string): string | null => {
  const values = fields
    .filter(([each]) => each.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);
  return values.length === 0 ? null : values.join(', ');
};

/** The offset at which the content of a part begins. */
function contentOffset(head: Head | null): number {
  const range = head?.status === 206 ? fieldOf(head.fields, 'content-range') : null;
  return Number(/^bytes (\d+)-/.exec(range ?? '')?.[1] ?? 0);
}

export function toLines(raw: readonly string[]): FieldLines {
  const lines: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) lines.push([raw[i] ?? '', raw[i + 1] ?? '']);
  return lines;
}
