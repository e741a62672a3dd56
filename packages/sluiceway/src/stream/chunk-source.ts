import type { Fields } from '../http/fields.js';
import type { Splice, SpliceOffer } from './splice.js';

// Where memory is reused or freed after a write callback:
// - `ReadBuffer` (blocks of `BufferPool`, read into again or pooled), `GatheredSource` (blocks of the same pool) and
//   `ReadableSource` with `releaseChunks` (`releaseMemory`) reuse or free memory on `done`. All other sources leave their
//   chunks to the garbage collector.
// - `ResponseSink`, `Http1Sink`, `SocketTunnel`, `RequestContentWriter` and the tunnel of `WireExchange` pass `done` to a
//   write of a TCP or TLS socket. Over TCP the callback comes when the operating system has the bytes, or, after
//   `destroy` and `resetAndDestroy`, when the descriptor is closed and nothing more is sent. TLS encrypts within `write`,
//   or copies what it cannot encrypt yet (`TLSWrap::DoWrite`), so the bytes are free before the callback, which `destroy`
//   may call early.
// - `Http2ContentWriter`, `Http2Tunnel` and `Http2RequestWriter` write to HTTP/2 streams. After a stream is destroyed, its
//   callback does not show that the bytes are free: `Http2Loans` calls `done` when the session's socket no longer needs
//   the memory.
// - `RequestBody`, `TransformedSource`, `ResponseStream`, `Http1Sink` for small chunks, and `ResponseSink` with a wrapped
//   `write` copy what they pass on.

/**
 * Receives the content that a `ChunkSource` delivers: any number of chunks, then exactly one of `end` and
 * `fail`, and nothing after that.
 */
export interface ChunkSink {
  /**
   * Takes a **borrowed** chunk. Its bytes do not change until `done` is called. From then on they may be overwritten or
   * freed: to keep bytes longer, copy them. Call `done` exactly once for each chunk. You can call it before this function
   * returns, and after the content has ended, failed or been cancelled, but only when nothing can send the bytes any
   * more: the write callback of a destroyed HTTP/2 stream does not show that. A source lends a limited number of bytes at
   * a time, so a sink slows a source down by calling `done` late.
   */
  chunk(bytes: Uint8Array, done: () => void): void;
  /** The content is complete, and the source's `trailers` are final. Chunks may still be lent. */
  end(): void;
  /** The content has broken off and stays incomplete. Chunks may still be lent. */
  fail(error: Error): void;
  /**
   * Offers the next content to the sink, so that the kernel moves it past this process. Null, or no such method: the
   * content has to come in chunks.
   */
  splice?(offer: SpliceOffer): Splice | null;
}

/** Content as it arrives, lent chunk by chunk. */
export interface ChunkSource {
  /** Starts the delivery, once. The sink may be called before this function returns. */
  start(sink: ChunkSink): void;
  /**
   * Cancels the delivery: closes what the source reads from, and does not call the sink again. Does nothing after `end` or
   * `fail`. Can be called without a start.
   */
  cancel(): void;
  /** Trailer fields, once the content has ended; null if there were none. */
  readonly trailers: Fields | null;
}

/** Empty content. */
export const emptySource: ChunkSource = {
  start: (sink) => sink.end(),
  cancel: () => {},
  trailers: null,
};

/** Content that is already in memory. */
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
