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

/** A middleware for Express, Connect and similar frameworks, with support for upgrades. */
export interface ProxyMiddleware<
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ServerResponse,
> {
  (request: Request, response: Response, next?: (error?: unknown) => void): Promise<void>;
  /** For `server.on('upgrade', middleware.upgrade)`. */
  upgrade(request: Request, socket: Socket, head: Buffer): void;
  /** Waits for running requests and closes idle connections. */
  close(): Promise<void>;
}

/**
 * Creates a middleware from the options of http-proxy-middleware 3 and 4. Throws an `OptionsError` for options that are
 * not supported. It names each option and its alternative.
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
      const outcome = await guardResponse(request, response, context, (known) =>
        proxy.handle(request, response, known),
      );
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

  /** Node records the server of each socket. */
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
      // With `ws`, the server may already be known. Other listeners handle other requests.
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
    return new ReverseProxy(settings, createSelector({ ...settings, upstream: null, mirrors: [], hooks }));
  } catch (error) {
    throw toCompatError(error);
  }
}

/** If the filter throws, the request is passed on, as in http-proxy-middleware. */
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

/** Null for requests without a server, such as those of tests. */
function serverOf(socket: object | null): EventEmitter | null {
  const { server }: { server?: EventEmitter | null } = socket ?? {};
  return server ?? null;
}

const leftError = (): Error =>
  toFrameworkError(new SluicewayError('client_aborted', 'The client closed the connection'));
