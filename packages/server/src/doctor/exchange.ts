import { type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Duplex } from 'node:stream';
import { isSeeded } from '../demo/seeded-content.js';

/** Field lines, as received. */
export type FieldLines = readonly (readonly [name: string, value: string])[];

/** The longest response head that is read. */
const MAX_HEAD_BYTES = 256 * 1024;

export interface ExchangeOptions {
  url: URL;
  method?: string;
  /** Field lines to send; `Host` is set. */
  fields?: Readonly<Record<string, string>>;
  /** Length of request content, or `chunked`. Without it, the request has none. */
  content?: number | 'chunked';
  /** The seed of the response content, if it can be compared. */
  seed?: string;
  /** Accepts any certificate. */
  insecure?: boolean;
  /** How much of the content is kept in `beginning`. */
  keep?: number;
  /** Leaves the response content unread until `read` is called. */
  paused?: boolean;
}

export interface Head {
  status: number;
  reason: string;
  httpVersion: string;
  fields: FieldLines;
}

/** How the exchange has ended. */
export interface Ending {
  /** `complete`: as the framing says. `cut`: after the head. `failed`: before it. `left`: the doctor has left. */
  how: 'complete' | 'cut' | 'failed' | 'left';
  /** Code of the error, such as `ECONNRESET`. */
  code: string | null;
}

/**
 * A request to the chain on a connection of its own, and its response, observed. Nothing is kept of the content but the
 * first bytes.
 */
export class Exchange {
  head: Head | null = null;
  readonly interim: { status: number; fields: FieldLines }[] = [];
  /** Bytes of response content so far. */
  bytes = 0;
  /** Offset of the first byte that is not that of the origin; null if there is none. */
  firstWrongByte: number | null = null;
  trailers: FieldLines = [];
  ending: Ending | null = null;
  readonly ended: Promise<Ending>;
  readonly started: number = performance.now();
  /** When something was received last, in milliseconds of `performance.now()`. */
  lastReceived: number = performance.now();
  endedAt = 0;
  readonly request: ClientRequest;
  readonly #seed: string | undefined;
  readonly #keep: number;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  readonly #waiting = new Set<() => void>();
  #response: IncomingMessage | null = null;
  #tunnel: Duplex | null = null;
  #end: (ending: Ending) => void = () => {};

