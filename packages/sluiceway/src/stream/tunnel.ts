import type { ChunkSource } from './chunk-source.js';
import type { Splice, SpliceGate, SpliceOffer } from './splice.js';

/** One side of a connection that has changed its protocol: bytes both ways (RFC 9110 section 7.8). */
export interface Tunnel {
  source: ChunkSource;
  /** Writes borrowed bytes, under the contract of `ChunkSink.chunk`. */
  write(bytes: Uint8Array, done: () => void): void;
  /**
   * Moves what is offered past this process, behind what was written. `gate` lets only some of it pass. Null, or no such
   * method: it has to be written.
   */
  splice?(offer: SpliceOffer, gate: SpliceGate | null): Splice | null;
  /** Half-close: nothing more will be written. Calls back when the other side has been sent all of it, end included. */
  end(onSent: () => void): void;
  /** Closes both directions at once; what was not sent by then is lost. */
  destroy(): void;
  /** As `destroy`, so that the other side can tell that it has not got everything. Default: `destroy`. */
  reset?(): void;
}
