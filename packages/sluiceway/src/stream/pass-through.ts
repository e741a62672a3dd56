import type { Fields } from '../http/fields.js';
import type { ChunkSink, ChunkSource } from './chunk-source.js';
import type { Splice, SpliceOffer } from './splice.js';

/** A placeholder until the start: a source calls no sink before. */
const NO_SINK: ChunkSink = { chunk: (_, done) => done(), end: () => {}, fail: () => {} };

/**
 * A source that wraps another one and delivers the same content. Subclasses override single steps. Chunks pass
 * unchanged, with the source's `done`, unless a subclass replaces them.
 */
export abstract class PassThrough implements ChunkSource, ChunkSink {
  /** The wrapped source. */
  readonly source: ChunkSource;
  /** The sink that gets the content, from the start on. */
  protected sink: ChunkSink = NO_SINK;

  constructor(source: ChunkSource) {
    this.source = source;
  }

  get trailers(): Fields | null {
    return this.source.trailers;
  }

  start(sink: ChunkSink): void {
    this.sink = sink;
    this.source.start(this);
  }

  cancel(): void {
    this.source.cancel();
  }

  /** Called by the wrapped source, as `end` and `fail` are. */
  chunk(bytes: Uint8Array, done: () => void): void {
    this.sink.chunk(bytes, done);
  }

  end(): void {
    this.sink.end();
  }

  fail(error: Error): void {
    this.sink.fail(error);
  }

  /**
   * Passes on an offer of the wrapped source. Subclasses that do not need to see bytes, and at most count them, implement
   * `splice` with it.
   */
  protected passSplice(offer: SpliceOffer, onMoved: (bytes: number) => void = () => {}): Splice | null {
    return (
      this.sink.splice?.({
        source: offer.source,
        length: offer.length,
        flow: offer.flow,
        onMoved: (bytes) => {
          onMoved(bytes);
          offer.onMoved(bytes);
        },
        onWait: (what) => offer.onWait(what),
        onStopped: () => offer.onStopped(),
      }) ?? null
    );
  }

  /** Fails the content at a chunk, and does not deliver the chunk. */
  protected refuse(done: () => void, error: Error): void {
    this.source.cancel();
    done();
    this.fail(error);
  }
}