  constructor({
    url,
    method = 'GET',
    fields = {},
    content,
    seed,
    insecure = false,
    paused = false,
    keep = 4096,
  }: ExchangeOptions) {
    this.#seed = seed;
    this.#keep = keep;
    this.ended = new Promise((resolve) => {
      this.#end = (ending) => {
        if (this.ending !== null) return;
        this.ending = ending;
        this.endedAt = performance.now();
        resolve(ending);
        this.#changed();
      };
    });
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    this.request = send(url, {
      method,
      agent: false,
      maxHeaderSize: MAX_HEAD_BYTES,
      rejectUnauthorized: !insecure,
      headers: {
        'User-Agent': 'sluiceway-doctor',
        Accept: '*/*',
        ...fields,
        ...(typeof content === 'number' && { 'Content-Length': content }),
        ...(content === 'chunked' && { 'Transfer-Encoding': 'chunked' }),
      },
    });
    this.request.maxHeadersCount = 0;
    this.#observe(paused);
    if (content === undefined) this.request.end();
    else this.request.flushHeaders();
  }

  #observe(paused: boolean): void {
    const { request } = this;
    request.on('information', ({ statusCode, rawHeaders }) => {
      this.interim.push({ status: statusCode, fields: toLines(rawHeaders) });
      this.#received();
    });
    request.on('response', (response) => {
      this.#response = response;
      const { statusCode = 0, statusMessage = '', httpVersion, rawHeaders } = response;
      this.head = { status: statusCode, reason: statusMessage, httpVersion, fields: toLines(rawHeaders) };
      this.#received();
      response.on('error', (error: NodeJS.ErrnoException) => this.#fail('cut', error));
      response.on('end', () => {
        this.trailers = toLines(response.rawTrailers);
        this.#end({ how: response.complete ? 'complete' : 'cut', code: null });
      });
      response.on('close', () => this.#end({ how: 'cut', code: null }));
      if (!paused) this.read();
    });
    request.on('upgrade', (_response, socket) => {
      this.#tunnel = socket;
      this.#received();
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      // A server that has responded can close the connection while the request is being sent.
      if (this.#response === null) this.#fail('failed', error);
    });
    request.on('close', () => {
      if (this.#response === null) this.#end({ how: 'failed', code: null });
    });
  }

  #fail(how: 'cut' | 'failed', { code }: NodeJS.ErrnoException): void {
    this.#end({ how, code: code ?? null });
  }

  #received(): void {
    this.lastReceived = performance.now();
    this.#changed();
  }

  #changed(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Reads the response content, from now on. */
  read(): void {
    const response = this.#response;
    if (response === null || response.listenerCount('data') > 0) return void response?.resume();
    const at = contentOffset(this.head);
    response.on('data', (chunk: Buffer) => {
      const kept = chunk.subarray(0, this.#keep - this.#keptBytes);
      if (kept.length > 0) this.#kept.push(Buffer.from(kept));
      this.#keptBytes += kept.length;
      const offset = at + this.bytes;
      if (this.#seed !== undefined && this.firstWrongByte === null && !isSeeded(this.#seed, offset, chunk))
        this.firstWrongByte = offset;
      this.bytes += chunk.length;
      this.#received();
    });
  }

  pause(): void {
    this.#response?.pause();
  }

  /** Sends bytes of request content. Resolves when the kernel has accepted them, or with false if it cannot. */
  send(bytes: Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.request.destroyed || this.ending !== null) return resolve(false);
      const close = (): void => resolve(false);
      this.request.once('close', close);
      this.request.write(bytes, (error) => {
        this.request.off('close', close);
        resolve(!error);
      });
    });
  }

  /** Waits for a condition for so many milliseconds. The condition is tested when something has been received. */
  async until(condition: () => boolean, timeoutMs: number): Promise<boolean> {
    if (condition()) return true;
    return new Promise((resolve) => {
      const finish = (isTrue: boolean): void => {
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve(isTrue);
      };
      const check = (): void => {
        if (condition()) finish(true);
        else if (this.ending !== null) finish(false);
      };
      const timer = setTimeout(() => finish(condition()), timeoutMs);
      this.#waiting.add(check);
      check();
    });
  }

  /** Waits for the end; leaves after so many milliseconds without a byte. */
  async finish(idleMs: number): Promise<Ending> {
    for (;;) {
      if (this.ending !== null) return this.ending;
      const left = this.lastReceived + idleMs - performance.now();
      if (left <= 0) this.leave();
      else await this.until(() => this.ending !== null, left);
    }
  }

  /** The tunnel after a 101; null if another response comes, or none in time. */
  async upgraded(timeoutMs: number): Promise<Duplex | null> {
    await this.until(() => this.#tunnel !== null || this.head !== null, timeoutMs);
    return this.#tunnel;
  }

  /** Closes the connection. */
  leave(): void {
    this.#end({ how: 'left', code: null });
    this.request.destroy();
  }

  /** The beginning of the content. */
  get beginning(): Buffer {
    return Buffer.concat(this.#kept);
  }

  /** The value of a field of the response; null without one. */
  field(name: string): string | null {
    return fieldOf(this.head?.fields ?? [], name);
  }
}

export const fieldOf = (fields: FieldLines, name: string): string | null => {
  const values = fields
    .filter(([each]) => each.toLowerCase() === name.toLowerCase())
    .map(([, value]) => value);
  return values.length === 0 ? null : values.join(', ');
};

/** The offset at which the content of a part begins. */
function contentOffset(head: Head | null): number {
  const range = head?.status === 206 ? fieldOf(head.fields, 'content-range') : null;
  return Number(/^bytes (\d+)-/.exec(range ?? '')?.[1] ?? 0);
}

function toLines(raw: readonly string[]): FieldLines {
  const lines: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) lines.push([raw[i] ?? '', raw[i + 1] ?? '']);
  return lines;
}
