import type { ClientExchange, ResponseHead } from '../../downstream/exchange.js';
import type { SluicewayError } from '../../errors.js';
import { plainAddress } from '../../http/forwarded.js';
import { hostField } from '../../http/target.js';
import type { Target } from '../../upstream/target.js';
import type { Exchange } from '../../upstream/transport.js';
import { toIsoTime } from './iso-time.js';
import { toLogMessage } from './log-message.js';
import { RateSamples } from './rate-samples.js';
import { announcedLength, type RequestFacts } from './request-facts.js';
import type { LiveTransfer } from './transfer-record.js';
import { visibleReferer, visibleTarget } from './visible-url.js';

/** Most offsets of resumes that are kept. */
const MAX_OFFSETS = 16;

const NO_OFFSETS: readonly number[] = [];

/** What is known of a transfer: its messages, its counts and its times. */
export abstract class TransferFacts implements LiveTransfer {
  readonly id: string;
  requestId: string;
  readonly method: string;
  readonly path: string;
  readonly #hidePath: ((path: string) => string) | null;
  readonly #startedAt = Date.now();
  readonly #started = performance.now();
  /** The last exchange, and its target. */
  #asked: Exchange | null = null;
  #target: Target | null = null;
  /** Created when a rate is asked for. */
  #rates: RateSamples | null = null;
  #resumedAt: number[] | null = null;
  /** Null until the request has been read. */
  request: RequestFacts | null = null;
  readonly clientAddress: string | null;
  readonly httpVersion: string | null;
  status: number | null = null;
  upstreamHttpVersion: string | null = null;
  responseHeadMs: number | null = null;
  responseLength: number | null = null;
  firstByteMs: number | null = null;
  bytesDown = 0;
  bytesUp = 0;
  attempts = 0;
  resumes = 0;
  /** `bytesDown` when content was continued for the first time. */
  #bytesBeforeResume = 0;
  ifRangeRetries = 0;
  zeroCopy = false;
  /** Whether `zeroCopy` may become true. */
  readonly allowsZeroCopy: boolean;
  identity: string | null = null;
  /** Why the transfer cannot complete; the first reason stays. */
  error: SluicewayError | null = null;

  constructor(
    id: string,
    client: ClientExchange,
    hidePath: ((path: string) => string) | null,
    allowsZeroCopy: boolean,
  ) {
    this.id = id;
    this.requestId = id;
    this.method = client.method;
    const address = client.clientAddress;
    this.clientAddress = address === null ? null : plainAddress(address);
    // Hosts of the fetch adapter do not provide it.
    this.httpVersion = client.connection === null ? null : client.httpVersion;
    this.allowsZeroCopy = allowsZeroCopy;
    this.path = visibleTarget(client.originalUrl, hidePath);
    this.#hidePath = hidePath;
  }

  /** Records an upstream request. */
  protected asked(exchange: Exchange, target: Target): void {
    this.attempts += 1;
    this.carriedBy(exchange, target);
  }

  /** Records which upstream request is the current one. */
  protected carriedBy(exchange: Exchange, target: Target): void {
    this.#asked = exchange;
    this.#target = target;
  }

  /** Records that the head of the final upstream response has arrived. */
  receivedHead(httpVersion: string): void {
    this.upstreamHttpVersion = httpVersion;
    this.responseHeadMs = this.durationMs;
  }

  /** Records that broken content goes on. */
  resumed(): void {
    if (this.resumes === 0) this.#bytesBeforeResume = this.bytesDown;
    this.resumes += 1;
    this.#resumedAt ??= [];
    if (this.#resumedAt.length < MAX_OFFSETS) this.#resumedAt.push(this.bytesDown);
  }

  /** Records the head that is sent now. */
  sentHead({ status, headers }: Pick<ResponseHead, 'status' | 'headers'>): void {
    this.status = status;
    this.responseLength = announcedLength(headers);
    this.firstByteMs = this.durationMs;
  }

  get time(): string {
    return toIsoTime(this.#startedAt);
  }

  get durationMs(): number {
    return Math.round(performance.now() - this.#started);
  }

  get host(): string | null {
    return this.request?.host ?? null;
  }

  get forwardedFor(): string | null {
    const address = this.request?.forwarded.for ?? null;
    return address === this.clientAddress ? null : address;
  }

  get upstream(): string | null {
    if (this.#target === null) return null;
    const { protocol, host, address, port } = this.#target.base;
    return `${protocol}//${address === undefined ? host : hostField(address, port, protocol)}`;
  }

  get upstreamAddress(): string | null {
    return this.#asked?.remoteAddress?.() ?? null;
  }

  get connectMs(): number | null {
    const connectMs = this.#asked?.connectMs ?? null;
    return connectMs === null ? null : Math.round(connectMs);
  }

  get bytesResumed(): number {
    return this.resumes === 0 ? 0 : this.bytesDown - this.#bytesBeforeResume;
  }

  get resumedAt(): readonly number[] {
    return this.#resumedAt ?? NO_OFFSETS;
  }

  get userAgent(): string | null {
    return this.request?.headers.get('user-agent') ?? null;
  }

  get referer(): string | null {
    return visibleReferer(this.request?.headers.get('referer'), this.#hidePath);
  }

  get errorMessage(): string | null {
    return this.error === null ? null : toLogMessage(this.error.message);
  }

  get requestLength(): number | null {
    return announcedLength(this.request?.headers);
  }

  get rateDown(): number {
    return this.#readRates().down;
  }

  get rateUp(): number {
    return this.#readRates().up;
  }

  get etaMs(): number | null {
    if (this.status !== null) {
      if (this.responseLength === null || this.method === 'HEAD') return null;
      return timeFor(this.responseLength - this.bytesDown, this.rateDown);
    }
    return this.requestLength === null ? null : timeFor(this.requestLength - this.bytesUp, this.rateUp);
  }

  #readRates(): RateSamples {
    this.#rates ??= new RateSamples(this.#started);
    this.#rates.add(performance.now(), this.bytesDown, this.bytesUp);
    return this.#rates;
  }
}

/** How long bytes take at a rate, in milliseconds. Null: they do not move. */
function timeFor(bytes: number, rate: number): number | null {
  if (bytes <= 0) return 0;
  return rate === 0 ? null : Math.round((bytes * 1000) / rate);
}
