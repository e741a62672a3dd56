import { closeSync, write, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';

/** Where lines are written. */
export interface Sink {
  /** Most bytes of one write. */
  readonly maxBatch: number;
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
  readonly #fd: number;
  readonly #owns: boolean;

  constructor(fd: number, owns: boolean, maxBatch: number) {
    this.#fd = fd;
    this.#owns = owns;
    this.maxBatch = maxBatch;
  }

  write(
    bytes: Buffer,
    at: number,
    done: (error: NodeJS.ErrnoException | null, written: number) => void,
  ): void {
    write(this.#fd, bytes, at, null, null, done);
  }

  writeSync(bytes: Buffer): void {
    let rest = bytes;
    while (rest.length > 0) rest = rest.subarray(writeSync(this.#fd, rest));
  }

  close(): void {
    if (!this.#owns) return;
    try {
      closeSync(this.#fd);
    } catch {
      // It reports an error of an earlier write, such as a full disk.
    }
  }
}

/** A stream in place of a descriptor: `process.stderr` of an application that has replaced it. */
export class StreamSink implements Sink {
  readonly maxBatch = 64 * 1024;
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
