import type { EventEmitter } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Context, Hono } from 'hono';
import { attachUpgrades, streamFrom, toHono } from '../../src/hono.js';
import { stripPrefix } from '../../src/index.js';
import { type AdapterUnderTest, describeError, listen } from './adapter-under-test.js';

interface WithUser {
  Variables: { user: string };
}

interface HonoVersion {
  Hono: typeof Hono;
  createAdaptorServer(options: { fetch: Hono['fetch'] }): EventEmitter;
}

const ofNode = (c: Context): { incoming: IncomingMessage; outgoing: ServerResponse } =>
  c.env as { incoming: IncomingMessage; outgoing: ServerResponse };

export const underHono = (version: string, { Hono, createAdaptorServer }: HonoVersion): AdapterUnderTest => ({
  name: `Hono ${version}`,
  lacks: ['trust-proxy'],
  start({ handler, path, options, upgrades, ...app }) {
    const application = new Hono<WithUser>();
    application.use(async (c, next) => {
      const { outgoing } = ofNode(c);
      if (app.parsesBody) await parse(c);
      if (app.user !== undefined) c.set('user', app.user);
      if (app.answersFirst) outgoing.writeHead(418).end('early');
      app.givesUp?.(() => void outgoing.writeHead(503).end('late'));
      await next();
    });
    const { streamFrom: file } = app;
    if (file) application.get('/file', (c) => streamFrom(c, file.url, file.options));
    if (handler) {
      if (path === undefined) application.all('*', toHono(handler, options));
      else application.all(`${path}/*`, toHono(stripPrefix(path, handler), options));
    }
    if (app.onError)
      application.onError((error, c) => {
        app.onError?.(error);
        const { status, text } = describeError(error);
        return c.body(text, status as 500);
      });
    const server = createAdaptorServer({ fetch: application.fetch }) as Server;
    if (handler && upgrades) attachUpgrades(server, handler, path === undefined ? {} : { path });
    return listen(server);
  },
  userOf: (context) => (context as Context<WithUser>).get('user'),
});

async function parse({ req }: Context): Promise<void> {
  const type = req.header('content-type') ?? '';
  if (type.startsWith('application/json')) await req.json();
  else if (type.startsWith('application/x-www-form-urlencoded')) await req.parseBody();
}
