import type { ChunkSource } from './chunk-source.js';

export interface DiscardLimits {
  maxBytes: number;
  maxMs: number;
}

/** Content that nobody wants is read, to keep its connection, for as long as that costs less than a new one. */
export const DISCARD_LIMITS: DiscardLimits = { maxBytes: 64 * 1024, maxMs: 1000 };

/**
 * Reads content that nobody wants, so that its connection can be used again; where it is longer or takes longer
 * than that is worth, the connection is given up instead.
 */
export function discard(source: ChunkSource, { maxBytes, maxMs }: DiscardLimits): void {
  let bytes = 0;
  const timer = setTimeout(() => source.cancel(), maxMs);
  source.start({
    chunk(chunk, done) {
      bytes += chunk.length;
      done();
      if (bytes <= maxBytes) return;
      clearTimeout(timer);
      source.cancel();
    },
    end: () => clearTimeout(timer),
    fail: () => clearTimeout(timer),
  });
}
