import { describe, expect } from 'vitest';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { startGateway, throughGateway } from '../support/gateway.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { sized, toChunk } from '../support/through.js';
import { until } from '../support/until.js';

const endless: OriginScript = async (connection) => {
  let { target } = await connection.readHead();
  for (; target === '/whole'; { target } = await connection.readHead())
    await connection.write(sized('whole'));
  if (target === '/silent') return void (await connection.closed);
  await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
  const chunk = toChunk(seededBytes('limits', 0, 50_000));
  while (connection.ending === undefined) await connection.write(chunk);
};

describe('a place among the downloads', () => {
  test.for([
    ['transfers', 503],
    ['transfersPerClient', 429],
  ] as const)(
    'is there for none if %s is 0, and for all if it is false [Sluiceway]',
    async ([name, refused], { net }) => {
      for (const [limit, status] of [
        [0, refused],
        [false, 200],
      ] as const) {
        const { client, link } = await throughGateway(net, endless, { limits: { [name]: limit } });
        await client.get(link('/whole'));
        expect((await client.readResponse()).head.status).toBe(status);
      }
    },
  );

  test('is free again after each of 200 clients that leave, wherever they do, and so is a single-use link [Sluiceway]', async ({
    net,
  }) => {
    const leaveOneAfterTheOther = async (clients: number) => {
      const undecided: (() => void)[] = [];
      const { gateway, running, link, client, records } = await throughGateway(net, endless, {
        limits: { transfers: 1, transfersPerClient: 1 },
        decide: ({ grant }) =>
          grant.url.endsWith('/undecided')
            ? new Promise((resolve) => undecided.push(() => resolve('relay')))
            : 'relay',
      });
      const once = { singleUse: true };
      const taken = link('/whole', once);
      const links = [
        link('/undecided', once),
        link('/silent', { ...once, rate: 1000 }),
        link('/content'),
        link('/content', { rate: 1000 }),
        link('/content', { maxBytes: '1TiB' }),
      ];
      for (let i = 0; i < clients; i += 1) {
        const leaving = await net.client(running);
        await leaving.get(links[i % links.length] ?? '');
        if (i % links.length > 1) {
          expect((await leaving.readHead()).status).toBe(200);
          leaving.close();
        } else {
          await until(() => gateway.active === 1, 'the request had come');
          // A client that only closes is noticed later: see the test below.
          leaving.reset();
        }
        await until(() => gateway.active === 0, 'the transfer was over');
      }
      await until(() => records.length === clients, 'all transfers were recorded');
      expect(new Set(records.map(({ outcome }) => outcome))).toEqual(new Set(['client_aborted']));
      // What is decided now is too late to take a place.
      expect(undecided).toHaveLength(clients / links.length);
      for (const decide of undecided) decide();
      for (let i = 0; i < 3; i += 1) {
        await client.get(taken);
        expect((await client.readResponse()).content.toString()).toBe('whole');
      }
      await client.get(links[0] ?? '');
      await until(() => undecided.length === clients / links.length + 1, 'the link was asked for once more');
      undecided.at(-1)?.();
      expect((await client.readHead()).status).toBe(200);
    };
    // At four gateways, which mostly wait.
    await Promise.all(Array.from({ length: 4 }, () => leaveOneAfterTheOther(50)));
  }, 60_000);

  test('is free again after 200 clients at once that close their connection while nothing can be sent to them [Sluiceway]', async ({
    net,
  }) => {
    const { gateway, running, origin, link, client, records } = await throughGateway(net, endless, {
      // One that waits for `decide` has no place yet.
      limits: { transfers: 100 },
      decide: ({ grant }) =>
        grant.url.endsWith('/undecided') ? new Promise<never>(() => {}) : Promise.resolve('relay'),
    });
    const leaving = await Promise.all(Array.from({ length: 200 }, () => net.client(running)));
    await Promise.all(leaving.map((each, i) => each.get(link(i % 2 === 0 ? '/undecided' : '/silent'))));
    await until(() => gateway.active === 200 && origin.total === 100, 'all had come');
    await client.get(link('/whole'));
    expect((await client.readResponse()).head.status).toBe(503);
    for (const each of leaving) each.close();
    await until(() => gateway.active === 0, 'all transfers were over');
    await expect.poll(() => records.filter(({ outcome }) => outcome === 'client_aborted')).toHaveLength(200);
    await client.get(link('/whole'));
    expect((await client.readResponse()).content.toString()).toBe('whole');
  });

  test('is not had by the 1,000 requests of one client over one HTTP/2 connection, but for its share [nginx]', async ({
    net,
  }) => {
    const origin = await net.origin(endless);
    const { gateway, running, records } = await startGateway(
      net,
      { limits: { transfersPerClient: 5 } },
      { http2: 'h2c' },
    );
    const link = gateway.sign({ url: `${origin.url}/silent`, expires: '1h', rate: 1000 });
    const client = await net.http2(running);
    const streams = Array.from({ length: 1000 }, () => client.open(link));
    await until(() => records.length === 995, 'all but five were answered');
    expect(new Set(records.map(({ status }) => status))).toEqual(new Set([429]));
    expect([gateway.active, origin.total]).toEqual([5, 5]);
    for (const stream of streams) stream.destroy();
    await until(() => gateway.active === 0, 'nothing was left');
    const whole = gateway.sign({ url: `${origin.url}/whole`, expires: '1h' });
    expect((await client.get(whole)).content.toString()).toBe('whole');
  });

  test('is free again after a download that is refused, by its link, its target or its response [Sluiceway]', async ({
    net,
  }) => {
    const { client, link, gateway } = await throughGateway(
      net,
      respondWith(({ target }) =>
        target === '/gone' ? sized('', [], 'HTTP/1.1 404 Not Found') : sized('x'.repeat(100)),
      ),
      {
        limits: { transfers: 1 },
        guard: { allowAddresses: ['127.0.0.1'], allowPorts: 'any', denyHosts: ['*.test'] },
      },
    );
    const denied = gateway.sign({ url: 'http://a.test/', expires: '1h', singleUse: true });
    const large = link('/', { maxBytes: 10 });
    const other = link('/', { clientIp: '192.0.2.1' });
    for (const [target, status] of [
      [denied, 403],
      [link('/gone'), 404],
      [large, 502],
      [other, 403],
      [denied, 403],
      [link('/'), 200],
    ] as const) {
      await client.get(target);
      expect((await client.readResponse()).head.status).toBe(status);
    }
  });
});
