import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Outcome } from '../../errors.js';
import { isMountPoint } from '../../http/prefix.js';
import type { HandleContext, KnownClient } from '../../proxy/messages/handle-context.js';
import type { Handler } from '../../proxy/messages/handler.js';
import { streamFrom as streamFromUrl } from '../../proxy/mount/stream-from.js';
import type { FileUrl, Streamer } from '../../proxy/mount/streamer.js';
import type { StreamFromOptions } from '../../proxy/mount/streamer-options.js';
import {
  type AdapterOptions,
  type AdapterSettings,
  guardResponse,
  resolveAdapter,
  serve,
} from '../shared/adapter.js';
import { FrameworkError } from '../shared/framework-error.js';
import { keepOwnFields } from '../shared/own-fields.js';
import { restoreContent } from '../shared/parsed-body.js';

/** What is needed of a request of Express 4 or 5: `Request` of its types is one. */
export interface ExpressRequest extends IncomingMessage {
  readonly app: { get(name: string): unknown };
  readonly baseUrl: string;
  readonly originalUrl?: string;
  readonly ip?: string | undefined;
  readonly protocol: string;
  body?: unknown;
  next?: ((error?: unknown) => void) | undefined;
}

export type ExpressHandler<Request extends ExpressRequest = ExpressRequest> = (
  request: Request,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => Promise<void>;

/**
 * A handler of Express 4 or 5 for a proxy, a gateway, or what `stripPrefix` and `mount` make of them:
 * `app.use('/files', toExpress(proxy))`. The path at which it is mounted is taken off, as Express does. Hooks find the
 * request of Express as `request.context`; `trust proxy` of the application decides who the client is. Failures
 * before the response go to `next`, since that is where Express applications answer errors, unless `errors` is `answer`.
 * Throws an `OptionsError` for options that are not valid.
 */
export function toExpress<Request extends ExpressRequest = ExpressRequest>(
  handler: Handler<Request>,
  options: AdapterOptions = {},
): ExpressHandler<Request> {
  const settings = resolveAdapter('toExpress', handler, options);
  return async function sluiceway(request, response, next) {
    try {
      await serve(handler, request, response, toContext(request, response, settings));
    } catch (error) {
      next(error);
    }
  };
}

/**
 * Answers a request of Express with the file at `url`, as `streamFrom` of `sluiceway` does. Give it what `createStreamer`
 * returned: its options are checked when the application starts, and it can be closed. Failures before the response go to
 * the application's error handler, unless `errors` is `answer`. Resolves with the outcome, and never rejects, so that it
 * need not be waited for.
 */
export async function streamFrom<Request extends ExpressRequest = ExpressRequest>(
  request: Request,
  response: ServerResponse,
  url: FileUrl,
  options: StreamFromOptions<Request> | Streamer<Request> = DEFAULTS,
): Promise<Outcome> {
  const { errors = 'throw' } = options;
  const context = toContext(request, response, { errors, reusesParsedBody: false });
  try {
    return await guardResponse(request, response, () =>
      streamFromUrl(request, response, url, options, context),
    );
  } catch (error) {
    request.next?.(error);
    return error instanceof FrameworkError ? error.outcome : 'internal';
  }
}

/** One object for all calls, so that they share a proxy. */
const DEFAULTS: StreamFromOptions = {};

function toContext<Request extends ExpressRequest>(
  request: Request,
  response: ServerResponse,
  { errors, reusesParsedBody }: AdapterSettings,
): HandleContext<Request> {
  const client = findClient(request);
  const content = reusesParsedBody ? restoreContent(request, request.body) : undefined;
  return {
    context: request,
    errors,
    mountPath: request.baseUrl,
    ...findTarget(request),
    onHead: ({ headers }) => keepOwnFields(response, headers),
    ...(client !== undefined && { client }),
    ...(content !== undefined && { content }),
  };
}

/** Middleware may leave no slash before the query, and Express puts one where `originalUrl` has none. */
function findTarget({
  url = '',
  originalUrl = url,
  baseUrl,
}: ExpressRequest): Pick<HandleContext, 'target' | 'isMountPoint'> {
  return {
    ...((url === '' || url.startsWith('?')) && { target: `/${url}` }),
    ...(isMountPoint(originalUrl, baseUrl) && { isMountPoint: true }),
  };
}

/** The client by the word of proxies that the application trusts; undefined where it does not trust the peer. */
export function findClient(request: ExpressRequest): KnownClient | undefined {
  const trusts = request.app.get('trust proxy fn') as ((address: string, hop: number) => boolean) | undefined;
  const { remoteAddress } = request.socket;
  if (trusts === undefined || remoteAddress === undefined || !trusts(remoteAddress, 0)) return undefined;
  const { ip, protocol } = request;
  // As `request.hostname` takes it, which loses the port.
  const host = request.headers['x-forwarded-host']?.toString().split(',', 1)[0]?.trim();
  return {
    ...(ip !== undefined && { address: ip }),
    ...((protocol === 'http' || protocol === 'https') && { protocol }),
    ...(host !== undefined && { host }),
  };
}
