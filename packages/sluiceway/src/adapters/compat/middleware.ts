import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { SluicewayError } from '../../errors.js';
import { createProxy } from '../../proxy/create-proxy.js';
import type { HandleContext } from '../../proxy/passage.js';
import { guardResponse } from '../adapter.js';
import { type ExpressRequest, findClient } from '../express.js';
import { toFrameworkError } from '../framework-error.js';
import { restoreContent } from '../parsed-body.js';
import { type CompatOptions, checkCompatOptions } from './options.js';
import { compilePathFilter } from './path-filter.js';
import { type CompatContext, toProxyOptions } from './proxy-options.js';
import { compilePathRewrite, findTarget, toTargetUrl } from './targets.js';

/** A middleware of Express, Connect and their like, with what is needed for upgrades. */
export interface ProxyMiddleware<
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ServerResponse,
> {
  (request: Request, response: Response, next?: (error?: unknown) => void): Promise<void>;
  /** For `server.on('upgrade', middleware.upgrade)`. */
  upgrade(request: Request, socket: Socket, head: Buffer): void;
  /** Lets running requests finish, and keeps no connection. */
  close(): Promise<void>;
}

/**
 * For `on.proxyReq`, and nothing else: content that a body parser has read is made anew, as by `reuseParsedBody`.
 */
export function fixRequestBody(): void {}

/**
 * Takes the options of http-proxy-middleware 3 and 4, as far as they are common, and makes a middleware of the same
 * kind. What is not supported is refused at once: throws an `OptionsError` that names it, and what to use instead.
 */
export function createProxyMiddleware<
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ServerResponse,
>(options: CompatOptions<Request, Response>): ProxyMiddleware<Request, Response> {
  checkCompatOptions(options);
  const { on = {}, router, ignorePath } = options;
  const reusesParsedBody = options.reuseParsedBody === true || on.proxyReq === fixRequestBody;
  const isWanted = compilePathFilter(options.pathFilter);
  const rewrite = compilePathRewrite(options.pathRewrite);
  const usualTarget = options.target === undefined ? undefined : toTargetUrl(options.target);
  const proxy = createProxy<CompatContext<Request, Response>>(toProxyOptions(options));
  const servers = new WeakSet<object>();

  const route = async (
    request: Request,
    response: Response | null,
  ): Promise<
    HandleContext<CompatContext<Request, Response>> & { context: CompatContext<Request, Response> }
  > => {
    const target = (await findTarget(router, request)) ?? usualTarget;
    if (target === undefined)
      throw new SluicewayError('proxy_configuration_error', 'router has named no target');
    const path = await rewrite(request);
    const content = reusesParsedBody
      ? restoreContent(request, (request as { body?: unknown }).body)
      : undefined;
    const client = 'app' in request ? findClient(request as unknown as ExpressRequest) : undefined;
    return {
      context: { request, response, target },
      target: path,
      errors: 'throw',
      ...(ignorePath === true && { url: target }),
      ...(client !== undefined && { client }),
      ...(content !== undefined && { content }),
    };
  };

  const upgrade = async (request: Request, socket: Socket, head: Buffer): Promise<void> => {
    // What is not ours is left to others who listen.
    if (!isWanted(request)) return;
    try {
      await proxy.upgrade(request, socket, head, { ...(await route(request, null)), errors: 'answer' });
    } catch (error) {
      on.error?.(toError(error), request, socket);
      socket.destroy();
    }
  };
  const upgradeNow = (request: Request, socket: Socket, head: Buffer): void =>
    void upgrade(request, socket, head);

  const middleware = async (
    request: Request,
    response: Response,
    next?: (error?: unknown) => void,
  ): Promise<void> => {
    if (options.ws === true) listenTo(request.socket);
    if (!isWanted(request)) {
      next?.();
      return;
    }
    let target: URL | undefined;
    try {
      const context = await route(request, response);
      ({ target } = context.context);
      const outcome = await guardResponse(request, response, () => proxy.handle(request, response, context));
      if (outcome === 'completed') on.end?.(request, response);
      else if (outcome === 'client_aborted') on.econnreset?.(leftError(), request, response, target);
    } catch (thrown) {
      const error = toError(thrown);
      on.error?.(error, request, response, target);
      if (response.headersSent || response.writableEnded) return;
      if (next) next(error);
      else response.writeHead('status' in error ? Number(error.status) : 500).end();
    }
  };

  /** Node tells of which server a socket is. */
  const listenTo = (socket: object): void => {
    const { server }: { server?: EventEmitter } = socket;
    if (server === undefined || servers.has(server)) return;
    servers.add(server);
    server.on('upgrade', upgradeNow);
  };

  return Object.assign(middleware, {
    upgrade(request: Request, socket: Socket, head: Buffer) {
      const { server }: { server?: object } = request.socket as object;
      // With `ws` the server may have been found already.
      if (server === undefined || !servers.has(server)) upgradeNow(request, socket, head);
    },
    close: () => proxy.close(),
  });
}

const leftError = (): Error =>
  toError(new SluicewayError('client_aborted', 'The client closed the connection'));

const toError = (thrown: unknown): Error => toFrameworkError(thrown);
