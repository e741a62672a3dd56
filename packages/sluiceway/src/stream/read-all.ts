import type { ChunkSource } from './chunk-source.js';

/** Reads content into memory. Rejects with its error, or with that of `toTooLongError` if it has more than `maxBytes`. */
export function readAll(source: ChunkSource, maxBytes: number, toTooLongError: () => Error): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    source.start({
      chunk(chunk, done) {
        bytes += chunk.length;
        if (bytes <= maxBytes) chunks.push(Buffer.from(chunk));
        done();
        if (bytes <= maxBytes) return;
        source.cancel();
        reject(toTooLongError());
      },
      end: () => resolve(Buffer.concat(chunks)),
      fail: reject,
    });
  });
}
