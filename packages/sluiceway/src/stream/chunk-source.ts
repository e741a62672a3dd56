import type { Fields } from '../http/fields.js';
import type { Splice, SpliceOffer } from './splice.js';

// Where memory is used again, or freed, on the word of a write callback:
// - `ReadBuffer` (blocks of `BufferPool`, read into again or pooled), `GatheredSource` (blocks of the same pool) and
//   `ReadableSource` with `releaseChunks` (`releaseMemory`) act on `done`. All other sources leave their chunks to the
//   garbage collector, which may take them after `done` as well.
// - `ResponseSink`, `Http1Sink`, `SocketTunnel`, `RequestContentWriter` and the tunnel of `WireExchange` pass `done` to a write of a TCP
//   or TLS socket. Over TCP the callback comes when the operating system has the bytes, or, after `destroy` and
//   `resetAndDestroy`, when the descriptor is closed, so that nothing is sent any more. TLS encrypts within `write`, or copies
//   what it cannot encrypt yet (`TLSWrap::DoWrite`); the callback, which `destroy` brings forward, says nothing about
//   the bytes, and need not.
// - `Http2ContentWriter`, `Http2Tunnel` and `Http2RequestWriter` write to streams of HTTP/2, whose callback is no proof once
//   the stream is destroyed: `Http2Loans` calls `done` when the session's socket is done with the memory.
// - `RequestBody`, `TransformedSource`, `ResponseStream`, `Http1Sink` for small chunks, and `ResponseSink` under a wrapped
//   `write` copy what they pass on.

/**
 * Receives the content that a `ChunkSource` delivers: any number of chunks, then exactly one of `end` and
 * `fail`, and nothing after that.
 */
export interface ChunkSink {
  /**
   * Takes a **borrowed** chunk. Its bytes stay as they are until `done` is called, and may be overwritten from
   * that moment on, or freed: whoever keeps bytes longer copies them. `done` must be called once for each chunk (it may
   * be called before this function returns, and after the content has ended, failed or been cancelled), and only when
   * nothing can send the bytes any more: the callback of a write to an HTTP/2 stream that was destroyed is no proof of
   * that. A source never has more than a fixed number of bytes lent out, so a sink slows a source down by calling
   * `done` late.
   */
  chunk(bytes: Uint8Array, done: () => void): void;
  /** The content is complete; the source's `trailers` are final. Chunks may still be lent at this time. */
  end(): void;
  /** The content is broken off and will stay incomplete. Chunks may still be lent at this time. */
  fail(error: Error): void;
  /**
   * Asks whether the kernel may move what comes next, or some of it, past this process. Null: no, the content has to come
   * in chunks. No such method: the same.
   */
  splice?(offer: SpliceOffer): Splice | null;
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
