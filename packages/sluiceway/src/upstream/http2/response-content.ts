import type { ClientHttp2Stream } from 'node:http2';
import { SluicewayError } from '../../errors.js';
import type { Fields } from '../../http/fields.js';
import type { ChunkSink, ChunkSource } from '../../stream/chunk-source.js';
import { ReadableSource } from '../../stream/readable-source.js';

/** Chunks are copied, and so returned at once, while there is room. */
const MAX_LENT_BYTES = 16 * 1024;

export interface StreamOwner {
  /** All content has been delivered. */
  contentEnded(): void;
  /** The content has failed. Calls `fail` and ends the stream. */
  contentFailed(error: SluicewayError): void;
  contentCancelled(): void;
  /** The error of a stream that ended early. */
  streamError(): SluicewayError;
}

/** The content of a response, of exactly the length that its head announces. */
export class Http2Content implements ChunkSource {
  readonly #owner: StreamOwner;
  readonly #stream: ClientHttp2Stream;
  readonly #isEnded: () => boolean;
  readonly #length: number | null;
  #sink: ChunkSink | null = null;
  #source: ReadableSource | null = null;
  #failure: Error | null = null;
  received = 0;
  trailers: Fields | null = null;

  /** `isEnded` reports, once the stream has ended, whether the peer has ended it. `length` is null if it is unknown. */
  constructor(owner: StreamOwner, stream: ClientHttp2Stream, isEnded: () => boolean, length: number | null) {
    this.#owner = owner;
    this.#stream = stream;
    this.#isEnded = isEnded;
    this.#length = length;
  }

  get isStarted(): boolean {
    return this.#sink !== null;
  }

  /** Whether everything has arrived. A reset after the last byte does no harm. */
  get isWhole(): boolean {
    return this.#length === null ? this.#isEnded() : this.received === this.#length;
  }

  start(sink: ChunkSink): void {
    this.#sink = sink;
    if (this.#failure !== null) {
      sink.fail(this.#failure);
      return;
    }
    const source = new ReadableSource(this.#stream, {
      destroyOnCancel: false,
      maxLentBytes: MAX_LENT_BYTES,
      isWhole: () => this.isWhole,
      toError: () => this.#streamError(),
    });
    this.#source = source;
    source.start({
      chunk: (bytes, done) => {
        this.received += bytes.length;
        if (this.received <= (this.#length ?? Number.POSITIVE_INFINITY)) {
          sink.chunk(bytes, done);
          return;
        }
        done();
        this.#owner.contentFailed(this.#wrongLength());
      },
      end: () => {
        this.#owner.contentEnded();
        sink.end();
      },
      fail: (error) => this.#owner.contentFailed(error as SluicewayError),
    });
  }

  cancel(): void {
    this.#source?.cancel();
    this.#owner.contentCancelled();
  }

  /** Fails the sink, now or when the content is started. */
  fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#source?.cancel();
    this.#sink?.fail(error);
  }

  #streamError(): SluicewayError {
    const isShort = this.#isEnded() && this.received < (this.#length ?? 0);
    return isShort ? this.#wrongLength() : this.#owner.streamError();
  }

  #wrongLength(): SluicewayError {
    const message = `The content has ${this.received} bytes, but the head announced ${this.#length}`;
    return new SluicewayError('http_response_incomplete', message);
  }
}
