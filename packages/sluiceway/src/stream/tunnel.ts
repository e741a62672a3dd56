import type { ChunkSource } from './chunk-source.js';

/** One side of a connection that has changed its protocol: bytes both ways (RFC 9110 section 7.8). */
export interface Tunnel {
  source: ChunkSource;
  /** Writes borrowed bytes, under the contract of `ChunkSink.chunk`. */
  write(bytes: Uint8Array, done: () => void): void;
  /** Half-close: nothing more will be written. */
  end(): void;
  /** Closes both directions at once; what was written before a half-close still goes out. */
  destroy(): void;
}
