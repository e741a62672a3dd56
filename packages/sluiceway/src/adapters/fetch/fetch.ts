import { type Outcome, toSluicewayError } from '../../errors.js';
import { Checker } from '../../options/checker.js';
import type { HandleContext, KnownClient } from '../../proxy/messages/handle-context.js';
import type { Handler } from '../../proxy/messages/handler.js';
import { checkHandler } from '../../proxy/mount/handler.js';
import { makeSharingStreamer } from '../../proxy/mount/stream-from.js';
import { type FileUrl, Streamer } from '../../proxy/mount/streamer.js';
import type { StreamFromOptions } from '../../proxy/mount/streamer-options.js';
import { FrameworkError } from '../shared/framework-error.js';
import { FetchExchange } from './fetch-exchange.js';
import { findHostListener } from './host-listener.js';
import { openRequestContent } from './request-content.js';

/** What hooks find as `request.context`. */
export interface FetchContext<Host = unknown> {
  readonly request: Request;
  /** What the host gave beside the request: Next.js `{ params }`, an event, a loader's arguments. */
  readonly host: Host;
}

export interface FetchOptions<Host = unknown> {
  /**
   * Pass content on whose length the origin server does not tell (`Transfer-Encoding: chunked`, server-sent events).
   * Only on a host that breaks the connection where the stream of a response fails: others end it as if it were
   * whole, and a client takes a part of the file for all of it. Default false: such a response is refused with 502.
   */
  allowUndetectableTruncation?: boolean;
  /** Who the client is, which a `Request` does not tell, from fields or a host that are to be believed. Default: nobody knows. */
  client?: (request: Request, host: Host) => KnownClient | Promise<KnownClient>;
  /**
   * `answer`: a failure is answered with its status and a problem report. `throw`: one before the head rejects with the
   * `SluicewayError`. Default `answer`, unlike in the adapters of frameworks: these hosts have no error handler that reads
   * the status of an error, and most make a 500 of any.
   */
  errors?: 'answer' | 'throw';
}

/** As for `streamFrom` of `sluiceway`, and for `toFetch`. */
export interface FetchStreamFromOptions<Host = unknown>
  extends Omit<StreamFromOptions<FetchContext<Host>>, 'errors'>,
    FetchOptions<Host> {}

/** A handler in WHATWG's shape. Never rejects, but for `errors: 'throw'`. */
export type FetchHandler<Host = unknown> = (request: Request, host?: Host) => Promise<Response>;

type Serves = Handler & Required<Pick<Handler, 'serve'>>;

/** The methods that route handlers of Next.js, SvelteKit and Astro are named by. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

export type RouteHandlers<Host = unknown> = Record<
  (typeof METHODS)[number],
  (request: Request, host: Host) => Promise<Response>
>;

/**
 * Serves a proxy, a gateway, or what `stripPrefix` and `mount` make of them, on a host that takes a `Request` and
 * wants a `Response`. Content passes both ways while it arrives, as it is: nothing is decoded, length, ranges and
 * `Content-Encoding` stay. What such a host has no words for does not pass: trailers, interim responses, and upgrades,
 * which are answered as ordinary requests. Where Node's own pair of request and response can be had, use that.
 *
 * Throws an `OptionsError`.
 */
export function toFetch<Host = unknown>(
  handler: Handler<FetchContext<Host>>,
  options: FetchOptions<Host> = {},
): FetchHandler<Host> {
  const check = new Checker('toFetch');
  checkHandler(check, 'handler', handler);
  if (typeof handler?.serve !== 'function')
    check.problem('handler', 'must be able to serve requests that no server of Node’s has read (serve)');
  const settings = resolveOptions(check, check.group('', options as FetchOptions, OPTIONS));
  check.throwIfAny();
  // Checked above. Hooks are only ever called with the context that is made here.
  const serves = handler as unknown as Serves;
  return (request, host) =>
    respond((exchange, context) => serves.serve(exchange, context), settings, request, host);
}

/**
 * The same as the exports of a route file:
 * `export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = toRouteHandlers(proxy)`.
 */
