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

/** The type of `request.context` in hooks. */
export interface FetchContext<Host = unknown> {
  readonly request: Request;
  /** What the host passed beside the request: Next.js `{ params }`, an event, a loader's arguments. */
  readonly host: Host;
}

export interface FetchOptions<Host = unknown> {
  /**
   * Relays content whose length the origin server does not send (`Transfer-Encoding: chunked`, server-sent events). Set
   * it only on a host that aborts the connection if the stream of a response fails. Other hosts end the response
   * normally, so a client would mistake a truncated file for a complete one. Default false: such a response is refused
   * with 502.
   */
  allowUndetectableTruncation?: boolean;
  /**
   * Returns the client, which a `Request` does not contain, from trusted fields or a trusted host. Default: the client
   * is unknown.
   */
  client?: (request: Request, host: Host) => KnownClient | Promise<KnownClient>;
  /**
   * `answer`: a failure is answered with its status and a problem report. `throw`: a failure before the head rejects
   * with the `SluicewayError`. Default `answer`, unlike the adapters for frameworks: these hosts have no error handler
   * that reads an error's status, and most answer 500.
   */
  errors?: 'answer' | 'throw';
}

/** The options of `streamFrom` of `sluiceway` and of `toFetch`. */
export interface FetchStreamFromOptions<Host = unknown>
  extends Omit<StreamFromOptions<FetchContext<Host>>, 'errors'>,
    FetchOptions<Host> {}

/** A WHATWG request handler. Never rejects, except with `errors: 'throw'`. */
export type FetchHandler<Host = unknown> = (request: Request, host?: Host) => Promise<Response>;

type Serves = Handler & Required<Pick<Handler, 'serve'>>;

/** The methods after which route handlers of Next.js, SvelteKit and Astro are named. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

export type RouteHandlers<Host = unknown> = Record<
  (typeof METHODS)[number],
  (request: Request, host: Host) => Promise<Response>
>;

/**
 * Serves a proxy, a gateway, or the result of `stripPrefix` or `mount` on a host that passes a `Request` and expects a
 * `Response`. Content is streamed unchanged in both directions: nothing is decoded, and length, ranges and
 * `Content-Encoding` stay. Trailers, interim responses and upgrades are not possible on such hosts; upgrades are
 * answered as ordinary requests. If Node's own request and response are available, use them instead.
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
    check.problem('handler', 'must have a serve method, for requests that are not from a Node server');
  const settings = resolveOptions(check, check.group('', options as FetchOptions, OPTIONS));
  check.throwIfAny();
  // Checked above. Hooks are called only with the context that is created here.
  const serves = handler as unknown as Serves;
  return (request, host) =>
    respond((exchange, context) => serves.serve(exchange, context), settings, request, host);
}

/**
 * The exports of a route file: `export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } =
 * toRouteHandlers(proxy)`.
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
 * Answers a request with the file at `url`, like `streamFrom` of `sluiceway`, as a `Response` and with the limits of
 * `toFetch`. `options` can be the result of `createStreamer`: its options are checked when the application starts, and
 * it can be closed.
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
  // Hooks are called only with the context of a call with these options.
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

/** An error of the function `client` is a failure before the response. */
function answerFailure(thrown: unknown, errors: FetchSettings['errors']): Response {
  const failure = toSluicewayError(thrown);
  if (errors === 'throw') throw failure;
  process.emitWarning(`client has failed: ${failure.message}`, 'SluicewayHandlerWarning');
  return new FrameworkError(failure).getResponse();
}
