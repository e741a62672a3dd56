import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Outcome } from '../../errors.js';
import { isMountPoint, parsePathPrefix, stripTargetPrefix } from '../../http/prefix.js';
import { Checker } from '../../options/checker.js';
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
import { keepOwnFields } from '../shared/own-fields.js';
import { restoreContent } from '../shared/parsed-body.js';

/** The properties used of a context of Koa 2 or 3. Koa's `Context` is assignable. */
export interface KoaContext {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly app: { readonly proxy: boolean };
  readonly url: string;
  readonly originalUrl: string;
  readonly ip: string;
  readonly protocol: string;
  readonly host: string;
  respond?: boolean | undefined;
}

export interface KoaAdapterOptions extends AdapterOptions {
  /** Serves only requests under this path and removes it. Others go to the next middleware. Default: all requests. */
  path?: string;
}

export type KoaHandler<Context extends KoaContext = KoaContext> = (
  context: Context,
  next: () => Promise<unknown>,
) => Promise<void>;

/**
 * Converts a proxy, a gateway, or the result of `stripPrefix` or `mount` to a middleware for Koa 2 or 3:
 * `app.use(toKoa(proxy, { path: '/files' }))`. It detects a path that `koa-mount` has removed. Hooks get Koa's context
 * as `request.context`. `app.proxy` determines the client. Failures before the response are thrown, like `ctx.throw`,
 * for outer middleware, unless `errors` is `answer`. Throws an `OptionsError` for invalid options.
 */
export function toKoa<Context extends KoaContext = KoaContext>(
  handler: Handler<Context>,
  options: KoaAdapterOptions = {},
): KoaHandler<Context> {
  const settings = resolveAdapter('toKoa', handler, options, ['path']);
  const check = new Checker('toKoa');
  const prefix = check.parsed('path', options.path, '', parsePathPrefix);
  check.throwIfAny();
  return async function sluiceway(ctx, next) {
    const url = targetOf(ctx);
    const target = prefix === '' ? url : stripTargetPrefix(url, prefix);
    if (target === null) {
      await next();
      return;
    }
    const context = toContext(ctx, settings);
    context.target = target;
    context.isMountPoint =
      prefix === '' ? isMountPoint(ctx.originalUrl, context.mountPath) : isMountPoint(url, prefix);
    context.mountPath += prefix;
    await serve(handler, ctx.req, ctx.res, context);
    // Koa answers every request by itself unless this is false. If an error is thrown, Koa must answer.
    ctx.respond = false;
  };
}

/**
 * Answers a Koa request with the file at `url`, like `streamFrom` of `sluiceway`. Await the result. Pass the result of
 * `createStreamer`: its options are checked when the application starts, and it can be closed. Failures before the
 * response are thrown, for the application's error handling, unless `errors` is `answer`.
 */
export async function streamFrom<Context extends KoaContext = KoaContext>(
  ctx: Context,
  url: FileUrl,
  options: StreamFromOptions<Context> | Streamer<Context> = DEFAULTS,
): Promise<Outcome> {
  const context = toContext(ctx, { errors: options.errors ?? 'throw', reusesParsedBody: false });
  const outcome = await guardResponse(ctx.req, ctx.res, context, (known) =>
    streamFromUrl(ctx.req, ctx.res, url, options, known),
  );
  ctx.respond = false;
  return outcome;
}

/** A single object for all calls, so that they share a proxy. */
const DEFAULTS: StreamFromOptions = {};

function toContext<Context extends KoaContext>(
  ctx: Context,
  { errors, reusesParsedBody }: AdapterSettings,
): HandleContext<Context> & { mountPath: string } {
  const content = reusesParsedBody ? restoreContent(ctx.req, bodyOf(ctx)) : undefined;
  const client = findClient(ctx);
  keepOriginalUrl(ctx.req, ctx.originalUrl);
  return {
    context: ctx,
    errors,
    mountPath: mountPathOf(ctx),
    onHead: ({ headers }) => keepOwnFields(ctx.res, headers),
    ...(client !== undefined && { client }),
    ...(content !== undefined && { content }),
  };
}

/** `koa-mount` changes the URL of Node's request. The record of the transfer reads the original where Express keeps it. */
function keepOriginalUrl(request: IncomingMessage & { originalUrl?: string }, originalUrl: string): void {
  request.originalUrl ??= originalUrl;
}

/** Where Koa's parsers store their result. */
function bodyOf(ctx: KoaContext): unknown {
  const { request }: { request?: { body?: unknown } } = ctx as object;
  return request?.body;
}

/** Returns the path that `koa-mount` has removed. */
function mountPathOf(ctx: KoaContext): string {
  const { url, originalUrl } = ctx;
  if (url === originalUrl) return '';
  const left = pathOf(targetOf(ctx));
  const whole = pathOf(originalUrl);
  if (whole.endsWith(left)) return whole.slice(0, -left.length);
  // For `/files`, the remaining slash was not in the request.
  return left === '/' ? whole : '';
}

/** Middleware can remove the leading slash, as `koa-mount` does at a path that ends with one. */
const targetOf = ({ url, originalUrl }: KoaContext): string =>
  url === '' || url.startsWith('?') || (originalUrl.startsWith('/') && !url.startsWith('/'))
    ? `/${url}`
    : url;

const pathOf = (url: string): string => url.split('?', 1)[0] as string;

/** Returns the client as the proxies in front of the application report it, if the application trusts them. */
function findClient(ctx: KoaContext): KnownClient | undefined {
  if (!ctx.app.proxy) return undefined;
  const { ip, protocol, host } = ctx;
  return {
    ...(ip !== '' && { address: ip }),
    ...((protocol === 'http' || protocol === 'https') && { protocol }),
    ...(host !== '' && { host }),
  };
}
