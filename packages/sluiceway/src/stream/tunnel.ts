import type { ChunkSource } from './chunk-source.js';
import type { Splice, SpliceGate, SpliceOffer } from './splice.js';

/** One side of a connection that has switched protocols. Carries bytes both ways (RFC 9110 section 7.8). */
export interface Tunnel {
  source: ChunkSource;
  /** Writes borrowed bytes, under the contract of `ChunkSink.chunk`. */
  write(bytes: Uint8Array, done: () => void): void;
  /**
   * Lets the kernel move the offered content past this process, after earlier writes. `gate` limits how much passes at a
   * time. Null, or no such method: the content has to be written.
   */
  splice?(offer: SpliceOffer, gate: SpliceGate | null): Splice | null;
  /** Half-closes: nothing more will be written. Calls back when everything, including the end, has been sent. */
  end(onSent: () => void): void;
  /** Closes both directions at once. What is not sent yet is lost. */
  destroy(): void;
  /** Like `destroy`, but lets the other side detect that content is missing. Default: `destroy`. */
  reset?(): void;
}
