import type { Sink } from './sink.js';

export interface LineWriterOptions {
  /** The line that takes the place of dropped lines. */
  formatDropped(lines: number): string;
  /** Called when lines cannot be written, and again when they can. */
  onChange(error: NodeJS.ErrnoException | null): void;
}

/** How long lines wait for others: one write for many lines costs a fraction of many writes. */
const GATHER_MS = 20;

/** A pipe whose reader is slow, and a disk that is full. */
const RETRY_FULL_PIPE_MS = 20;
const RETRY_ERROR_MS = 1000;

/**
 * Writes lines in the background, many at a time and always whole lines, so that several processes can
 * append to one file. If the reader or the disk is slow, lines wait in bounded memory; further ones are dropped and counted.
 */
export class LineWriter {
  readonly #options: LineWriterOptions;
  /** Most characters that wait. More lines are dropped. */
  maxPending = Number.POSITIVE_INFINITY;
  #sink: Sink;
  #next: Sink | null = null;
  #lines: string[] = [];
  #pending = 0;
  #dropped = 0;
  #droppedInAll = 0;
  /** What is being written, and how much of it is. */
  #batch: Buffer | null = null;
  #written = 0;
  #isWriting = false;
  #timer: NodeJS.Timeout | null = null;
  #hasFailed = false;
  readonly #onIdle: (() => void)[] = [];

  constructor(sink: Sink, options: LineWriterOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  /** Lines that were dropped so far. */
  get dropped(): number {
    return this.#droppedInAll;
  }

  /** `line` has no line end. */
  write(line: string): void {
    if (this.#pending + line.length > this.maxPending) {
      this.#dropped += 1;
      this.#droppedInAll += 1;
      return;
    }
    if (this.#dropped > 0) this.#tellDropped();
    this.#add(line);
    if (this.#isWriting || this.#timer !== null) return;
    this.#timer = setTimeout(() => this.#start(), GATHER_MS);
  }

  /** Writes to another sink from the next write on. Lines that are being written are finished on the old one. */
  replace(sink: Sink): void {
    this.#next?.close();
    this.#next = sink;
    if (this.#batch === null) this.#adopt();
  }

  /** Closes the sinks. Nothing may be written afterwards. */
  discard(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#lines = [];
    this.#sink.close();
    this.#next?.close();
  }

  /** Resolves when all lines so far are written, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.#isIdle) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (!this.#isWriting) this.#start();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onIdle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Writes what is left when the process ends. Gives up if that would block. */
  flushSync(): void {
    if (this.#dropped > 0) this.#tellDropped();
    const rest = Buffer.from(this.#lines.map((line) => `${line}\n`).join(''));
    // What is being written in the background is not written twice.
    const batch = this.#batch === null || this.#isWriting ? [] : [this.#batch.subarray(this.#written)];
    this.#lines = [];
    const bytes = Buffer.concat([...batch, rest]);
    if (bytes.length === 0) return;
    try {
      this.#sink.writeSync(bytes);
    } catch {
      // The reader is gone, or does not read.
    }
  }

  get #isIdle(): boolean {
    return this.#batch === null && this.#lines.length === 0;
  }

  #add(line: string): void {
    this.#lines.push(line);
    this.#pending += line.length;
  }

  #tellDropped(): void {
    const lines = this.#dropped;
    this.#dropped = 0;
    this.#add(this.#options.formatDropped(lines));
  }

  #start(): void {
    this.#timer = null;
    if (this.#batch === null) this.#take();
    if (this.#batch === null) {
      for (const settle of this.#onIdle.splice(0)) settle();
      return;
    }
    this.#isWriting = true;
    this.#sink.write(this.#batch, this.#written, (error, bytes) => this.#onWritten(error, bytes));
  }

  /** Takes whole lines for one write. */
  #take(): void {
    const { maxBatch } = this.#sink;
    let count = 0;
    let size = 0;
    for (const line of this.#lines) {
      if (count > 0 && size + line.length + 1 > maxBatch) break;
      size += line.length + 1;
      count += 1;
    }
    if (count === 0) return;
    const lines = this.#lines.splice(0, count);
    this.#pending -= size - count;
    this.#batch = Buffer.from(`${lines.join('\n')}\n`);
    this.#written = 0;
  }

  #onWritten(error: NodeJS.ErrnoException | null, bytes: number): void {
    this.#isWriting = false;
    if (error !== null) {
      this.#onError(error);
      return;
    }
    if (this.#hasFailed) {
      this.#hasFailed = false;
      this.#options.onChange(null);
    }
    this.#written += bytes;
    if (this.#batch !== null && this.#written >= this.#batch.length) {
      this.#batch = null;
      if (this.#next !== null) this.#adopt();
    }
    this.#start();
  }

  #onError(error: NodeJS.ErrnoException): void {
    const isFullPipe = error.code === 'EAGAIN';
    if (!isFullPipe && !this.#hasFailed) {
      this.#hasFailed = true;
      this.#options.onChange(error);
    }
    if (!isFullPipe && this.#next !== null) {
      // The rest goes to the new file, from the beginning of a line that is written in part.
      this.#written = lineStart(this.#batch, this.#written);
      this.#adopt();
    }
    this.#timer = setTimeout(() => this.#start(), isFullPipe ? RETRY_FULL_PIPE_MS : RETRY_ERROR_MS);
    // A process that is done does not wait for a full disk.
    this.#timer.unref();
  }

  #adopt(): void {
    if (this.#next === null) return;
    this.#sink.close();
    this.#sink = this.#next;
    this.#next = null;
  }
}

/** The beginning of the line that `at` is in. */
function lineStart(batch: Buffer | null, at: number): number {
  return batch === null || at === 0 ? 0 : batch.lastIndexOf('\n', at - 1) + 1;
}
