import { closeSync, write, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';

/** Where lines are written. */
export interface Sink {
  /** Most bytes of one write. */
  readonly maxBatch: number;
  /** Whether `write` calls `done` before it returns. */
  readonly isImmediate: boolean;
  /** Writes bytes from `at` on. `done` gets how many were written. */
  write(
    bytes: Buffer,
    at: number,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ): void;
  /** Writes at once, when the process ends. Throws if that would block. */
  writeSync(bytes: Buffer): void;
  close(): void;
}

/** A file descriptor. `owns`: it is closed with the sink. */
export class DescriptorSink implements Sink {
  readonly maxBatch: number;
  readonly isImmediate: boolean = false;
  protected readonly fd: number;
  readonly #owns: boolean;

  constructor(fd: number, owns: boolean, maxBatch: number) {
    this.fd = fd;
    this.#owns = owns;
    this.maxBatch = maxBatch;
  }

  write(
    bytes: Buffer,
    at: number,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ): void {
    write(this.fd, bytes, at, null, null, done);
  }

  writeSync(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(writeSync(this.fd, rest));
  }

  close(): void {
    if (!this.#owns) return;
    try {
      closeSync(this.fd);
    } catch {
      // It reports an error of an earlier write, such as a full disk.
    }
  }
}

/** POSIX keeps writes of up to PIPE_BUF bytes in one piece, even if several processes write to the pipe. */
export const PIPE_BUF = 4096;

/**
 * A pipe that never blocks. A direct write takes a fifth of the CPU time of one on another thread, and one write takes only
 * a few lines.
 */
export class PipeSink extends DescriptorSink {
  override readonly isImmediate = true;

  override write(
    bytes: Buffer,
    at: number,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ): void {
    let end = at;
    try {
      while (end < bytes.length) {
        const rest = bytes.subarray(end);
        end += writeSync(this.fd, rest, 0, wholeLines(rest, PIPE_BUF));
      }
    } catch (error) {
      // The next write gets the error if some bytes were written before it.
      if (end === at) {
        done(error as NodeJS.ErrnoException, 0);
        return;
      }
    }
    done(null, end - at);
  }
}

const LINE_END = 0x0a;

/** The size of whole lines that fit into `most` bytes, or of the first line if it does not. */
export function wholeLines(bytes: Buffer, most: number): number {
  if (bytes.length <= most) return bytes.length;
  const last = bytes.lastIndexOf(LINE_END, most - 1);
  const end = last >= 0 ? last : bytes.indexOf(LINE_END);
  return end >= 0 ? end + 1 : bytes.length;
}

/** A stream in place of a descriptor: `process.stderr` of an application that has replaced it. */
export class StreamSink implements Sink {
  readonly maxBatch = 64 * 1024;
  readonly isImmediate = false;
  readonly #stream: Writable;

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  write(
    bytes: Buffer,
    at: number,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ): void {
    this.#stream.write(bytes.subarray(at), (error) => done(error ?? null, bytes.length - at));
  }

  writeSync(bytes: Buffer): void {
    this.#stream.write(bytes);
  }

  close(): void {}
}
