import type { AddressInfo } from 'node:net';
import type fastify from 'fastify';
import type { FastifyRequest } from 'fastify';
import { sluiceway, streamFrom, toFastify } from '../../src/fastify.js';
import { Streamer } from '../../src/proxy/mount/streamer.js';
import {
  type AdapterUnderTest,
  type AppUnderTest,
  describeError,
  type RunningApp,
} from './adapter-under-test.js';

interface WithUser extends FastifyRequest {
  user?: string;
}

export const underFastify = (version: string, make: typeof fastify): AdapterUnderTest => ({
  name: `Fastify ${version}`,
  start: (app) => start(make, app),
  userOf: (context) => (context as WithUser).user,
});

async function start(make: typeof fastify, app: AppUnderTest): Promise<RunningApp> {
  const { handler, path = '/', options = {}, parsesBody, user, streamFrom: file } = app;
  const application = make({ forceCloseConnections: true, trustProxy: app.trustsProxies === true });
  if (user !== undefined)
    application.addHook('onRequest', async (request) => {
      (request as WithUser).user = user;
    });
  application.addHook('preHandler', async (_, reply) => {
    // As a hook that has forgotten what it did: Fastify itself goes no further once a response has ended.
    if (app.answersFirst) {
      reply.raw.writeHead(418).write('early');
      setImmediate(() => reply.raw.end());
    }
    app.givesUp?.(() => void reply.code(503).send('late'));
  });
  if (app.onError !== undefined)
    application.setErrorHandler((error, _, reply) => {
      app.onError?.(error);
      const { status, text } = describeError(error);
      return reply.code(status).send(text);
    });
  if (file !== undefined) {
    const { url, options: ofFile } = file;
    const isStreamer = ofFile instanceof Streamer;
    await application.register(streamFrom, isStreamer ? {} : ofFile);
    application.get('/file', (_, reply) =>
      isStreamer ? reply.streamFrom(url, ofFile) : reply.streamFrom(url),
    );
  }
  if (handler !== undefined && parsesBody) {
    // Parsers of the application: the plugin would let content pass unread.
    application.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string' },
      (_, text, done) => done(null, parseForm(String(text))),
    );
    application.addContentTypeParser('*', (_, content, done) => done(null, content));
    application.all('/*', toFastify(handler, options));
  } else if (handler !== undefined) {
    const { errors } = options;
    await application.register(sluiceway, {
      handler,
      prefix: path,
      websocket: app.upgrades === true,
      ...(errors !== undefined && { errors }),
    });
  }
  await application.listen({ host: '127.0.0.1', port: 0 });
  const { port } = application.server.address() as AddressInfo;
  return { port, close: () => application.close() };
}

/** As `@fastify/formbody` does, by default: a list where a name comes more than once. */
function parseForm(text: string): Record<string, string | string[]> {
  const form = new URLSearchParams(text);
  return Object.fromEntries(
    [...new Set(form.keys())].map((name) => {
      const values = form.getAll(name);
      return [name, values.length === 1 ? (values[0] as string) : values];
    }),
  );
}
