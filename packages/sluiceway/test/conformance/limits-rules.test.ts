import { describe, expect } from 'vitest';
import { createProxy } from '../../src/index.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { problemsOf } from '../support/problems.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

type Rules = NonNullable<NonNullable<ProxyOptions['limits']>['rules']>;

const limited = (net: Network, rules: Rules, script: OriginScript, options: Partial<ProxyOptions> = {}) =>
  through(net, script, { ...options, limits: { rules } });

/** Answers each request once the gate opens, and counts those that arrive. */
function held() {
  const gate = new Gate();
  const state = { gate, asked: 0 };
  const script: OriginScript = async (connection) => {
    for (;;) {
      await connection.readHead();
      state.asked += 1;
      await gate.opened;
      await connection.write(sized('done'));
    }
  };
  return Object.assign(state, { script });
}

const ok = respondWith(sized('ok'));

describe('transfers at a time', () => {
  test('beyond the limit of a client get 429 before the origin server is asked, with when to retry and what the limit is [RFC 6585 4; draft-ietf-httpapi-ratelimit-headers 3]', async ({
    net,
  }) => {
    const origin = held();
    const { client, running } = await limited(net, [{ name: 'clients', transfers: 1 }], origin.script);
    void client.get('/');
    await until(() => origin.asked === 1, 'the first request had arrived');
    const second = await net.client(running);
    await second.get('/');
    const { head } = await second.readResponse();
    expect(head.status).toBe(429);
    expect(Number(head.get('retry-after'))).toBeGreaterThan(0);
    expect(head.get('ratelimit-policy')).toBe('"clients-transfers";q=1;qu="concurrent-requests"');
    expect(head.get('ratelimit')).toBe('"clients-transfers";r=0');
    expect(await running.record()).toMatchObject({ outcome: 'limited', error: 'transfer_limit_reached' });
    expect(origin.asked).toBe(1);
    origin.gate.open();
    expect((await client.readResponse()).head.status).toBe(200);
    await running.record(1);
    await second.get('/');
    expect((await second.readResponse()).head.status).toBe(200);
  });

  test('beyond the limit of all get 503 [RFC 9110 15.6.4]', async ({ net }) => {
    const origin = held();
    const { client, running } = await limited(net, [{ by: 'all', transfers: 1 }], origin.script);
    void client.get('/');
    await until(() => origin.asked === 1, 'the first request had arrived');
    const second = await net.client(running);
    await second.get('/');
    expect((await second.readResponse()).head.status).toBe(503);
    origin.gate.open();
    await client.readResponse();
  });

  test('wait in a queue where asked, in their order, and leave it with their client [Sluiceway]', async ({
    net,
  }) => {
    const origin = held();
    const { client, running } = await limited(
      net,
      [{ transfers: 1, queue: { length: 2, timeout: '1m' } }],
      origin.script,
    );
    void client.get('/1');
    await until(() => origin.asked === 1, 'the first request had arrived');
    const [impatient, patient, late] = await Promise.all([1, 2, 3].map(() => net.client(running)));
    if (!impatient || !patient || !late) throw new Error('no clients');
    await impatient.get('/2');
    const waiting = (count: number) => () => running.proxy.limits.usage()[0]?.waiting === count;
    await until(waiting(1), 'one request waited');
    await patient.get('/3');
    await until(waiting(2), 'two requests waited');
    await late.get('/4');
    expect((await late.readResponse()).head.status).toBe(429);
    impatient.close();
    await until(waiting(1), 'the client had left the queue');
    origin.gate.open();
    expect((await client.readResponse()).head.status).toBe(200);
    expect((await patient.readResponse()).head.status).toBe(200);
    expect(origin.asked).toBe(2);
  });

  test('in a queue for too long are refused [Sluiceway]', async ({ net }) => {
    const origin = held();
    const rules: Rules = [{ transfers: 1, queue: { length: 2, timeout: '100ms' } }];
    const { client, running } = await limited(net, rules, origin.script);
    void client.get('/');
    await until(() => origin.asked === 1, 'the first request had arrived');
    const second = await net.client(running);
    await second.get('/');
    expect((await second.readResponse()).head.status).toBe(429);
    origin.gate.open();
    await client.readResponse();
  });

  test('count over HTTP/2 as over HTTP/1.1 [Sluiceway]', async ({ net }) => {
    const held2 = held();
    const origin = await net.origin(held2.script);
    const running = await net.proxy(
      { upstream: origin.url, limits: { rules: [{ transfers: 2 }] } },
      { http2: 'h2c' },
    );
    const session = await net.http2(running);
    const first = [session.get('/'), session.get('/')];
    await until(() => held2.asked === 2, 'both requests had arrived');
    expect((await session.get('/')).status).toBe(429);
    held2.gate.open();
    expect((await Promise.all(first)).map(({ status }) => status)).toEqual([200, 200]);
  });
});

