import type { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { SluicewayError } from '../../errors.js';
import type { Hooks } from '../../proxy/messages/hooks.js';
import { createNotFound } from '../../proxy/mount/not-found.js';
import { resolveSelectedOptions, type SelectedProxyOptions } from '../../proxy/options/proxy-settings.js';
import { ReverseProxy } from '../../proxy/proxy.js';
import { createSelector } from '../../proxy/request/select-target.js';
import { guardResponse } from '../shared/adapter.js';
import { toFrameworkError } from '../shared/framework-error.js';
import { callSafely, warnOf } from './handlers.js';
import { toCompatError } from './option-names.js';
import { type CompatOptions, checkCompatOptions } from './options.js';
import { compilePathFilter } from './path-filter.js';
import { type CompatContext, toProxyOptions } from './proxy-options.js';
import { toRoute } from './route.js';
import { isLeftByAll, serveUpgrade } from './upgrade.js';

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
 * Takes the options of http-proxy-middleware 3 and 4, as far as they are common, and makes a middleware of the same
 * kind. What is not supported is refused at once: throws an `OptionsError` that names it, and what to use instead.
 */
export function createProxyMiddleware<
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ServerResponse,
>(options: CompatOptions<Request, Response>): ProxyMiddleware<Request, Response> {
  checkCompatOptions(options);
  const { on = {} } = options;
  const isWanted = toSafeFilter(options);
  const route = toRoute(options);
  const proxy = makeProxy(options);
  const servers = new WeakSet<object>();

  const upgrade = (request: Request, socket: Socket, head: Buffer): void => {
    const onError = on.error;
    void serveUpgrade(request, socket, head, {
      proxy,
      route: () => route(request, null),
      onError: onError && ((error, target) => onError(error, request, socket, target)),
    });
  };

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
      const { context: known } = context;
      if (outcome === 'completed') await callSafely('on.end', () => on.end?.(request, response));
      else if (outcome === 'client_aborted')
        await callSafely('on.econnreset', () =>
          on.econnreset?.(leftError(), request, response, known.target),
        );
    } catch (thrown) {
      const error = toFrameworkError(thrown);
      await callSafely('on.error', () => on.error?.(error, request, response, target));
      if (response.headersSent || response.writableEnded) return;
      if (next) next(error);
      else response.writeHead('status' in error ? error.status : 500).end();
    }
  };

  const notFound = createNotFound();

  /** Node tells of which server a socket is. */
  const listenTo = (socket: object | null): void => {
    const server = serverOf(socket);
    if (server === null || servers.has(server)) return;
    servers.add(server);
    server.on('upgrade', (request: Request, client: Socket, head: Buffer) => {
      if (isWanted(request)) upgrade(request, client, head);
      else if (isLeftByAll(request, server.listenerCount('upgrade')))
        notFound.upgrade(request, client, head).catch(() => client.destroy());
    });
  };

  return Object.assign(middleware, {
    upgrade(request: Request, socket: Socket, head: Buffer) {
      const server = serverOf(request.socket);
      // With `ws` the server may have been found already. What is not ours is left to others who listen.
      if ((server === null || !servers.has(server)) && isWanted(request)) upgrade(request, socket, head);
    },
    close: () => proxy.close(),
  });
}

function makeProxy<Request extends IncomingMessage, Response extends ServerResponse>(
  options: CompatOptions<Request, Response>,
): ReverseProxy<CompatContext<Request, Response>> {
  try {
    const { onRequest, ...proxyOptions } = toProxyOptions(options);
    // Hooks are only ever called with the context that this middleware gives.
    const settings = resolveSelectedOptions(proxyOptions as SelectedProxyOptions, 'createProxyMiddleware');
    const hooks = { onRequest } as Pick<Hooks, 'onRequest'>;
    return new ReverseProxy(settings, createSelector({ upstream: null, mirrors: [], hooks }));
  } catch (error) {
    throw toCompatError(error);
  }
}

/** A filter that throws leaves the request to others, as that of http-proxy-middleware does. */
function toSafeFilter<Request extends IncomingMessage>({
  pathFilter,
}: {
  pathFilter?: CompatOptions<Request>['pathFilter'];
}): (request: Request) => boolean {
  const isWanted = compilePathFilter(pathFilter);
  return (request) => {
    try {
      return isWanted(request);
    } catch (thrown) {
      warnOf('pathFilter', thrown);
      return false;
    }
  };
}

/** Null also for what is made for a test, and has no server. */
function serverOf(socket: object | null): EventEmitter | null {
  const { server }: { server?: EventEmitter | null } = socket ?? {};
  return server ?? null;
}

const leftError = (): Error =>
  toFrameworkError(new SluicewayError('client_aborted', 'The client closed the connection'));
