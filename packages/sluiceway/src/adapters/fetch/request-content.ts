import { requestContentError } from '../../downstream/checks.js';
import { SluicewayError } from '../../errors.js';
import type { ChunkSink, ChunkSource } from '../../stream/chunk-source.js';

/** Bytes lent at a time. The last chunk may exceed it. */
const MAX_LENT_BYTES = 256 * 1024;

/** How long a client may continue to send after its response. nginx's default. */
const DRAIN_MS = 30_000;

type Reader = ReadableStreamDefaultReader<Uint8Array>;
type Piece = Awaited<ReturnType<Reader['read']>>;

/** The content of a `Request`, before it is known whether it is needed. */
export interface FetchRequestContent {
  /** What other code has done to the content before. Null if nothing. */
  touch: string | null;
  /** Null if there is no content. */
  reader: Reader | null;
  /** The first piece, read to find out whether there is content. */
  first: Piece | null;
}

/**
 * Opens the content of a request. If the fields do not say whether there is any (HTTP/2 does not require that, and
 * hosts provide an empty stream without content), this waits for the first piece.
 */
export function openRequestContent(request: Request): FetchRequestContent | Promise<FetchRequestContent> {
  const { method, headers } = request;
  // WHATWG allows no content with these methods, and some hosts create an object on access to other properties.
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
    // The error occurs again when the content is read.
    () => ({ touch: null, reader, first: null }),
  );
}

/**
 * Discards unwanted content for a limited time: a client may read its response only after sending, and most hosts wait
 * until content that is being read has ended.
 */
export async function drainRequestContent({ reader }: FetchRequestContent): Promise<void> {
  if (reader === null) return;
  const timer = setTimeout(() => void reader.cancel().catch(() => {}), DRAIN_MS);
  try {
    while (!(await reader.read()).done);
  } catch {
    // The client has disconnected, which is an end too.
  } finally {
    clearTimeout(timer);
  }
}

/** Request content as a chunk source, read at the speed of the origin server. */
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
  /** Whether all of it has arrived. */
  isComplete = false;

  /** Content of a length other than `length` (null: unknown) fails, because some hosts end aborted content normally. */
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

  /** The rest stays unread: if it is cancelled, hosts close the connection, and with it the response. */
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
      this.#fail(new TypeError('The request content contains a chunk that is not bytes'));
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
