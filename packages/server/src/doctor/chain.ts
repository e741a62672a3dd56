import { randomBytes } from 'node:crypto';
import type { Exchange, ExchangeOptions } from './exchange.js';
import { Http1Exchange } from './http1-exchange.js';
import { Http2Exchange } from './http2-exchange.js';
import type { Observation, Report } from './origin/observation.js';
import { formatScript, type Script, type ScriptOptions } from './origin/script.js';

export interface ChainOptions {
  /** The URL under which the echo origin, or the file, is reached. */
  base: URL;
  /** Field lines for every request, such as `Authorization`. */
  fields: Readonly<Record<string, string>>;
  /** Accepts any certificate. */
  insecure: boolean;
  /** What the doctor speaks to the chain. */
  protocol: Protocol;
}

/** Names of protocols, as ALPN has them. */
export type Protocol = 'http/1.1' | 'h2';

type OpenOptions = Omit<ExchangeOptions, 'url' | 'insecure' | 'seed'> & { suffix?: string };

/** How long the chain has for a request that asks for nothing special. */
const ANSWER_MS = 4000;
const ASK_ATTEMPTS = 3;

/** Something that should have been tested could not be. The message says why. */
export class NotTested extends Error {
  override readonly name = 'NotTested';
}

/** A chain of proxies as the doctor uses it: from one URL to the origin. */
export class Chain {
  readonly base: URL;
  readonly fields: Readonly<Record<string, string>>;
  readonly insecure: boolean;
  readonly protocol: Protocol;
  readonly #open = new Set<Exchange>();
  readonly #run = randomBytes(5).toString('hex');
  #count = 0;
  #http2: Chain | null = null;

  constructor({ base, fields, insecure, protocol }: ChainOptions) {
    this.base = base;
    this.fields = fields;
    this.insecure = insecure;
    this.protocol = protocol;
  }

  /** The same chain, over HTTP/2. It is closed with this one. */
  get http2(): Chain {
    const { base, fields, insecure } = this;
    this.#http2 ??= new Chain({ base, fields, insecure, protocol: 'h2' });
    return this.#http2;
  }

  /** A name that no request has had. */
  newId(): string {
    this.#count += 1;
    return `${this.#run}-${this.#count}`;
  }

  /** The URL of a request to the echo origin. */
  urlOf(script: Script, suffix = ''): URL {
    const url = new URL(this.base);
    url.pathname = `${url.pathname.replace(/\/$/, '')}${formatScript(script)}${suffix}`;
    return url;
  }

  /** Sends a request for seeded content to the echo origin. */
  content(id: string, script: ScriptOptions, options: OpenOptions = {}): Exchange {
    const { suffix, ...rest } = options;
    const url = this.urlOf({ ...script, id, action: 'content' }, suffix);
    return this.open({ ...rest, url, seed: id });
  }

  /** Sends any request. It is closed with the chain. */
  open(options: Omit<ExchangeOptions, 'insecure'>): Exchange {
    return this.protocol === 'h2' ? this.#add(Http2Exchange, options) : this.openHttp1(options);
  }

  /** Sends a request in HTTP/1.1, whatever the protocol of the others. */
  openHttp1(options: Omit<ExchangeOptions, 'insecure'>): Http1Exchange {
    return this.#add(Http1Exchange, options);
  }

  #add<T extends Exchange>(
    Type: new (options: ExchangeOptions) => T,
    options: Omit<ExchangeOptions, 'insecure'>,
  ): T {
    const fields = { ...this.fields, ...options.fields };
    const exchange = new Type({ ...options, fields, insecure: this.insecure });
    this.#open.add(exchange);
    void exchange.ended.then(() => this.#open.delete(exchange));
    return exchange;
  }

  /** What the echo origin has seen of a probe. Throws `NotTested`. */
  async report(id: string): Promise<Observation[]> {
    const { requests } = (await this.#ask(id, 'report')) as Report;
    return requests;
  }

  /** Asks the origin until what it has seen satisfies the condition, at most for so long. */
  async seen(
    id: string,
    condition: (requests: readonly Observation[]) => boolean,
    timeoutMs: number,
  ): Promise<Observation[]> {
    const end = performance.now() + timeoutMs;
    for (;;) {
      const requests = await this.report(id);
      const left = end - performance.now();
      if (condition(requests) || left <= 0) return requests;
      await pause(Math.min(POLL_MS, left));
    }
  }

  /** Lets a held response go on. */
  async release(id: string): Promise<void> {
    await this.#ask(id, 'release');
  }

  /** Asks again on another connection if no answer comes: what the probes do can block a connection of the chain. */
  async #ask(id: string, action: 'report' | 'release'): Promise<unknown> {
    let problem = '';
    for (let attempt = 0; attempt < ASK_ATTEMPTS; attempt += 1) {
      // No cache answers or queues a URL that is new.
      this.#count += 1;
      const url = this.urlOf({ id, action }, `/q=${this.#count}`);
      const exchange = this.open({ url, keep: MAX_REPORT_BYTES });
      const { how, code } = await exchange.finish(ANSWER_MS);
      const { head } = exchange;
      if (how === 'complete' && head?.status === 200) {
        try {
          return JSON.parse(exchange.beginning.toString());
        } catch {
          problem = 'it is not whole';
        }
      } else problem = head === null ? (code ?? 'no response') : `status ${head.status}`;
    }
    throw new NotTested(`the origin's report did not arrive: ${problem}`);
  }

  /** Closes what is still open. */
  close(): void {
    for (const exchange of this.#open) exchange.leave();
    this.#http2?.close();
  }
}

const POLL_MS = 100;
const MAX_REPORT_BYTES = 4 * 1024 * 1024;

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
