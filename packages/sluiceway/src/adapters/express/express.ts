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

/** The properties used of a request of Express 4 or 5. The `Request` type of Express is assignable. */
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
 * Converts a proxy, a gateway, or the result of `stripPrefix` or `mount` to a handler for Express 4 or 5:
 * `app.use('/files', toExpress(proxy))`. Express removes the path at which it is mounted. Hooks get the Express request
 * as `request.context`. The application's `trust proxy` determines the client. Failures before the response go to
 * `next`, because Express applications answer errors there, unless `errors` is `answer`. Throws an `OptionsError` for
 * invalid options.
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
 * Answers an Express request with the file at `url`, like `streamFrom` of `sluiceway`. Pass the result of
 * `createStreamer`: its options are checked when the application starts, and it can be closed. Failures before the
 * response go to the application's error handler, unless `errors` is `answer`. Resolves with the outcome, and never
 * rejects, so you need not await it.
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
    return await guardResponse(request, response, context, (known) =>
      streamFromUrl(request, response, url, options, known),
    );
  } catch (error) {
    request.next?.(error);
    return error instanceof FrameworkError ? error.outcome : 'internal';
  }
}

/** A single object for all calls, so that they share a proxy. */
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

/** Middleware can leave no slash before the query, and Express adds one that `originalUrl` does not have. */
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

/** Returns the client as trusted proxies report it. Undefined if the application does not trust the peer. */
export function findClient(request: ExpressRequest): KnownClient | undefined {
  const trusts = request.app.get('trust proxy fn') as ((address: string, hop: number) => boolean) | undefined;
  const { remoteAddress } = request.socket;
  if (trusts === undefined || remoteAddress === undefined || !trusts(remoteAddress, 0)) return undefined;
  const { ip, protocol } = request;
  // Read like `request.hostname`, which drops the port.
  const host = request.headers['x-forwarded-host']?.toString().split(',', 1)[0]?.trim();
  return {
    ...(ip !== undefined && { address: ip }),
    ...((protocol === 'http' || protocol === 'https') && { protocol }),
    ...(host !== undefined && { host }),
  };
}
