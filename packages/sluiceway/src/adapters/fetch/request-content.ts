import { requestContentError } from '../../downstream/checks.js';
import { SluicewayError } from '../../errors.js';
import type { ChunkSink, ChunkSource } from '../../stream/chunk-source.js';

/** Bytes lent out at a time; the last chunk may go beyond. */
const MAX_LENT_BYTES = 256 * 1024;

/** How long a client may go on sending after its response. nginx's default. */
const DRAIN_MS = 30_000;

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Piece = Awaited<ReturnType<Reader['read']>>;

/** The content of a `Request`, before anybody knows whether it is wanted. */
export interface FetchRequestContent {
  /** What somebody has done to it before us; null where nobody has. */
  touch: string | null;
  /** Null where there is none to be had. */
  reader: Reader | null;
  /** What has been read to see whether there is any. */
  first: Piece | null;
}

/**
 * Opens the content of a request. Where its fields do not tell whether there is any (HTTP/2 needs none for that, and
 * hosts give an empty stream where there is none), the first of it is waited for.
 */
export function openRequestContent(request: Request): FetchRequestContent | Promise<FetchRequestContent> {
  const { method, headers } = request;
  // They have none in WHATWG's terms, and some hosts make an object of everything else that is asked for.
  if (method === 'GET' || method === 'HEAD') return { touch: null, reader: null, first: null };
  const { body } = request;
  if (request.bodyUsed) return { touch: 'was read before', reader: null, first: null };
  if (body === null) return { touch: null, reader: null, first: null };
  if (body.locked) return { touch: 'is being read by something else', reader: null, first: null };
  const reader = body.getReader();
  if (headers.has('content-length') || headers.has('transfer-encoding'))
    return { touch: null, reader, first: null };
  return reader.read().then(
    (first) => ({ touch: null, reader: first.done ? null : reader, first }),
    // It fails again where it is wanted.
    () => ({ touch: null, reader, first: null }),
  );
}

/**
 * Takes what nobody wants, for a while: a client that is sending may not look for its response before, and most hosts
 * wait for whoever has begun to read.
 */
export async function drainRequestContent({ reader }: FetchRequestContent): Promise<void> {
  if (reader === null) return;
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), DRAIN_MS);
  try {
    while (!(await reader.read()).done);
  } catch {
    // The client has left, which is an end too.
  } finally {
    clearTimeout(timer);
  }
}

/** Request content as a chunk source, read as fast as the origin server takes it. */
export class RequestContentSource implements ChunkSource {
  readonly trailers = null;
  readonly #reader: Reader;
  readonly #first: Piece | null;
  readonly #length: number | null;
  readonly #signal: AbortSignal;
  #sink: ChunkSink | null = null;
  #lent = 0;
  #received = 0;
  #isReading = false;
  /** All of it has come. */
  isComplete = false;

  /** A content of another length than `length` (null: unknown) fails: some hosts end what a client has broken off. */
  constructor(reader: Reader, first: Piece | null, length: number | null, signal: AbortSignal) {
    this.#reader = reader;
    this.#first = first;
    this.#length = length;
    this.#signal = signal;
  }

  start(sink: ChunkSink): void {
    this.#sink = sink;
    if (this.#first === null) this.#read();
    else this.#take(this.#first);
  }

  /** The rest stays unread: hosts close the connection when its content is cancelled, with the response on it. */
  cancel(): void {
    this.#sink = null;
  }

  #read(): void {
    if (this.#isReading || this.#sink === null || this.#lent >= MAX_LENT_BYTES) return;
    this.#isReading = true;
    this.#reader.read().then(
      (piece) => {
        this.#isReading = false;
        this.#take(piece);
      },
      (error: unknown) => this.#fail(failure(error)),
    );
  }

  #take({ done, value: bytes }: Piece): void {
    if (done) {
      this.#end();
    } else if (!(bytes instanceof Uint8Array)) {
      this.#fail(new TypeError('The request content holds something else than bytes'));
    } else {
      const { length } = bytes;
      this.#received += length;
      this.#lent += length;
      if (this.#length !== null && this.#received > this.#length) {
        this.#fail(new SluicewayError('http_request_error', 'The request content is longer than announced'));
        return;
      }
      this.#sink?.chunk(bytes, () => {
        this.#lent -= length;
        this.#read();
      });
      this.#read();
    }
  }

  #end(): void {
    if (this.#signal.aborted || (this.#length !== null && this.#received < this.#length)) {
      this.#fail(failure(new Error('The request content ended before its end')));
      return;
    }
    this.isComplete = true;
    const sink = this.#sink;
    this.#sink = null;
    sink?.end();
  }

  #fail(error: Error): void {
    const sink = this.#sink;
    this.#sink = null;
    sink?.fail(error);
  }
}

const failure = (thrown: unknown): SluicewayError =>
  requestContentError(thrown instanceof Error ? thrown : new Error(String(thrown)));
