import { createServer } from 'node:http';
import Koa from 'koa';
import { createProxy } from 'sluiceway';
import { attachUpgrades, streamFrom, toKoa } from 'sluiceway/koa';

const { ORIGIN = 'http://127.0.0.1:9000', PORT = '8080' } = process.env;

const files = createProxy({ upstream: ORIGIN });
const trusted = Object.freeze({ addresses: 'any' });

const app = new Koa();

// One file at its own path, for everyone.
app.use(async (ctx, next) => {
  if (ctx.path === '/logo') await streamFrom(ctx, `${ORIGIN}/static/logo.png`, trusted);
  else await next();
});

app.use(async (ctx, next) => {
  if (ctx.get('X-Api-Key') !== 'let-me-in') ctx.throw(401, 'Key required');
  await next();
});

// Everything under /files, uploads included, for clients with a key.
app.use(toKoa(files, { path: '/files' }));

const serve = app.callback();
const server = createServer((request, response) => void serve(request, response));
attachUpgrades(server, files, { path: '/files' });
server.listen(Number(PORT));
