import type { ChunkSource } from './chunk-source.js';

/**
 * Reads content that nobody wants, so that its connection can be used again; where it is longer than `maxBytes`,
 * the connection is given up instead.
 */
export function discard(source: ChunkSource, maxBytes: number): void {
  let bytes = 0;
  source.start({
    chunk(chunk, done) {
      bytes += chunk.length;
      done();
      if (bytes > maxBytes) source.cancel();
    },
    end() {},
    fail() {},
  });
}
