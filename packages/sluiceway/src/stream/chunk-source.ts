import type { Fields } from '../http/fields.js';

/**
 * Receives the content that a `ChunkSource` delivers: any number of chunks, then exactly one of `end` and
 * `fail`, and nothing after that.
 */
export interface ChunkSink {
  /**
   * Takes a **borrowed** chunk. Its bytes stay as they are until `done` is called, and may be overwritten from
   * that moment on: whoever keeps bytes longer copies them. `done` must be called once for each chunk (it may
   * be called before this function returns); a source never has more than a fixed number of bytes lent out, so
   * a sink slows a source down by calling `done` late.
   */
  chunk(bytes: Uint8Array, done: () => void): void;
  /** The content is complete; the source's `trailers` are final. Chunks may still be lent at this time. */
  end(): void;
  /** The content is broken off and will stay incomplete. Chunks may still be lent at this time. */
  fail(error: Error): void;
}

/** Content as it arrives, lent chunk by chunk. */
export interface ChunkSource {
  /** Starts the delivery, once. The sink may be called before this function returns. */
  start(sink: ChunkSink): void;
  /**
   * Gives up the delivery: what lies behind the source is closed, and the sink is not called again. Does
   * nothing after `end` or `fail`, and may be called without a start.
   */
  cancel(): void;
  /** Trailer fields once the content has ended; null where there were none. */
  readonly trailers: Fields | null;
}

/** Content of no bytes. */
export const emptySource: ChunkSource = {
  start: (sink) => sink.end(),
  cancel: () => {},
  trailers: null,
};

/** Content that is there already. */
export function singleChunk(bytes: Uint8Array): ChunkSource {
  let cancelled = false;
  return {
    trailers: null,
    start(sink) {
      sink.chunk(bytes, () => {});
      if (!cancelled) sink.end();
    },
    cancel() {
      cancelled = true;
    },
  };
}