describe('requests per time', () => {
  test('beyond the limit get 429 with the time at which the next one is allowed [RFC 6585 4]', async ({
    net,
  }) => {
    const { client, running } = await limited(net, [{ requests: { count: 2, per: '1m' } }], ok);
    for (const status of [200, 200, 429, 429]) {
      await client.get('/');
      const { head } = await client.readResponse();
      expect(head.status).toBe(status);
      if (status === 200) continue;
      expect(Number(head.get('retry-after'))).toBeGreaterThan(50);
      expect(Number(head.get('retry-after'))).toBeLessThan(66);
      expect(head.get('ratelimit-policy')).toBe('"client";q=2;w=60');
      expect(head.get('ratelimit')).toMatch(/^"client";r=0;t=\d+$/);
    }
    expect(await running.record(2)).toMatchObject({ error: 'request_limit_reached' });
  });

  test('are allowed again when their time has passed [Sluiceway]', async ({ net }) => {
    const { client } = await limited(net, [{ requests: { count: 1, per: '200ms' } }], ok);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(200);
    await until(async () => {
      await client.get('/');
      return (await client.readResponse()).head.status === 200;
    }, 'a request was allowed again');
  });

  test('are counted for those that the rule is for [Sluiceway]', async ({ net }) => {
    const rules: Rules = [
      { match: { paths: ['/files/*', '*.iso'], methods: ['GET'] }, requests: { count: 1, per: '1h' } },
    ];
    const { client } = await limited(net, rules, ok);
    const statusOf = async (path: string, method = 'GET') => {
      await client.send(`${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      return (await client.readResponse({ method })).head.status;
    };
    expect(await statusOf('/other')).toBe(200);
    expect(await statusOf('/files/a', 'OPTIONS')).toBe(200);
    expect(await statusOf('/files/a')).toBe(200);
    // Other spellings of the same path.
    for (const path of ['/files/b', '/%66iles/c', '//files/d', '/x/../files/e', '/FILES/f', '/a.iso'])
      expect([path, await statusOf(path)]).toEqual([path, 429]);
    expect(await statusOf('/other')).toBe(200);
  });

  test('are not counted for exempt clients [Sluiceway]', async ({ net }) => {
    const rules: Rules = [{ except: { clients: ['127.0.0.0/8'] }, requests: { count: 1, per: '1h' } }];
    const { client } = await limited(net, rules, ok);
    for (let i = 0; i < 3; i += 1) {
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(200);
    }
  });

  test('are counted by field, by a function, and by the client behind a trusted proxy [Sluiceway]', async ({
    net,
  }) => {
    const requests = { count: 1, per: '1h' };
    const ways: [Rules, string[], string[]][] = [
      [[{ by: { header: 'X-Tenant' }, requests }], ['X-Tenant: a'], ['X-Tenant: b']],
      [[{ by: ({ path }) => path, requests }], ['X-A: 1'], []],
      [[{ requests }], ['X-Forwarded-For: 192.0.2.1'], ['X-Forwarded-For: 192.0.2.2']],
      // One IPv6 network is one client, whatever its addresses are.
      [[{ requests }], ['X-Forwarded-For: 2001:db8::1'], ['X-Forwarded-For: 2001:db8:0:1::1']],
    ];
    for (const [rules, same, other] of ways) {
      const { client } = await limited(net, rules, ok, { trustedProxies: ['127.0.0.1'] });
      const statusOf = async (lines: string[], path = '/') => {
        await client.send(
          ['GET ', path, ' HTTP/1.1\r\nHost: a\r\n', ...lines.map((l) => `${l}\r\n`), '\r\n'].join(''),
        );
        return (await client.readResponse()).head.status;
      };
      expect(await statusOf(same)).toBe(200);
      expect(await statusOf(same)).toBe(429);
      expect(await statusOf(other, '/other')).toBe(200);
    }
  });
});

describe('bytes per day', () => {
  test('are exact: what exceeds them is broken off, and further requests get 429 until midnight [Sluiceway]', async ({
    net,
  }) => {
    const file = seededBytes('file', 0, 60_000);
    const { client, running } = await limited(
      net,
      [{ bytes: { count: 100_000, per: 'day' } }],
      respondWith(sized(file)),
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(true);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(false);
    expect(isSeeded('file', 0, response.content)).toBe(true);
    expect(await running.record(1)).toMatchObject({
      outcome: 'limited',
      error: 'byte_limit_reached',
      bytesDown: 40_000,
    });
    const third = await net.client(running);
    await third.get('/');
    const { head } = await third.readResponse();
    expect(head.status).toBe(429);
    expect(Number(head.get('retry-after'))).toBeLessThanOrEqual(86_400);
    expect(head.get('ratelimit-policy')).toBe('"client-bytes";q=100000;qu="content-bytes";w=86400');
  });
});

describe('bandwidth', () => {
  test('is that of all connections of a client together [Sluiceway]', async ({ net }) => {
    const file = seededBytes('file', 0, 50_000);
    const { running } = await limited(net, [{ download: 200_000 }], respondWith(sized(file)));
    const start = performance.now();
    const responses = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const client = await net.client(running);
        await client.get('/');
        return client.readResponse();
      }),
    );
    expect(responses.every(({ complete, content }) => complete && isSeeded('file', 0, content))).toBe(true);
    // 400,000 bytes, of which a tenth of a second's pass at once.
    expect(performance.now() - start).toBeGreaterThan(1850);
  });

  test('of two rules is the lower one, and uploads have their own [Sluiceway]', async ({ net }) => {
    const file = seededBytes('file', 0, 100_000);
    const rules: Rules = [
      { by: 'all', download: '10MB', upload: '10MB' },
      { download: 200_000, upload: '100GB' },
    ];
    const { client } = await limited(net, rules, respondWith(sized(file)));
    let start = performance.now();
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(true);
    expect(performance.now() - start).toBeGreaterThan(370);
    start = performance.now();
    await client.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${file.length}\r\n\r\n`);
    await client.send(file);
    expect((await client.readResponse()).complete).toBe(true);
  });

  test('changes for running transfers, which keep their counts [Sluiceway]', async ({ net }) => {
    const file = seededBytes('file', 0, 5_000_000);
    const { client, running } = await limited(
      net,
      [{ name: 'a', download: 1000, requests: { count: 1, per: '1h' } }],
      respondWith(sized(file)),
    );
    await client.get('/');
    await client.readHead();
    await until(() => (running.proxy.transfers()[0]?.bytesDown ?? 0) > 0, 'content passed');
    expect(running.proxy.transfers()[0]?.bytesDown).toBeLessThan(100_000);
    running.proxy.setLimits([{ name: 'a', download: '1GB', requests: { count: 1, per: '1h' } }]);
    expect((await client.readExactly(file.length)).length).toBe(file.length);
    await running.record();
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(429);
    running.proxy.setLimits([]);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(200);
  });

  test('can be limited for transfers that began without a limit [Sluiceway]', async ({ net }) => {
    const gate = new Gate();
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\na');
      await gate.opened;
      await connection.write(seededBytes('file', 0, 100_000));
    });
    await client.get('/');
    await client.readHead();
    await client.readExactly(1);
    running.proxy.setLimits([{ download: 200_000 }]);
    const start = performance.now();
    gate.open();
    expect(isSeeded('file', 0, await client.readExactly(100_000))).toBe(true);
    expect(performance.now() - start).toBeGreaterThan(370);
  });
});

