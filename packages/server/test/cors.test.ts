import { expect } from 'vitest';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { sluiceway, sluicewayProxy, sluicewayServe } from './support/program.js';

const A = 'https://a.test';
const B = 'https://b.test';

async function ask(net: Network, port: number, request: string, lines: readonly string[]) {
  const client = await net.client(port);
  await client.send([`${request} HTTP/1.1`, 'Host: test', ...lines, '\r\n'].join('\r\n'));
  const { head } = await client.readResponse();
  client.close();
  return [head.status, head.get('access-control-allow-origin')];
}

test('a route answers scripts of its origins, whatever it does, and preflights for its methods [WHATWG Fetch 3.3]', async ({
  net,
}) => {
  const origin = await net.origin(respondWith(sized('x', ['Access-Control-Allow-Origin: *'])));
  const token = 'aaaaaaaaaaaaaaaa';
  const cors = { origins: [A], methods: ['PUT'] };
  const program = await sluicewayServe(net, {
    listeners: [{ address: '127.0.0.1:0' }],
    defaults: { cors: { origins: [B] } },
    routes: [
      { path: '/default', proxy: { upstream: origin.url } },
      { path: '/own', cors, access: { bearer: { tokens: [token] } }, proxy: { upstream: origin.url } },
      { path: '/off', cors: false, proxy: { upstream: origin.url } },
      { path: '/put', methods: ['PUT'], cors, proxy: { upstream: origin.url } },
      { path: '/put', methods: ['GET'], respond: { content: 'read' } },
      { path: '/answer', cors, respond: { content: 'a' } },
      { path: '/redirect', cors, redirect: { to: '/' } },
    ],
  });
  const get = (path: string, from: string) => ask(net, program.port, `GET ${path}`, [`Origin: ${from}`]);
  const preflight = (path: string, from: string, method: string) =>
    ask(net, program.port, `OPTIONS ${path}`, [
      `Origin: ${from}`,
      `Access-Control-Request-Method: ${method}`,
    ]);
  expect(await get('/default', B)).toEqual([200, B]);
  expect(await get('/default', A)).toEqual([200, undefined]);
  expect(await get('/own', A)).toEqual([401, A]);
  expect(await get('/own', B)).toEqual([401, undefined]);
  expect(await preflight('/own', A, 'GET')).toEqual([204, A]);
  expect(await get('/off', B)).toEqual([200, '*']);
  expect(await preflight('/off', B, 'GET')).toEqual([200, '*']);
  expect(await get('/answer', A)).toEqual([200, A]);
  expect(await get('/redirect', A)).toEqual([302, A]);
  expect(await get('/nothing', B)).toEqual([404, B]);
  // The route is that of the request that the browser asks about.
  expect(await preflight('/put', A, 'PUT')).toEqual([204, A]);
  expect(await preflight('/put', A, 'GET')).toEqual([403, undefined]);
  expect(await preflight('/put', B, 'GET')).toEqual([204, B]);
});

test('--cors lets scripts of an origin read, and reports a mistake by its name [Sluiceway]', async ({
  net,
}) => {
  const origin = await net.origin(respondWith(sized('x')));
  const program = await sluicewayProxy(net, origin.url, '--cors', A, '--cors', B);
  expect(await ask(net, program.port, 'GET /', [`Origin: ${B}`])).toEqual([200, B]);
  const bad = sluiceway(net, 'proxy', origin.url, '--cors', 'a.test');
  expect(await bad.exited).toBe(2);
  expect(bad.stderr).toMatch(/^sluiceway: --cors: must be an origin/);
});
