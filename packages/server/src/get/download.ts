import { setTimeout } from 'node:timers/promises';
import { statusError, toGetError, wrongDigest } from './answer-error.js';
import { ContentHash } from './content-hash.js';
import { GetError } from './get-error.js';
import { decideRequest, type Judgement, judge, type RestRequest, wholeFile } from './judge.js';
import type { Answer, Origin } from './origin.js';
import type { Pace } from './pace.js';
import type { DownloadSink } from './sink.js';

const BUFFER_BYTES = 1024 * 1024;
const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 8000;
/** Starts from the first byte, after which the server is taken to serve several files under one URL. */
const MAX_RESTARTS = 3;

/** What is told while a download runs. */
interface DownloadEvents {
  /** Called with each successful response, before its content is taken. Throws to refuse it. */
  onHead(answer: Answer, total: number | null): void | Promise<void>;
  onBytes(offset: number): void;
  /** The bytes of an earlier run are read, to verify their digest. */
  onHashing(bytes: number): void;
  /** The content was broken, and was continued. `resumes` counts all. */
  onResume(resumes: number, offset: number): void;
  onRetry(reason: string, delayMs: number): void;
  onRestart(reason: string): void;
}

export interface DownloadOptions {
  origin: Pick<Origin, 'ask'>;
  sink: DownloadSink;
  /** The digest that the user requires, as `sha256:<hex>`. Null: that of the response, if any. */
  digest: string | null;
  /** Whether a digest will be compared at the end: one that the user requires, or that of a checksum file. */
  hasDigest: boolean;
  retryForMs: number;
  /** Whether failures before the first response of the run are retried as well. */
  retriesStart: boolean;
  /** Whether a file that has changed is downloaded again from its start. */
  restarts: boolean;
  pace: Pace | null;
  signal: AbortSignal;
  events: DownloadEvents;
}

/** Downloads one file to a sink. Finds out how to continue after each failure. */
export class Download {
  readonly #options: DownloadOptions;
  readonly #signal: AbortSignal;
  readonly #sink: DownloadSink;
  #hash: ContentHash | null = null;
  #isVerifiedByLibrary = false;
  #wasContinued = false;
  #hasResponse = false;
  #restarts = 0;
  #failures = 0;
  #progressAt = performance.now();
  resumes = 0;
  /** Whether a digest has been compared. */
  isVerified = false;

  constructor(options: DownloadOptions) {
    this.#options = options;
    this.#signal = options.signal;
    this.#sink = options.sink;
  }

