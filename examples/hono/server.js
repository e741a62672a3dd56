import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { bearerAuth } from 'hono/bearer-auth';
import { createProxy, stripPrefix } from 'sluiceway';
import { attachUpgrades, FrameworkError, streamFrom, toHono } from 'sluiceway/hono';

const { ORIGIN = 'http://127.0.0.1:9000', PORT = '8080' } = process.env;
const files = createProxy({ upstream: ORIGIN });
const trusted = Object.freeze({ addresses: 'any' });

const app = new Hono();
app.use('/files/*', bearerAuth({ token: 'let-me-in' }));
app.all('/files/*', toHono(stripPrefix('/files', files)));
app.get('/logo', (c) => streamFrom(c, `${ORIGIN}/static/logo.png`, trusted));
app.onError((error) => {
  if (error instanceof FrameworkError)
    return Response.json({ error: error.message }, { status: error.status });
  return 'getResponse' in error
    ? error.getResponse()
    : new Response('Something went wrong.', { status: 500 });
});

const server = serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' });
// WebSockets bypass the application, so the token is not checked.
if (process.env.WEBSOCKETS) attachUpgrades(server, files, { path: '/files' });
