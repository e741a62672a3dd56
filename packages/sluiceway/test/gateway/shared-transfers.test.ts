import { describe, expect } from 'vitest';
import type { GatewayOptions } from '../../src/gateway.js';
import { MemoryBackend, SharedStore } from '../../src/store.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { startGateway } from '../support/gateway.js';
import type { OriginScript } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

/** Remembers the rates that processes have asked for. */
class WatchedBackend extends MemoryBackend {
  readonly asked: { process: string; key: string; limit: number }[] = [];

  override lease(...args: Parameters<MemoryBackend['lease']>): ReturnType<MemoryBackend['lease']> {
    const [process, asks] = args;
    for (const { key, limit, weight } of asks) if (weight > 0) this.asked.push({ process, key, limit });
    return super.lease(...args);
  }
}

type Limits = NonNullable<GatewayOptions['limits']>;

/** Gateways, as in one process each, with one store. */
async function startAll(net: Network, limits: Limits, ...options: Partial<GatewayOptions>[]) {
  const backend = new WatchedBackend();
  const gateways = [];
  for (const each of options) {
    const store = new SharedStore(backend);
    gateways.push(
      await startGateway(net, { trustedProxies: ['127.0.0.1'], limits: { ...limits, store }, ...each }),
    );
    net.cleanup(() => store.close());
  }
  const [one, two] = gateways;
  if (one === undefined || two === undefined) throw new Error('no gateways');
  return { one, two, backend };
}

type Started = Awaited<ReturnType<typeof startGateway>>;

/** `/held` ends when the gate opens, `/broken` breaks unless a range is asked for, and others are short. */
const serving =
  (mayEnd: Gate): OriginScript =>
  async (connection) => {
    for (;;) {
      const head = await connection.readHead();
      if (head.target === '/broken' && !head.has('range')) {
        await connection.write('HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 4\r\n\r\nab');
        return connection.end();
      }
      if (head.target === '/broken') {
        await connection.write(
          'HTTP/1.1 206 Partial Content\r\nETag: "e"\r\nContent-Range: bytes 2-3/4\r\nContent-Length: 2\r\n\r\ncd',
        );
        continue;
      }
      if (head.target !== '/held') {
        await connection.write(sized('file'));
        continue;
      }
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
      await mayEnd.opened;
      await connection.write('cd');
    }
  };

async function ask(net: Network, { running }: Started, link: string, from: string, lines: string[] = []) {
  const client = await net.client(running);
  await client.get(link, [`X-Forwarded-For: ${from}`, ...lines]);
  return client;
}

async function statusOf(net: Network, to: Started, link: string, from: string, lines: string[] = []) {
  const client = await ask(net, to, link, from, lines);
  const { head } = await client.readResponse();
  client.close();
  return head.status;
}

