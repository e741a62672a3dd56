import { type Sink, wholeLines } from './sink.js';

export interface LineWriterOptions {
  /** The line that takes the place of dropped lines. */
  formatDropped(lines: number): string;
  /** Called when lines cannot be written, and again when they can. */
  onChange(error: NodeJS.ErrnoException | null): void;
}

const LINE_END = 0x0a;

/** How long lines wait for others: one write for many lines costs a fraction of many writes. */
const GATHER_MS = 20;

/** A full pipe. The time doubles while its reader takes nothing. */
const MIN_RETRY_PIPE_MS = 1;
const MAX_RETRY_PIPE_MS = 20;
/** Any other error, such as a full disk. */
const RETRY_ERROR_MS = 1000;

/** The size of a slab. */
const SLAB_BYTES = 64 * 1024;

/** Bytes of lines that wait: [start, end). */
interface Slab {
  readonly bytes: Buffer;
  start: number;
  end: number;
}

/**
 * Writes lines in the background, many at a time and always whole lines, so that several processes can
 * append to one file. If the reader or the disk is slow, lines wait in bounded memory; further ones are dropped and counted.
 */
export class LineWriter {
  readonly #options: LineWriterOptions;
  /** Most bytes that wait. More lines are dropped. */
  maxPending = Number.POSITIVE_INFINITY;
  #sink: Sink;
  #next: Sink | null = null;
  /**
   * Lines that wait, oldest first. They are encoded at once: a string that is made of many parts is a tree of them, which
   * costs more the longer it waits.
   */
  #slabs: Slab[] = [];
  #pending = 0;
  #dropped = 0;
  #droppedInAll = 0;
  /** What is being written, and how much of it is. */
  #batch: Buffer | null = null;
  #written = 0;
  #isWriting = false;
  #timer: NodeJS.Timeout | null = null;
  #hasFailed = false;
  #retryPipeMs = MIN_RETRY_PIPE_MS;
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
    this.#slabs = [];
    this.#sink.close();
    this.#next?.close();
  }

  /** Resolves when all lines so far are written, or after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.#isIdle) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onIdle.push(() => {
        clearTimeout(timer);
        resolve();
      });
      if (this.#timer !== null) clearTimeout(this.#timer);
      if (!this.#isWriting) this.#start();
    });
  }

  /** Writes what is left when the process ends. Gives up if that would block. */
  flushSync(): void {
    if (this.#dropped > 0) this.#tellDropped();
    const rest = this.#slabs.map(({ bytes, start, end }) => bytes.subarray(start, end));
    // What is being written in the background is not written twice.
    const batch = this.#batch === null || this.#isWriting ? [] : [this.#batch.subarray(this.#written)];
    this.#slabs = [];
    const bytes = Buffer.concat([...batch, ...rest]);
    if (bytes.length === 0) return;
    try {
      this.#sink.writeSync(bytes);
    } catch {
      // The reader is gone, or does not read.
    }
  }

  get #isIdle(): boolean {
    return this.#batch === null && this.#pending === 0;
  }

  #add(line: string): void {
    // A UTF-16 code unit takes up to three bytes of UTF-8.
    const room = line.length * 3 + 1;
    let slab = this.#slabs.at(-1);
    if (slab === undefined || slab.bytes.length - slab.end < room) {
      slab = { bytes: Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, room)), start: 0, end: 0 };
      this.#slabs.push(slab);
    }
    const begin = slab.end;
    slab.end += slab.bytes.write(line, begin);
    slab.bytes[slab.end] = LINE_END;
    slab.end += 1;
    this.#pending += slab.end - begin;
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
    const slab = this.#firstSlab();
    if (slab === undefined) return;
    const { bytes, start, end } = slab;
    const size = wholeLines(bytes.subarray(start, end), this.#sink.maxBatch);
    slab.start += size;
    this.#pending -= size;
    this.#batch = bytes.subarray(start, slab.start);
    this.#written = 0;
  }

  /** The first slab with lines. Nothing is being written, so an empty one can be filled again. */
  #firstSlab(): Slab | undefined {
    for (;;) {
      const [slab] = this.#slabs;
      if (slab === undefined || slab.start < slab.end) return slab;
      if (this.#slabs.length === 1) {
        slab.start = 0;
        slab.end = 0;
        return undefined;
      }
      this.#slabs.shift();
    }
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
    this.#retryPipeMs = MIN_RETRY_PIPE_MS;
    this.#written += bytes;
    if (this.#batch !== null && this.#written >= this.#batch.length) {
      this.#batch = null;
      if (this.#next !== null) this.#adopt();
    }
    // A write that is over at once must not keep the thread until nothing is left.
    if (this.#sink.isImmediate && !this.#isIdle) this.#timer = setTimeout(() => this.#start(), 1);
    else this.#start();
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
    this.#timer = setTimeout(() => this.#start(), isFullPipe ? this.#retryPipeMs : RETRY_ERROR_MS);
    if (isFullPipe) this.#retryPipeMs = Math.min(MAX_RETRY_PIPE_MS, this.#retryPipeMs * 2);
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