describe('an operator', () => {
  test('sees what keys use, and blocks one: its transfers end, and further requests get 403 [Sluiceway]', async ({
    net,
  }) => {
    const { client, running } = await limited(
      net,
      [
        {
          name: 'c',
          download: 1000,
          transfers: 5,
          requests: { count: 9, per: '1h' },
          bytes: { count: '1GB', per: 'month' },
        },
      ],
      respondWith(sized(seededBytes('file', 0, 100_000))),
    );
    const { limits } = running.proxy;
    await client.get('/');
    await client.readHead();
    await until(() => (limits.usage()[0]?.bytes ?? 0) > 0, 'content passed');
    expect(limits.usage({ top: 1, rule: 'c' })).toMatchObject([
      { rule: 'c', key: '127.0.0.1', transfers: 1, waiting: 0, requests: 1, blockedUntil: null },
    ]);
    expect(limits.usage({ top: 0 })).toEqual([]);
    expect(() => limits.block('other', 'x')).toThrow(RangeError);
    expect(limits.block('c', '::ffff:127.0.0.1', { for: '1h' })).toBe(1);
    expect(await running.record()).toMatchObject({ outcome: 'limited', error: 'limit_key_blocked' });
    const again = await net.client(running);
    await again.get('/');
    expect((await again.readResponse()).head.status).toBe(403);
    expect(limits.usage()[0]?.blockedUntil).toMatch(/^\d{4}-/);
    expect(limits.unblock('c', '127.0.0.1')).toBe(true);
    expect(limits.unblock('c', '127.0.0.1')).toBe(false);
    const free = await net.client(running);
    await free.get('/');
    expect((await free.readHead()).status).toBe(200);
  });

  test('sees the rules, and all blocked keys, those without traffic too [Sluiceway]', async ({ net }) => {
    const rules: Rules = [
      { name: 'c', download: 1000, queue: { length: 2 }, requests: { count: 9, per: '1m' } },
      { by: { header: 'X-Tenant' }, bytes: { count: '1GB', per: '1h' } },
      { by: () => null, transfers: 3, when: [{ from: '00:00', to: '24:00' }] },
    ];
    const { running } = await limited(net, rules, ok);
    const { limits } = running.proxy;
    const none = { download: null, upload: null, transfers: null, requests: null, bytes: null, queue: null };
    const each = { active: true, keys: 0 };
    expect(limits.rules()).toEqual([
      {
        ...none,
        ...each,
        name: 'c',
        by: 'client',
        download: 1000,
        requests: { count: 9, perMs: 60_000 },
        queue: { length: 2, timeoutMs: 30_000 },
      },
      {
        ...none,
        ...each,
        name: 'header',
        by: 'header x-tenant',
        bytes: { count: 1_000_000_000, per: 3_600_000 },
      },
      { ...none, ...each, name: 'custom', by: 'function', transfers: 3 },
    ]);
    expect(limits.blocks()).toEqual([]);
    limits.block('c', '192.0.2.1');
    limits.block('header', 'a', { for: '2h' });
    limits.block('c', '2001:db8::1', { for: '1h' });
    limits.block('c', '192.0.2.2', { for: '100000000d' });
    expect(limits.blocks()).toMatchObject([
      { rule: 'c', key: '2001:db8:0:0::/64', until: expect.stringMatching(/^\d{4}-.*Z$/) as unknown },
      { rule: 'header', key: 'a', until: expect.stringMatching(/^\d{4}-.*Z$/) as unknown },
      { rule: 'c', key: '192.0.2.2', until: 'forever' },
      { rule: 'c', key: '192.0.2.1', until: 'forever' },
    ]);
    limits.unblock('header', 'a');
    expect(limits.blocks()).toHaveLength(3);
  });
});