describe('gateways with one store', () => {
  test.for([
    ['transfers', 503, 503],
    ['transfersPerClient', 429, 200],
  ] as const)(
    'count %s together, and refuse with %i until a download of either ends [Sluiceway]',
    async ([name, same, other], { net }) => {
      const gate = new Gate();
      const origin = await net.origin(serving(gate));
      const { one, two } = await startAll(net, { [name]: 1 }, {}, {});
      const sign = (path: string) => one.gateway.sign({ url: `${origin.url}${path}`, expires: '1h' });
      const holder = await ask(net, one, sign('/held'), '192.0.2.1');
      expect((await holder.readHead()).status).toBe(200);
      expect(await statusOf(net, two, sign('/file'), '192.0.2.1')).toBe(same);
      expect(await statusOf(net, two, sign('/file'), '192.0.2.2')).toBe(other);
      gate.open();
      await until(
        async () => (await statusOf(net, two, sign('/file'), '192.0.2.1')) === 200,
        'the place was free',
      );
    },
  );

  test('count apart if they have other paths [Sluiceway]', async ({ net }) => {
    const gate = new Gate();
    const origin = await net.origin(serving(gate));
    const { one, two } = await startAll(net, { transfers: 1 }, { path: '/a' }, { path: '/b' });
    const holder = await ask(
      net,
      one,
      one.gateway.sign({ url: `${origin.url}/held`, expires: '1h' }),
      '192.0.2.1',
    );
    expect((await holder.readHead()).status).toBe(200);
    const other = two.gateway.sign({ url: `${origin.url}/file`, expires: '1h' });
    expect(await statusOf(net, two, other, '192.0.2.1')).toBe(200);
    gate.open();
    expect(one.gateway.limits.usage()).toMatchObject([{ rule: 'limits.transfers', key: '*', transfers: 1 }]);
  });

  test('let a download that broke at one of them be continued there, although another has the last place [Sluiceway]', async ({
    net,
  }) => {
    const gate = new Gate();
    const origin = await net.origin(serving(gate));
    const { one, two } = await startAll(net, { transfers: 1 }, { resume: false }, {});
    const sign = (path: string) => one.gateway.sign({ url: `${origin.url}${path}`, expires: '1h' });
    const link = sign('/broken');
    const broken = await ask(net, one, link, '192.0.2.1');
    const head = await broken.readHead();
    expect((await broken.readContent(head)).complete).toBe(false);
    await until(() => one.gateway.active === 0, 'the broken download was over');
    let holder = await ask(net, two, sign('/held'), '192.0.2.2');
    await until(async () => {
      if ((await holder.readHead()).status === 200) return true;
      holder = await ask(net, two, sign('/held'), '192.0.2.2');
      return false;
    }, 'the other download had the place');
    expect(await statusOf(net, one, link, '192.0.2.1')).toBe(503);
    expect(await statusOf(net, one, link, '192.0.2.1', ['Range: bytes=2-'])).toBe(206);
    expect(await statusOf(net, one, link, '192.0.2.1', ['Range: bytes=2-'])).toBe(503);
    gate.open();
  });

  test('lease the rate of a link from its one limit [Sluiceway]', async ({ net }) => {
    const gate = new Gate();
    const origin = await net.origin(serving(gate));
    const { one, two, backend } = await startAll(net, {}, {}, {});
    const link = one.gateway.sign({ url: `${origin.url}/held`, expires: '1h', rate: 12_345 });
    for (const each of [one, two]) {
      const client = await ask(net, each, link, '192.0.2.1');
      expect((await client.readHead()).status).toBe(200);
    }
    const processes = () => new Set(backend.asked.map(({ process }) => process)).size;
    await until(() => processes() === 2, 'both had asked for a rate');
    expect(new Set(backend.asked.map(({ limit }) => limit))).toEqual(new Set([12_345]));
    const [key = '', ...others] = new Set(backend.asked.map((asked) => asked.key));
    expect(others).toEqual([]);
    expect(key).toMatch(/^link\.rate\n/);
    gate.open();
  });
});

test('the rules that a gateway has by itself stay when others replace its rules [Sluiceway]', async ({
  net,
}) => {
  const gate = new Gate();
  const origin = await net.origin(serving(gate));
  const started = await startGateway(net, { limits: { transfers: 1 } });
  const { gateway } = started;
  const sign = (path: string) => gateway.sign({ url: `${origin.url}${path}`, expires: '1h' });
  const holder = await ask(net, started, sign('/held'), '');
  expect((await holder.readHead()).status).toBe(200);
  gateway.setLimits([{ name: 'mine', by: 'link', transfers: 5 }]);
  expect(gateway.limits.ruleUsage()).toMatchObject([
    { rule: 'limits.transfers', transfers: 1 },
    { rule: 'link.rate', transfers: 0 },
    // Its link has been read before there was such a rule.
    { rule: 'mine', transfers: 1 },
  ]);
  expect(await statusOf(net, started, sign('/file'), '')).toBe(503);
  gate.open();
});
