import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';

/**
 * A process of its own, in which nothing catches what is left: each way to serve has functions of the application's
 * that throw, is asked for a response and for an upgrade, and says how both have ended.
 */
const PROGRAM = `
import { once } from 'node:events';
import { createServer, request as ask } from 'node:http';
import { connect } from 'node:net';
import Fastify from 'fastify';
import { attach, createProxy } from 'sluiceway';
import { createProxyMiddleware, responseInterceptor } from 'sluiceway/compat';
import { attachUpgrades, toExpress } from 'sluiceway/express';
import { sluiceway } from 'sluiceway/fastify';
import { toFetch } from 'sluiceway/fetch';

const listen = async (server) => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
};
const origin = createServer((request, response) => {
  if (request.url === '/broken') request.socket.destroy();
  else response.end('hello');
});
const upstream = 'http://127.0.0.1:' + (await listen(origin));

const throwing = {
  error: () => { throw new Error('thrown'); },
  rejection: async () => { throw new Error('thrown'); },
  bare: () => { throw Object.create(null); },
  nothing: () => Promise.reject(undefined),
  thenable: () => ({ then: (_, reject) => reject(new Error('thrown')) }),
}[process.argv.at(-1)];

const attached = (options) => (server) => attach(server, createProxy({ upstream, ...options }));
/** As Express 4 and Connect call middleware: what it returns is not looked at. */
const called = (middleware) => (server) => {
  server.on('request', (request, response) => {
    void middleware(request, response, (error) => {
      response.statusCode = error === undefined ? 404 : 500;
      response.end();
    });
  });
  if (middleware.upgrade) server.on('upgrade', middleware.upgrade);
};
const compat = (options) => called(createProxyMiddleware({ target: upstream, ...options }));
const handler = { handle: throwing, upgrade: throwing };

const ways = {
  onRequest: attached({ onRequest: throwing }),
  onUpstreamRequest: attached({ onUpstreamRequest: throwing }),
  onUpstreamResponse: attached({ onUpstreamResponse: throwing }),
  onError: attached({ onRequest: throwing, onError: throwing }),
  access: attached({ access: throwing }),
  'transform.response.create': attached({ transform: { response: { changesContent: true, create: throwing } } }),
  'transform.response.changesContent': attached({ transform: { response: { changesContent: throwing, create: () => null } } }),
  observers: attached({
    observers: [{ onTransferStart: throwing, onResponseContent: throwing, onTransferEnd: throwing }],
  }),
  'a handler': (server) => attach(server, handler),
  'a handler of attachUpgrades': (server) => {
    server.on('request', (_, response) => response.end());
    attachUpgrades(server, handler);
  },
  toExpress: called(toExpress(createProxy({ upstream, onRequest: throwing }))),
  pathFilter: compat({ pathFilter: throwing }),
  router: compat({ router: throwing }),
  pathRewrite: compat({ pathRewrite: throwing }),
  'on.start': compat({ on: { start: throwing } }),
  'on.proxyReq': compat({ on: { proxyReq: throwing, proxyReqWs: throwing } }),
  'on.proxyRes': compat({ on: { proxyRes: throwing } }),
  'on.error': compat({ router: throwing, on: { error: throwing } }),
  'on.end': compat({ on: { end: throwing } }),
  'on.econnreset': compat({ on: { econnreset: throwing } }),
  responseInterceptor: compat({ selfHandleResponse: true, on: { proxyRes: responseInterceptor(throwing) } }),
  logger: compat({ logger: { info: throwing, error: throwing } }),
};

/** Settles when a response has come, or the connection has gone. */
const settle = (port, text) => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1', () => socket.write(text));
  let bytes = '';
  socket.on('data', (chunk) => {
    bytes += chunk;
    if (bytes.includes('\\r\\n\\r\\n')) socket.destroy();
  });
  socket.setTimeout(8000, () => {
    bytes = 'HTTP/1.1 hung';
    socket.destroy();
  });
  socket.on('error', () => {});
  socket.on('close', () => resolve(bytes.slice(9, 13).trim() || 'closed'));
});

const results = {};
for (const [name, serve] of Object.entries(ways)) {
  const server = createServer();
  serve(server);
  const port = await listen(server);
  results[name] = [await settle(port, 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')];
  if (server.listenerCount('upgrade') > 0 && name !== 'pathFilter')
    results[name].push(await settle(port, 'GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: Upgrade\\r\\nUpgrade: x\\r\\n\\r\\n'));
  server.closeAllConnections();
  server.close();
}

const app = Fastify();
await app.register(sluiceway, { handler, websocket: true });
await app.listen({ port: 0, host: '127.0.0.1' });
const { port } = app.server.address();
results.fastify = [
  await settle(port, 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n'),
  await settle(port, 'GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: Upgrade\\r\\nUpgrade: x\\r\\n\\r\\n'),
];
app.server.closeAllConnections();

const proxy = createProxy({ upstream });
const answered = await toFetch(proxy, { client: throwing })(new Request('http://a/'));
results.fetch = [String(answered.status)];

await new Promise((resolve) => setImmediate(resolve));
process.stdout.write(JSON.stringify(results));
process.exit();
`;

test.for(['error', 'rejection', 'bare', 'nothing', 'thenable'])(
  'a function of the application that throws (%s) ends its request at most, and never the process [Express; Koa; Fastify]',
  async (kind) => {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM, kind], {
      cwd: import.meta.dirname,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [output, errors, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number]>,
    ]);
    expect([code, code === 0 ? '' : errors]).toEqual([0, '']);
    const results = JSON.parse(output) as Record<string, string[]>;
    const plain = Object.entries(results).map(([name, [status]]) => [name, status]);
    expect(Object.fromEntries(plain)).toMatchObject({
      observers: '200',
      access: '500',
      toExpress: '500',
      'on.end': '200',
      logger: '200',
    });
    for (const statuses of Object.values(results)) expect(statuses).not.toContain('hung');
  },
);
