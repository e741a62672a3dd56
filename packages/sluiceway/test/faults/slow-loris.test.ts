import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect } from 'vitest';
import { attach, createProxy } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import type { RawClient } from '../support/raw-client.js';
import { type RawOrigin, respondWith } from '../support/raw-origin.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const LIMIT_MS = 150;

interface Attached {
  server: Server;
  origin: RawOrigin;
  client(): Promise<RawClient>;
}

/** A server whose limits are those of `attach`, cut down; it looks at its connections far more often than usual. */
async function startAttached(net: Network): Promise<Attached> {
  const origin = await net.origin(respondWith(sized('served')));
  const proxy = createProxy({ upstream: origin.url });
  const server = createServer({ connectionsCheckingInterval: 10 });
  attach(server, proxy);
  server.headersTimeout = LIMIT_MS;
  server.keepAliveTimeout = LIMIT_MS;
  await once(server.listen(0, '127.0.0.1'), 'listening');
  net.cleanup(async () => {
    await proxy.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { server, origin, client: () => net.client((server.address() as AddressInfo).port) };
}

async function expectServed(client: RawClient): Promise<void> {
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('served');
}

test('attach limits the time of a head, not that of a request, and drops no field unseen [Node; nginx]', () => {
  const server = createServer();
  const defaults = { requestTimeout: 300_000, maxHeadersCount: null };
  expect(server).toMatchObject(defaults);
  attach(server, createProxy({ upstream: 'http://127.0.0.1:1' }));
  expect(server).toMatchObject({
    headersTimeout: 60_000,
    requestTimeout: 0,
    timeout: 0,
    maxHeadersCount: 0,
    // Longer than load balancers before us keep a connection, so that it is they who close it.
    keepAliveTimeout: 75_000,
  });
});

describe('a client that takes too long over its head', () => {
  test.for([
    ['sends nothing at all', ''],
    ['stops within the request line', 'GET /slow'],
    ['stops within its fields', 'GET / HTTP/1.1\r\nHost: test\r\nX-Slow: '],
  ] as const)(
    'and %s gets 408, and its connection is closed [RFC 9110 15.5.9; Node]',
    async ([, bytes], { net }) => {
      const attached = await startAttached(net);
      const client = await attached.client();
      await client.send(bytes);
      const { bytes: answer, ended } = await client.readUntilClose();
      expect(answer.toString()).toMatch(/^HTTP\/1\.1 408 /);
      expect(ended).toBe('fin');
      expect(attached.origin.total).toBe(0);
    },
  );

  test('by sending it byte by byte gets 408, though it never pauses [RFC 9110 15.5.9; Node]', async ({
    net,
  }) => {
    const attached = await startAttached(net);
    const client = await attached.client();
    await client.send('GET / HTTP/1.1\r\nHost: test\r\nX-Slow: ');
    while (client.ending === undefined) {
      await client.send('x').catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    expect((await client.readUntilClose()).bytes.toString()).toMatch(/^HTTP\/1\.1 408 /);
    expect(attached.origin.total).toBe(0);
  });

  test('in a later request on its connection gets 408 as well [RFC 9110 15.5.9; Node]', async ({ net }) => {
    const attached = await startAttached(net);
    // Or it would be closed without a word where the machine is slow between the two requests.
    attached.server.keepAliveTimeout = 60_000;
    const client = await attached.client();
    await expectServed(client);
    await client.send('GET / HTTP/1.1\r\nHo');
    expect((await client.readUntilClose()).bytes.toString()).toMatch(/^HTTP\/1\.1 408 /);
  });

  test('holds nobody else up, be there 200 of them [nginx]', async ({ net }) => {
    const attached = await startAttached(net);
    attached.server.headersTimeout = 60_000;
    for (let i = 0; i < 200; i += 1) await (await attached.client()).send('GET / HTTP/1.1\r\nHost: te');
    const client = await attached.client();
    for (let i = 0; i < 5; i += 1) await expectServed(client);
  });
});

test('a connection without a request is closed after keepAliveTimeout [Node; nginx]', async ({ net }) => {
  const attached = await startAttached(net);
  const client = await attached.client();
  await expectServed(client);
  expect(await client.closed).toBe('fin');
});

describe('a client that takes its time over its content', () => {
  const HEAD = 'POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n';

  test('holds nobody else up, be there 200 of them [nginx]', async ({ net }) => {
    const { client, running, origin } = await through(net, respondWith(sized('served')));
    for (let i = 0; i < 200; i += 1) await (await net.client(running)).send(`${HEAD}1\r\nx\r\n`);
    await until(() => origin.total === 200, 'every upload had begun');
    for (let i = 0; i < 5; i += 1) await expectServed(client);
  });

  test('is given up with 408 below the minimum rate, and never above it [Caddy]', async ({ net }) => {
    const time = new StoppedTime(net);
    const { client, running } = await through(net, respondWith(sized('served')), {
      limits: { minRate: 100 },
    });
    const sender = await net.client(running);
    await client.send(HEAD);
    await sender.send(HEAD);
    await until(() => running.proxy.active === 2, 'both had begun');
    for (let second = 0; second < 30; second += 1) {
      await client.send('a\r\n0123456789\r\n');
      await sender.send(`c8\r\n${'x'.repeat(200)}\r\n`);
      await time.pass(1000);
    }
    expect((await client.readResponse()).head.status).toBe(408);
    expect(await running.records(1)).toMatchObject([{ outcome: 'client_stalled', status: 408 }]);
    await sender.send('0\r\n\r\n');
    expect((await sender.readResponse()).head.status).toBe(200);
  });
});
