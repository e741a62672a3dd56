import type { ClientExchange, ClientRequest, ClientResponse } from '../../downstream/exchange.js';
import type { Outcome } from '../../errors.js';
import type { LimitControl } from '../../limits/control.js';
import type { LimitRuleOptions } from '../../limits/rule-options.js';
import { Checker } from '../../options/checker.js';
import type { HandleContext } from '../messages/handle-context.js';
import { ReverseProxy } from '../proxy.js';
import { UrlSelector } from '../request/select-target.js';
import type { RunningTransfer, TransferWatcher, WatchOptions } from '../transfer/running-transfer.js';
import { resolveStreamerOptions, type StreamFromOptions } from './streamer-options.js';

/** The URL of a file, or its URLs on several servers in order of preference. */
export type FileUrl = string | URL | readonly (string | URL)[];

/** Options of one request: the context of a proxy's `handle` without the parts that the URL determines. */
export interface StreamCallOptions<Context = unknown>
  extends Omit<HandleContext<Context>, 'url' | 'mirrors'> {}

/**
 * Answers requests with files at URLs, like `streamFrom`, with options that are checked once. It can be closed. Created
 * by `createStreamer`.
 */
export class Streamer<Context = unknown> {
  readonly #proxy: ReverseProxy<Context>;
  /** The option `errors`, if given. Framework adapters have a different default. */
  readonly errors: 'answer' | 'throw' | undefined;

  constructor(proxy: ReverseProxy<Context>, errors: 'answer' | 'throw' | undefined) {
    this.#proxy = proxy;
    this.errors = errors;
  }

  /** The number of running transfers. */
  get active(): number {
    return this.#proxy.active;
  }

  /** The running transfers. Their members keep changing until they end. */
  transfers(): readonly RunningTransfer[] {
    return this.#proxy.transfers();
  }

  /** Tells a listener of changes of the running transfers, like `watch` of a proxy. */
  watch(options: WatchOptions, listener: TransferWatcher): () => void {
    return this.#proxy.watch(options, listener);
  }

  /** What the keys of `limits.rules` use now, and how to block one. */
  get limits(): LimitControl {
    return this.#proxy.limits;
  }

  /** Replaces `limits.rules`, for running transfers too, like `setLimits` of a proxy. */
  setLimits(rules: readonly LimitRuleOptions[]): void {
    this.#proxy.setLimits(rules);
  }

  /**
   * Answers a request with the file at `url`, streamed as it arrives. Resolves with the outcome when the response has
   * ended, successfully or not. Never rejects, except with `errors: 'throw'`: a failure before the head then rejects
   * with the `SluicewayError`, and nothing has been written.
   */
  handle(
    request: ClientRequest,
    response: ClientResponse,
    url: FileUrl,
    options: StreamCallOptions<Context> = {},
  ): Promise<Outcome> {
    return this.#proxy.handle(request, response, { ...options, ...toPlaces(url) });
  }

  /** Like `handle`, for a request that does not come from a Node server. */
  serve(client: ClientExchange, url: FileUrl, options: StreamCallOptions<Context> = {}): Promise<Outcome> {
    return this.#proxy.serve(client, { ...options, ...toPlaces(url) });
  }

  /** Stops serving: new requests get 503. Resolves when the last running transfer has ended. */
  close(): Promise<void> {
    return this.#proxy.close();
  }

  /** Aborts everything immediately. Running transfers are visibly incomplete and have the outcome `shutdown`. */
  destroy(): void {
    this.#proxy.destroy();
  }
}

/**
 * Creates a `Streamer`, for a server that answers many requests with files at URLs:
 *
 *     const files = createStreamer({ timeouts: { responseHead: '5m' } });
 *     createServer((request, response) => void files.handle(request, response, urlOf(request)));
 *
 * Checks all options: throws an `OptionsError` that lists every problem with its path. The rules are those of
 * `streamFrom`: by default, the URL is treated as supplied by a user. The streamer has its own connections, which
 * `close` and `destroy` end.
 */
export function createStreamer<Context = unknown>(
  options: StreamFromOptions<Context> = {},
): Streamer<Context> {
  return makeStreamer(options, new Checker('createStreamer'));
}

/** Like `createStreamer`. `makeTransport` creates the transport. */
export function makeStreamer<Context>(
  options: StreamFromOptions<Context>,
  check: Checker,
  makeTransport?: Parameters<typeof resolveStreamerOptions>[2],
): Streamer<Context> {
  // Hooks are called only with the context of a call of this streamer.
  const { settings, digest } = resolveStreamerOptions(options as StreamFromOptions, check, makeTransport);
  return new Streamer(new ReverseProxy<Context>(settings, new UrlSelector(digest)), options.errors);
}

/** Converts URLs to members of the context. An empty list has no URL and is refused as an invalid one. */
function toPlaces(url: FileUrl): Pick<HandleContext, 'url' | 'mirrors'> {
  if (typeof url === 'string' || url instanceof URL) return { url };
  const [first = '', ...mirrors] = url;
  return { url: first, mirrors };
}
