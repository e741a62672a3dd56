import { createServer } from 'node:http';
import { bodyParser } from '@koa/bodyparser';
import type Koa from 'koa';
import type { Context, Middleware } from 'koa';
import { attachUpgrades, streamFrom, toKoa } from '../../src/koa.js';
import { type AdapterUnderTest, describeError, listen } from './adapter-under-test.js';

/** An application of Koa; `mount` puts what `make` makes at a path of it. */
export const underKoa = (
  name: string,
  Application: typeof Koa,
  mount: (application: Koa, path: string, make: (options?: { path: string }) => Middleware) => void,
): AdapterUnderTest => ({
  name,
  async start({ handler, path, options, upgrades, ...app }) {
    const application = new Application({ proxy: app.trustsProxies === true });
    const { onError } = app;
    if (onError)
      application.use(async (ctx, next) => {
        try {
          await next();
        } catch (error) {
          onError(error);
          const { status, text } = describeError(error);
          ctx.status = status;
          ctx.body = text;
        }
      });
    if (app.parsesBody) application.use(bodyParser());
    application.use(async (ctx, next) => {
      if (app.user !== undefined) ctx.state['user'] = app.user;
      if (app.answersFirst) {
        ctx.res.statusCode = 418;
        ctx.res.end('early');
      }
      app.givesUp?.(() => {
        ctx.res.statusCode = 503;
        ctx.res.end('late');
      });
      await next();
    });
    const { streamFrom: file } = app;
    if (file) application.use((ctx) => streamFrom(ctx, file.url, file.options));
    if (handler && path === undefined) application.use(toKoa(handler, options));
    else if (handler && path !== undefined)
      mount(application, path, (more) => toKoa(handler, { ...options, ...more }));
    const serve = application.callback();
    const server = createServer((request, response) => void serve(request, response));
    if (handler && upgrades) attachUpgrades(server, handler, { path: path ?? '/' });
    return listen(server);
  },
  userOf: (context) => (context as Context & { state: { user: unknown } }).state.user,
});