  /** Resolves when all bytes are in the sink, and are verified if a digest is known. Rejects with a `GetError`. */
  async run(): Promise<void> {
    do await this.#receive();
    while (!(await this.#verify()));
  }

  /** Resolves when all bytes are in the sink. */
  async #receive(): Promise<void> {
    for (;;) {
      const before = this.#sink.offset;
      try {
        const result = await this.#attempt();
        if (result === 'complete') return;
        if (result === 'partial' && this.#sink.offset <= before)
          throw new GetError('network', 'the server has sent nothing of the rest', { isTransient: true });
      } catch (error) {
        if (this.#signal.aborted) throw new GetError('interrupted', 'interrupted', { cause: error });
        const failure = toGetError(error, this.#digest);
        if (this.#sink.offset > before) this.#failures = 0;
        await this.#waitAfter(failure);
      }
    }
  }

  /** Sends one request, and takes what the response has. */
  async #attempt(): Promise<'complete' | 'partial' | 'restarted'> {
    const request = await this.#draftRequest();
    const answer = await this.#options.origin.ask(request, this.#signal);
    this.#signal.throwIfAborted();
    const judgement = this.#judge(request, answer);
    if (judgement.kind === 'refused') {
      await answer.cancel();
      throw statusError(answer);
    }
    if (judgement.kind === 'different') {
      await answer.cancel();
      await this.#restart(judgement.reason);
      return 'restarted';
    }
    if (judgement.kind === 'replaced') {
      try {
        await this.#restart(judgement.reason);
      } catch (error) {
        await answer.cancel();
        throw error;
      }
    }
    const { facts } = judgement;
    try {
      await this.#options.events.onHead(answer, facts.total);
      await this.#sink.note(facts);
      await this.#prepareHash(answer.status);
    } catch (error) {
      await answer.cancel();
      throw error;
    }
    this.#hasResponse = true;
    if (this.#sink.offset > 0) this.#wasContinued = true;
    await this.#copy(answer, judgement.kind === 'content' ? judgement.position : 0);
    return facts.total === null || this.#sink.offset === facts.total ? 'complete' : 'partial';
  }

  async #draftRequest(): Promise<RestRequest> {
    const { offset, facts } = this.#sink;
    const request = decideRequest(offset, facts, this.#options.hasDigest);
    if (request !== null) return request;
    await this.#restart('nothing that the server sent identifies the file', false);
    return wholeFile;
  }

  #judge(request: RestRequest, { status, headers }: Answer): Judgement {
    return judge(request, status, headers, this.#sink.facts, this.#options.hasDigest);
  }

  /**
   * Hashes all bytes if a digest is known, unless the library sees the whole file and verifies it. If that breaks, the
   * bytes so far are read from disk.
   */
  async #prepareHash(status: number): Promise<void> {
    const { offset } = this.#sink;
    this.#isVerifiedByLibrary = offset === 0 && status === 200 && this.#digest !== null;
    if (this.#digest === null || this.#hash !== null) return;
    if (this.#isVerifiedByLibrary && this.#sink.canReadAll) return;
    const hash = new ContentHash(this.#digest);
    if (offset > 0) {
      // Without the beginning, only the parts are verified.
      if (!this.#sink.canReadAll) return;
      this.#options.events.onHashing(offset);
      await this.#sink.readAll((bytes) => {
        this.#signal.throwIfAborted();
        hash.update(bytes);
      });
    }
    this.#hash = hash;
  }

  async #copy(answer: Answer, start: number): Promise<void> {
    if (answer.content === null) return;
    const { pace } = this.#options;
    const size = Math.min(BUFFER_BYTES, pace?.pieceBytes ?? BUFFER_BYTES);
    const reader = answer.content.getReader({ mode: 'byob' });
    let position = start;
    let buffer = new ArrayBuffer(size);
    let resumes = 0;
    try {
      for (;;) {
        const { done, value } = await this.#read(reader, buffer, answer);
        if (done) return;
        buffer = value.buffer;
        if (answer.resumes() > resumes) {
          this.resumes += answer.resumes() - resumes;
          resumes = answer.resumes();
          this.#options.events.onResume(this.resumes, position);
        }
        await this.#take(position, value);
        position += value.length;
        if (pace !== null) await pace.wait(value.length, this.#signal);
      }
    } catch (error) {
      await reader.cancel().catch(() => {});
      throw error;
    }
  }

  async #read(reader: ReadableStreamBYOBReader, buffer: ArrayBuffer, answer: Answer) {
    try {
      return await reader.read(new Uint8Array(buffer));
    } catch (error) {
      if (this.#signal.aborted) throw error;
      const record = await answer.ended;
      const isFinal = record.error === 'http_response_digest_mismatch';
      const what = record.errorMessage ?? 'the content was broken off';
      const digest = this.#digest;
      throw new GetError(
        isFinal ? 'digest' : 'network',
        isFinal && digest !== null ? wrongDigest(digest) : what,
        { cause: error, isTransient: !isFinal, discards: isFinal },
      );
    }
  }

  /** Compares bytes that are there, and appends the others. */
  async #take(position: number, bytes: Uint8Array): Promise<void> {
    const known = Math.min(bytes.length, Math.max(0, this.#sink.offset - position));
    if (known > 0) {
      const stored = await this.#sink.read(position, known);
      if (stored !== null && Buffer.compare(stored, bytes.subarray(0, known)) !== 0)
        await this.#restart('its bytes are different', true, true);
    }
    if (known === bytes.length) return;
    const rest = bytes.subarray(known);
    this.#hash?.update(rest);
    await this.#sink.write(rest);
    this.#progressAt = performance.now();
    this.#options.events.onBytes(this.#sink.offset);
  }

  /** Starts again from the first byte, or throws. */
  async #restart(reason: string, hasChanged = true, isInContent = false): Promise<void> {
    const { restarts, events } = this.#options;
    const what = hasChanged
      ? `the file has changed: ${reason}`
      : `the download cannot be continued: ${reason}`;
    this.#restarts += 1;
    if (!restarts || !this.#sink.canRestart || this.#restarts > MAX_RESTARTS)
      throw new GetError('changed', what);
    events.onRestart(what);
    this.#hash = null;
    await this.#sink.restart();
    if (isInContent) throw new GetError('changed', what, { isTransient: true });
  }

  async #waitAfter(failure: GetError): Promise<void> {
    const { retryForMs, retriesStart, events } = this.#options;
    if (failure.outcome === 'changed' && failure.isTransient) return;
    const mayRetry = failure.isTransient && retryForMs > 0 && (this.#hasResponse || retriesStart);
    if (!mayRetry) throw failure;
    const backoff = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** this.#failures);
    const delay = failure.retryAfterMs ?? backoff / 2 + (backoff / 2) * Math.random();
    if (performance.now() + delay - this.#progressAt > retryForMs) throw failure;
    this.#failures += 1;
    events.onRetry(failure.message, delay);
    try {
      await setTimeout(delay, undefined, { signal: this.#signal });
    } catch (error) {
      throw new GetError('interrupted', 'interrupted', { cause: error });
    }
  }

  /** Resolves with false if the content was wrong and is to be downloaded again. */
  async #verify(): Promise<boolean> {
    if (this.#hash === null) {
      this.isVerified = this.#isVerifiedByLibrary;
      return true;
    }
    this.isVerified = this.#hash.matches();
    if (this.isVerified) return true;
    const what = wrongDigest(this.#hash.digest);
    // A part of an earlier run may have been of another file, or damaged.
    if (!this.#wasContinued || this.#restarts > 0 || !this.#options.restarts || !this.#sink.canRestart)
      throw new GetError('digest', what, { discards: true });
    await this.#restart(what);
    return false;
  }

  /** The digest that the content must have. Null: none is known. */
  get #digest(): string | null {
    return this.#options.digest ?? this.#sink.facts?.digest ?? null;
  }
}
