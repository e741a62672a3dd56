import { describe, expect } from 'vitest';
import { redisStore } from '../../src/redis.js';
import { MemoryBackend, SharedStore } from '../../src/store.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { startGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { RedisProcess } from '../support/redis.js';
import { describeWith, requireTool } from '../support/requirements.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const redisServer = requireTool('redis-server');

/** The client is who `X-Forwarded-For` says. */
const trustedProxies = ['127.0.0.1'];

/** Two gateways, as in two processes, whose state one memory has. */
async function startTwo(net: Network) {
  const backend = new MemoryBackend();
  const start = async () => {
    const store = new SharedStore(backend);
    const started = await startGateway(net, { trustedProxies, limits: { store } });
    net.cleanup(() => store.close());
    return started;
  };
  return { one: await start(), two: await start() };
}

async function statusOf(net: Network, to: { running: { port: number } }, link: string, client: string) {
  const connection = await net.client(to.running);
  await connection.get(link, [`X-Forwarded-For: ${client}`]);
  const { head } = await connection.readResponse();
  connection.close();
  return head.status;
}

describe('gateways that share a store', () => {
  test('serve a single-use link to one client only, whichever of them it asks [Sluiceway]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith(() => sized('x'.repeat(5000))));
    const { one, two } = await startTwo(net);
    const sign = (path: string) =>
      one.gateway.sign({ url: `${origin.url}${path}`, expires: '1h', singleUse: true });
    const link = sign('/file');
    expect(await statusOf(net, one, link, '192.0.2.1')).toBe(200);
    expect(await statusOf(net, two, link, '192.0.2.2')).toBe(403);
    expect(await statusOf(net, two, link, '192.0.2.1')).toBe(200);
    const ordinary = one.gateway.sign({ url: `${origin.url}/another`, expires: '1h' });
    expect(await statusOf(net, one, ordinary, '192.0.2.1')).toBe(200);
    expect(await statusOf(net, two, ordinary, '192.0.2.2')).toBe(200);
  });

  test('refuse a single-use link while another client downloads, and serve it if that fails [Sluiceway]', async ({
    net,
  }) => {
    const asked = new Gate();
    const gate = new Gate();
    let isOpen = false;
    const origin = await net.origin(async (connection) => {
      for (;;) {
        await connection.readRequest();
        asked.open();
        await gate.opened;
        const unavailable = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n';
        await connection.write(isOpen ? sized('file') : unavailable);
      }
    });
    const { one, two } = await startTwo(net);
    const link = one.gateway.sign({ url: `${origin.url}/file`, expires: '1h', singleUse: true });
    const first = statusOf(net, one, link, '192.0.2.1');
    await asked.opened;
    expect(await statusOf(net, two, link, '192.0.2.2')).toBe(403);
    gate.open();
    expect(await first).not.toBe(200);
    isOpen = true;
    await until(async () => (await statusOf(net, one, link, '192.0.2.2')) === 200, 'the link was free');
  });

  test('end the running downloads of a link that one of them revokes, and refuse it [Sluiceway]', async ({
    net,
  }) => {
    const gate = new Gate();
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
      await gate.opened;
    });
    const { one, two } = await startTwo(net);
    const link = one.gateway.sign({ url: `${origin.url}/file`, expires: '1h' });
    const client = await net.client(two.running);
    await client.get(link);
    const head = await client.readHead();
    one.gateway.revoke(link);
    expect((await client.readContent(head)).complete).toBe(false);
    gate.open();
    expect(await statusOf(net, two, link, '192.0.2.1')).toBe(410);
  });
});

describeWith(redisServer)('a gateway whose store is gone', () => {
  test('refuses single-use links with 503, and serves others [Sluiceway]', async ({ net }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const origin = await net.origin(respondWith(() => sized('file')));
    const store = redisStore({ url: redis.url });
    const started = await startGateway(net, { limits: { store } });
    net.cleanup(() => store.close());
    const sign = (singleUse: boolean) =>
      started.gateway.sign({ url: `${origin.url}/${String(singleUse)}`, expires: '1h', singleUse });
    await redis.kill();
    const once = sign(true);
    expect(await statusOf(net, started, once, '192.0.2.1')).toBe(503);
    expect(await statusOf(net, started, sign(false), '192.0.2.1')).toBe(200);
    await redis.start();
    await until(async () => (await statusOf(net, started, once, '192.0.2.1')) === 200, 'the store was back');
  });
});