export function toRouteHandlers<Host = unknown>(
  handler: Handler<FetchContext<Host>>,
  options?: FetchOptions<Host>,
): RouteHandlers<Host> {
  const serve = toFetch(handler, options);
  return Object.fromEntries(METHODS.map((method) => [method, serve])) as RouteHandlers<Host>;
}

const defaults: FetchStreamFromOptions = {};
const streams = new WeakMap<FetchStreamFromOptions, { streamer: Streamer; settings: FetchSettings }>();

/**
 * Answers a request with the file at `url`: as `streamFrom` of `sluiceway`, for a host that wants a `Response`, and
 * with the limits of `toFetch`. `options` can be what `createStreamer` returned: its options are checked when the
 * application starts, and it can be closed.
 */
export function streamFrom<Host = unknown>(
  request: Request,
  url: FileUrl,
  options: FetchStreamFromOptions<Host> | Streamer<FetchContext<Host>> = defaults,
  host?: Host,
): Promise<Response> {
  const { streamer, settings } = toStream(options);
  return respond((exchange, context) => streamer.serve(exchange, url, context), settings, request, host);
}

function toStream<Host>(options: FetchStreamFromOptions<Host> | Streamer<FetchContext<Host>>): {
  streamer: Streamer;
  settings: FetchSettings;
} {
  // Hooks are only ever called with the context of a call that had these options.
  if (options instanceof Streamer) {
    const { errors = 'answer' } = options;
    return { streamer: options, settings: { ...DEFAULT_SETTINGS, errors } };
  }
  const given = options as FetchStreamFromOptions;
  let stream = streams.get(given);
  if (stream === undefined) {
    const { allowUndetectableTruncation, client, errors, ...others } = given;
    const check = new Checker('streamFrom');
    const settings = resolveOptions(check, { allowUndetectableTruncation, client, errors });
    stream = { streamer: makeSharingStreamer(others as StreamFromOptions, check), settings };
    streams.set(given, stream);
  }
  return stream;
}

const OPTIONS = ['allowUndetectableTruncation', 'client', 'errors'] as const;

interface FetchSettings {
  allowsUnknownLength: boolean;
  client: FetchOptions['client'];
  errors: 'answer' | 'throw';
}

const DEFAULT_SETTINGS: FetchSettings = { allowsUnknownLength: false, client: undefined, errors: 'answer' };

type Given = { [Name in keyof FetchOptions]: FetchOptions[Name] | undefined };

function resolveOptions(
  check: Checker,
  { allowUndetectableTruncation, client, errors }: Given,
): FetchSettings {
  return {
    allowsUnknownLength: check.boolean('allowUndetectableTruncation', allowUndetectableTruncation, false),
    client: check.func('client', client, undefined),
    errors: check.oneOf('errors', errors, ['answer', 'throw'], 'answer'),
  };
}

async function respond(
  serve: (exchange: FetchExchange, context: HandleContext<FetchContext>) => Promise<Outcome>,
  { allowsUnknownLength, client: findClient, errors }: FetchSettings,
  request: Request,
  host: unknown,
): Promise<Response> {
  let client: KnownClient | undefined;
  try {
    client = await findClient?.(request, host);
  } catch (thrown) {
    return answerFailure(thrown, errors);
  }
  const content = await openRequestContent(request);
  const listener = findHostListener(request, host);
  const exchange = new FetchExchange(request, content, allowsUnknownLength, listener);
  const context: HandleContext<FetchContext> = {
    context: { request, host },
    errors,
    ...(client !== undefined && { client }),
  };
  const serving = async (): Promise<Outcome> => serve(exchange, context);
  serving().then(
    () => exchange.settle(),
    (error: unknown) => exchange.refuse(error),
  );
  return exchange.response;
}

/** What the function `client` throws is a failure before the response. */
function answerFailure(thrown: unknown, errors: FetchSettings['errors']): Response {
  const failure = toSluicewayError(thrown);
  if (errors === 'throw') throw failure;
  process.emitWarning(`client has failed: ${failure.message}`, 'SluicewayHandlerWarning');
  return new FrameworkError(failure).getResponse();
}
