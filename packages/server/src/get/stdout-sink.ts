import type { Writable } from 'node:stream';
import type { Facts } from './facts.js';
import { diskError } from './get-error.js';
import type { DownloadSink } from './sink.js';

/** The last bytes are kept, to compare them when a broken download continues. */
const TAIL_BYTES = 64 * 1024;

/** Standard output. What is written cannot be taken back. */
export class StdoutSink implements DownloadSink {
  offset = 0;
  facts: Facts | null = null;
  readonly canReadAll = false;
  readonly #stream: Writable;
  #tail: Buffer = Buffer.alloc(0);

  constructor(stream: Writable) {
    this.#stream = stream;
  }

  get canRestart(): boolean {
    return this.offset === 0;
  }

  async restart(): Promise<void> {
    this.facts = null;
  }

  async note(facts: Facts): Promise<void> {
    this.facts = facts;
  }

  async read(position: number, length: number): Promise<Uint8Array | null> {
    const start = position - (this.offset - this.#tail.length);
    return start < 0 ? null : this.#tail.subarray(start, start + length);
  }

  async write(bytes: Uint8Array): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#stream.write(bytes, (error) => {
        if (error) reject(diskError('write', 'standard output', error));
        else resolve();
      });
    });
    this.offset += bytes.length;
    this.#tail = Buffer.concat([this.#tail, bytes.subarray(-TAIL_BYTES)]).subarray(-TAIL_BYTES);
  }

  readAll(): Promise<void> {
    throw new TypeError('What is written to standard output cannot be read');
  }

  async suspend(): Promise<void> {}

  async discard(): Promise<void> {}

  async complete(): Promise<string> {
    return '-';
  }
}
