import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify';
import { watchParseErrors } from '../../downstream/http1/http1-connection.js';
import type { Handler } from '../../proxy/messages/handler.js';
import { toStreamer } from '../../proxy/mount/stream-from.js';
import { createStreamer, type FileUrl, type Streamer } from '../../proxy/mount/streamer.js';
import type { StreamFromOptions } from '../../proxy/mount/streamer-options.js';
import { type AdapterOptions, guardResponse, isClosable, resolveAdapter, serve } from '../shared/adapter.js';
import { toFrameworkError } from '../shared/framework-error.js';
import { restoreContent } from '../shared/parsed-body.js';
import { type FastifySluicewayOptions, resolveMount } from './fastify-options.js';
import type { MountPlace } from './fastify-place.js';
import { serveReply } from './fastify-reply.js';
import { routeUpgrades, serveUpgrade } from './fastify-upgrades.js';

declare module 'fastify' {
  interface FastifyReply {
    /**
     * Answers with the file at `url` under the rules of `streamFrom`. Return the result from a route handler.
     * `options`, or the result of `createStreamer`, replace those with which the plugin was registered. Available with
     * the plugin `streamFrom`.
     */
    streamFrom(url: FileUrl, options?: StreamFromOptions<FastifyRequest> | Streamer<FastifyRequest>): this;
  }
}

/**
 * Converts a handler to a Fastify route handler: `app.all('/files/*', toFastify(proxy))`. The proxy sees the client's
 * path unchanged. Content that Fastify has parsed is refused, unless `reuseParsedBody` is set. With the plugin
 * `sluiceway`, content is not parsed. Failures before the response go to the error handler, unless `errors` is
 * `answer`. Throws an `OptionsError`.
 */
export function toFastify(
  handler: Handler<FastifyRequest>,
  options: AdapterOptions = {},
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const { errors, reusesParsedBody } = resolveAdapter('toFastify', handler, options);
  return async (request, reply) => {
    const content = reusesParsedBody ? restoreContent(request.raw, request.body) : undefined;
    const known = { errors, ...(content !== undefined && { content }) };
    await serveReply(request, reply, known, (context) => serve(handler, request.raw, reply.raw, context));
  };
}

/**
 * Mounts a handler, or a new proxy, under the prefix with which it is registered: `app.register(sluiceway, { prefix:
 * '/files', upstream: 'http://127.0.0.1:9000' })`. Fastify's hooks run until the response begins. Failures before that
 * go to the error handler of the instance. Closing the instance drains the handler. Registration fails with an
 * `OptionsError`.
 */
export const sluiceway: FastifyPluginAsync<FastifySluicewayOptions> = async (app, options) => {
  const { handler, place, routes, httpMethods, websocket, errors, route } = resolveMount(app, options);
  // Affects only the plugin's own routes, because the plugin is encapsulated. Their content is not parsed.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, content, done) => done(null, content));
  drainOnClose(app, handler);
  watchParseErrors(app.server);
  if (websocket) routeUpgrades(app, (target) => place.holds(target));

  const respond = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const context = { ...locate(place, request), errors };
    if (websocket && (await serveUpgrade(handler, request, reply, context))) return;
    await serveReply(request, reply, context, (known) => serve(handler, request.raw, reply.raw, known));
  };
  for (const url of routes) app.route({ ...route, url, method: [...httpMethods], handler: respond });
};

/**
 * Adds `reply.streamFrom(url, options)` to all replies. The plugin's options are the defaults of all calls. Closing the
 * instance drains their transfers. Registration fails with an `OptionsError`.
 */
export const streamFrom: FastifyPluginAsync<StreamFromOptions<FastifyRequest>> = async (app, defaults) => {
  const streamer = createStreamer(defaults);
  drainOnClose(app, streamer);
  app.decorateReply('streamFrom', function (url, options = streamer) {
    const { request } = this;
    const { errors = 'throw' } = options;
    serveReply(request, this, { errors }, (context) =>
      guardResponse(request.raw, this.raw, context, async (known) =>
        toStreamer(options).handle(request.raw, this.raw, url, known),
      ),
    ).catch((error: unknown) => this.send(error));
    return this;
  });
};

// Same as the package fastify-plugin. Without `skip-override`, a plugin is encapsulated.
Object.assign(sluiceway, {
  [Symbol.for('fastify.display-name')]: 'sluiceway',
  [Symbol.for('plugin-meta')]: { name: 'sluiceway', fastify: '5.x' },
});
Object.assign(streamFrom, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'sluiceway-stream-from',
  [Symbol.for('plugin-meta')]: { name: 'sluiceway-stream-from', fastify: '5.x' },
});

function locate(place: MountPlace, request: FastifyRequest): ReturnType<MountPlace['locate']> {
  try {
    return place.locate(request.raw.url ?? '');
  } catch (error) {
    throw toFrameworkError(error);
  }
}

/** Does not wait: the server stops listening immediately, and then waits for everything that is running. */
function drainOnClose(app: FastifyInstance, handler: object): void {
  app.addHook('preClose', async () => {
    drain(app, handler).catch((error: unknown) => app.log.error(error));
  });
}

async function drain({ server }: FastifyInstance, handler: object): Promise<void> {
  if (!isClosable(handler)) return;
  await handler.close();
  // Node has closed connections that were idle when the server stopped. Connections that become idle later would be
  // kept for another minute.
  if ('closeIdleConnections' in server) setImmediate(() => server.closeIdleConnections());
}
