import type { ClientExchange, ClientRequest, ClientResponse } from '../../downstream/exchange.js';
import type { Outcome } from '../../errors.js';
import { Checker } from '../../options/checker.js';
import type { HandleContext } from '../messages/handle-context.js';
import { ReverseProxy } from '../proxy.js';
import { UrlSelector } from '../request/select-target.js';
import { resolveStreamerOptions, type StreamFromOptions } from './streamer-options.js';

/** Where a file is: its URL, or its URLs on several servers in the order in which they are asked. */
export type FileUrl = string | URL | readonly (string | URL)[];

/** What holds for one request: as the context of `handle` of a proxy, without what the URL says. */
export interface StreamCallOptions<Context = unknown>
  extends Omit<HandleContext<Context>, 'url' | 'mirrors'> {}

/**
 * Answers requests with files at URLs: a `streamFrom` whose options are checked once, and that can be closed. Made by
 * `createStreamer`.
 */
export class Streamer<Context = unknown> {
  readonly #proxy: ReverseProxy<Context>;
  /** The option `errors`, if it was given: adapters of frameworks have a default of their own. */
  readonly errors: 'answer' | 'throw' | undefined;

  constructor(proxy: ReverseProxy<Context>, errors: 'answer' | 'throw' | undefined) {
    this.#proxy = proxy;
    this.errors = errors;
  }

  /** Transfers under way. */
  get active(): number {
    return this.#proxy.active;
  }

  /**
   * Answers a request with the file at `url`, relayed while it arrives. Resolves with the outcome when the response has
   * ended one way or the other. Never rejects, except with `errors: 'throw'`: then a failure before the head rejects with
   * the `SluicewayError`, and nothing has been written.
   */
  handle(
    request: ClientRequest,
    response: ClientResponse,
    url: FileUrl,
    options: StreamCallOptions<Context> = {},
  ): Promise<Outcome> {
    return this.#proxy.handle(request, response, { ...options, ...toPlaces(url) });
  }

  /** As `handle`, for a request that no server of Node's has read. */
  serve(client: ClientExchange, url: FileUrl, options: StreamCallOptions<Context> = {}): Promise<Outcome> {
    return this.#proxy.serve(client, { ...options, ...toPlaces(url) });
  }

  /** Stops serving: running transfers may finish, and new requests get 503. Resolves when the last one has ended. */
  close(): Promise<void> {
    return this.#proxy.close();
  }

  /** Ends everything now; running transfers end visibly broken, with the outcome `shutdown`. */
  destroy(): void {
    this.#proxy.destroy();
  }
}

/**
 * Makes a `Streamer`, for a server that answers many requests with files at URLs:
 *
 *     const files = createStreamer({ timeouts: { responseHead: '5m' } });
 *     createServer((request, response) => void files.handle(request, response, urlOf(request)));
 *
 * All options are checked here: throws an `OptionsError` that lists every problem with its path. The rules are those of
 * `streamFrom`: by default the URL is taken for one that a user supplied. It has connections of its own, which `close`
 * and `destroy` end.
 */
export function createStreamer<Context = unknown>(
  options: StreamFromOptions<Context> = {},
): Streamer<Context> {
  return makeStreamer(options, new Checker('createStreamer'));
}

/** As `createStreamer`. `makeTransport` replaces the maker of the transport. */
export function makeStreamer<Context>(
  options: StreamFromOptions<Context>,
  check: Checker,
  makeTransport?: Parameters<typeof resolveStreamerOptions>[2],
): Streamer<Context> {
  // Hooks are only ever called with the context of a call of this streamer.
  const { settings, digest } = resolveStreamerOptions(options as StreamFromOptions, check, makeTransport);
  return new Streamer(new ReverseProxy<Context>(settings, new UrlSelector(digest)), options.errors);
}

/** What a context says of them. An empty list has none, which is refused as any other URL that is not valid. */
function toPlaces(url: FileUrl): Pick<HandleContext, 'url' | 'mirrors'> {
  if (typeof url === 'string' || url instanceof URL) return { url };
  const [first = '', ...mirrors] = url;
  return { url: first, mirrors };
}