describe('rules', () => {
  test('with mistakes are refused with all of them, when a proxy is made and when they change [Sluiceway]', () => {
    const rules = [
      { by: 'nobody' },
      { by: { header: 'a b' }, download: '1MB' },
      { name: 'x', transfers: 0 },
      { name: 'x', requests: { count: 1 }, bytes: { count: 1, per: '1ms' } },
      { download: '1MB', queue: { length: 1 } },
      { upload: 'fast', match: { paths: ['files'] }, except: { clients: ['me'] } },
      { download: 1, when: [{ from: '8', timeZone: 'Here', days: ['day'] }] },
    ] as unknown as Rules;
    const problems = problemsOf(() => createProxy({ upstream: 'http://127.0.0.1', limits: { rules } }));
    expect(problems.map((line) => line.split(' ', 1)[0])).toEqual(
      expect.arrayContaining([
        'limits.rules[0].by',
        'limits.rules[0]',
        'limits.rules[1].by.header',
        'limits.rules[2].transfers',
        'limits.rules[3].name',
        'limits.rules[3].requests.per',
        'limits.rules[3].bytes.per',
        'limits.rules[4].queue',
        'limits.rules[5].upload',
        'limits.rules[5].match.paths[0]',
        'limits.rules[5].except.clients[0]',
        'limits.rules[6].when[0].from',
        'limits.rules[6].when[0].timeZone',
        'limits.rules[6].when[0].days[0]',
      ]),
    );
    // A limit that is not valid is not missing.
    for (const each of [2, 5]) expect(problems.join('\n')).not.toContain(`limits.rules[${each}] must`);
    const proxy = createProxy({ upstream: 'http://127.0.0.1' });
    expect(problemsOf(() => proxy.setLimits(rules)).map((line) => line.split(' ', 1)[0])).toContain(
      'rules[0].by',
    );
    proxy.destroy();
  });
});
