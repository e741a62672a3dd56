import type { ChunkSource } from './chunk-source.js';

export interface DiscardLimits {
  maxBytes: number;
  maxMs: number;
}

/** Reading unneeded content up to these limits costs less than opening a new connection. */
export const DISCARD_LIMITS: DiscardLimits = { maxBytes: 64 * 1024, maxMs: 1000 };

/**
 * Reads content that is not needed, so that its connection can be reused. Above the limits, cancels it, which closes the
 * connection.
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
