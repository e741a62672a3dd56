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
     * Answers with the file at `url`, relayed while it arrives, under the rules of `streamFrom`; for a route handler to
     * return. `options`, or what `createStreamer` returned, take the place of those that the plugin was registered with.
     * There with the plugin `streamFrom`.
     */
    streamFrom(url: FileUrl, options?: StreamFromOptions<FastifyRequest> | Streamer<FastifyRequest>): this;
  }
}

/**
 * A handler for a route of Fastify's: `app.all('/files/*', toFastify(proxy))`. The proxy sees the path as the client has
 * sent it. Content that Fastify has parsed is refused, unless `reuseParsedBody` says otherwise: the plugin `sluiceway`
 * lets it pass unread. Failures before the response go to the error handler, as those of all routes do, unless `errors` is
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
 * Mounts a handler, or a proxy of its own, under the prefix that it is registered with:
 * `app.register(sluiceway, { prefix: '/files', upstream: 'http://127.0.0.1:9000' })`. All of Fastify's hooks apply
 * until the response begins, and failures before that go to the error handler of the instance. Closing the instance
 * drains what is mounted. Registration fails with an `OptionsError`.
 */
export const sluiceway: FastifyPluginAsync<FastifySluicewayOptions> = async (app, options) => {
  const { handler, place, routes, httpMethods, websocket, errors, route } = resolveMount(app, options);
  // For its own routes alone, since the plugin is encapsulated: content passes unread.
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
 * Gives all replies `reply.streamFrom(url, options)`. Its options are the defaults of all calls. Closing the instance
 * drains what these answer. Registration fails with an `OptionsError`.
 */
export const streamFrom: FastifyPluginAsync<StreamFromOptions<FastifyRequest>> = async (app, defaults) => {
  const streamer = createStreamer(defaults);
  drainOnClose(app, streamer);
  app.decorateReply('streamFrom', function (url, options = streamer) {
    const { request } = this;
    const { errors = 'throw' } = options;
    serveReply(request, this, { errors }, (context) =>
      guardResponse(request.raw, this.raw, async () =>
        toStreamer(options).handle(request.raw, this.raw, url, context),
      ),
    ).catch((error: unknown) => this.send(error));
    return this;
  });
};

// What the package fastify-plugin does. Without `skip-override` a plugin is encapsulated.
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

/** Not waited for: the server stops listening at once, and then waits for all that still runs. */
function drainOnClose(app: FastifyInstance, handler: object): void {
  app.addHook('preClose', async () => {
    drain(app, handler).catch((error: unknown) => app.log.error(error));
  });
}

async function drain({ server }: FastifyInstance, handler: object): Promise<void> {
  if (!isClosable(handler)) return;
  await handler.close();
  // Node has closed those that were idle when the server stopped; these would be kept alive for another minute.
  if ('closeIdleConnections' in server) setImmediate(() => server.closeIdleConnections());
}
