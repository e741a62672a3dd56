import { Agent } from 'undici';
import { describe, expect } from 'vitest';
import { createUpstreamGroup, OptionsError, type UpstreamGroup } from '../../../src/index.js';
import { undiciTransport } from '../../../src/undici.js';
import { loopbackCertificate } from '../../support/certificates.js';
import { type DnsAnswer, type DnsServer, startDns } from '../../support/dns-server.js';
import { type Network, test } from '../../support/fixture.js';
import type { RequestHead } from '../../support/message-head.js';
import { startHttp2Server } from '../../support/node-http2.js';
import type { RawClient } from '../../support/raw-client.js';
import { type RawOrigin, respondWith } from '../../support/raw-origin.js';
import { sized } from '../../support/through.js';
import { until } from '../../support/until.js';

/** Times between lookups that tests can wait for. */
const REFRESH = 20;

interface Named {
  /** What DNS answers, by name. Other names do not exist. */
  answers: Map<string, DnsAnswer>;
  dns: DnsServer;
}

async function startNames(net: Network, answers: Record<string, DnsAnswer>): Promise<Named> {
  const all = new Map(Object.entries(answers));
  const dns = await startDns((name) => all.get(name) ?? 'nxdomain');
  net.cleanup(() => dns.stop());
  return { answers: all, dns };
}

/** A server that answers with a name, at an address. */
async function startAt(
  net: Network,
  name: string,
  host = '127.0.0.1',
  port = 0,
  heads: RequestHead[] = [],
): Promise<RawOrigin> {
  const script = respondWith((head) => {
    heads.push(head);
    return sized(name);
  });
  return net.origin(script, { host, port });
}

function startGroup(net: Network, options: Parameters<typeof createUpstreamGroup>[0]): UpstreamGroup {
  const group = createUpstreamGroup(options);
  net.cleanup(() => group.close());
  return group;
}

async function ask(client: RawClient, count = 1): Promise<string[]> {
  const names: string[] = [];
  for (let index = 0; index < count; index += 1) {
    await client.get('/x');
    const { head, content } = await client.readResponse();
    names.push(head.status === 200 ? content.toString() : String(head.status));
  }
  return names;
}

const urlsOf = (group: UpstreamGroup): string[] => group.servers.map(({ url }) => url);

describe('a server whose name leads to several addresses', () => {
  test('is several servers, which all get the name as Host [Envoy; HAProxy]', async ({ net }) => {
    const heads: RequestHead[] = [];
    const four = await startAt(net, 'four', '127.0.0.1', 0, heads);
    await startAt(net, 'six', '::1', four.port, heads);
    const { dns } = await startNames(net, { 'files.test': ['127.0.0.1', '::1'] });
    const group = startGroup(net, {
      servers: [{ url: `http://files.test:${four.port}/base`, resolve: true }],
      dns: { servers: [dns.address] },
    });
    const running = await net.proxy({ upstream: group });
    const client = await net.client(running);
    expect(await ask(client, 4)).toEqual(['four', 'six', 'four', 'six']);
    expect(urlsOf(group)).toEqual([`http://127.0.0.1:${four.port}/base`, `http://[::1]:${four.port}/base`]);
    expect(new Set(heads.map((head) => head.get('host')))).toEqual(new Set([`files.test:${four.port}`]));
    expect(heads[0]?.target).toBe('/base/x');
    expect((await running.records(4)).map(({ upstream }) => upstream)).toContain(`http://[::1]:${four.port}`);
  });

  test('loses no request to an address where nothing listens [Envoy]', async ({ net }) => {
    const six = await startAt(net, 'six', '::1');
    const { dns } = await startNames(net, { 'files.test': ['127.0.0.1', '::1'] });
    const group = startGroup(net, {
      servers: [{ url: `http://files.test:${six.port}`, resolve: 'addresses' }],
      dns: { servers: [dns.address] },
      passive: { ejectFor: '1h' },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect(new Set(await ask(client, 40))).toEqual(new Set(['six']));
    expect(group.servers[0]).toMatchObject({ state: 'ejected', requests: 3 });
  });

  test('is resolved again when the TTL is over, and an address that is gone is drained [RFC 1035 3.2.1; Envoy]', async ({
    net,
  }) => {
    const four = await startAt(net, 'four');
    await startAt(net, 'six', '::1', four.port);
    const { dns, answers } = await startNames(net, { 'files.test': [{ address: '127.0.0.1', ttl: 1 }] });
    const group = startGroup(net, {
      servers: [{ url: `http://files.test:${four.port}`, resolve: true }],
      dns: { servers: [dns.address] },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect(await ask(client)).toEqual(['four']);
    answers.set('files.test', [{ address: '::1', ttl: 3600 }]);
    await until(() => urlsOf(group).includes(`http://[::1]:${four.port}`), 'the new address was used');
    expect(await ask(client, 2)).toEqual(['six', 'six']);
    expect(urlsOf(group)).toEqual([`http://[::1]:${four.port}`]);
    // Once for each family, then again.
    expect(dns.asked).toHaveLength(4);
  });

  test.for(['servfail', 'refused', 'garbage'] as const)(
    'keeps its addresses while the answer is %s [Envoy; HAProxy]',
    async (answer, { net }) => {
      const four = await startAt(net, 'four');
      const { dns, answers } = await startNames(net, { 'files.test': ['127.0.0.1'] });
      const group = startGroup(net, {
        servers: [{ url: `http://files.test:${four.port}`, resolve: true }],
        dns: { servers: [dns.address], refresh: REFRESH },
      });
      const client = await net.client(await net.proxy({ upstream: group }));
      expect(await ask(client)).toEqual(['four']);
      answers.set('files.test', answer);
      const before = dns.asked.length;
      await until(() => dns.asked.length > before + 8, 'the name was looked up again and again');
      expect(await ask(client, 2)).toEqual(['four', 'four']);
      expect(urlsOf(group)).toEqual([`http://127.0.0.1:${four.port}`]);
    },
  );

  test('has no addresses any more after two answers that there are none, and gets them back [RFC 2308 2.1; Envoy]', async ({
    net,
  }) => {
    const four = await startAt(net, 'four');
    const { dns, answers } = await startNames(net, { 'files.test': ['127.0.0.1'] });
    const group = startGroup(net, {
      servers: [{ url: `http://files.test:${four.port}`, resolve: true }],
      dns: { servers: [dns.address], refresh: REFRESH },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect(await ask(client)).toEqual(['four']);
    answers.delete('files.test');
    await until(() => urlsOf(group).length === 0, 'the address was gone');
    expect(await ask(client)).toEqual(['502']);
    answers.set('files.test', ['127.0.0.1']);
    await until(() => urlsOf(group).length === 1, 'the address was back');
    expect(await ask(client)).toEqual(['four']);
  });

  test('answers 502 and says why until it has been resolved [Sluiceway]', async ({ net }) => {
    const four = await startAt(net, 'four');
    const { dns, answers } = await startNames(net, { 'files.test': 'servfail' });
    const group = startGroup(net, {
      servers: [{ url: `http://files.test:${four.port}`, resolve: true }],
      dns: { servers: [dns.address], refresh: REFRESH },
    });
    const running = await net.proxy({ upstream: group });
    const client = await net.client(running);
    expect(await ask(client)).toEqual(['502']);
    expect(await running.record()).toMatchObject({
      error: 'dns_error',
      errorMessage: 'files.test: ESERVFAIL',
    });
    answers.set('files.test', ['127.0.0.1']);
    await until(() => urlsOf(group).length === 1, 'the name was resolved');
    expect(await ask(client)).toEqual(['four']);
  });

  test('keeps its last addresses without further lookups after the group was closed [Sluiceway]', async ({
    net,
  }) => {
    const four = await startAt(net, 'four');
    const { dns, answers } = await startNames(net, { 'files.test': ['127.0.0.1'] });
    const group = startGroup(net, {
      servers: [{ url: `http://files.test:${four.port}`, resolve: true }],
      dns: { servers: [dns.address], refresh: REFRESH },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect(await ask(client)).toEqual(['four']);
    group.close();
    answers.delete('files.test');
    const other = await startNames(net, { 'other.test': ['127.0.0.1'] });
    // A lookup that was under way may still end.
    await until(async () => {
      const before = dns.asked.length;
      await other.dns.resolver.resolve('other.test');
      return dns.asked.length === before;
    }, 'no lookup was under way');
    expect(await ask(client, 2)).toEqual(['four', 'four']);
    expect(urlsOf(group)).toEqual([`http://127.0.0.1:${four.port}`]);
  });

  test('is judged by the addresses that are allowed, as every connection is [Sluiceway]', async ({ net }) => {
    const four = await startAt(net, 'four');
    const { dns } = await startNames(net, { 'files.test': ['127.0.0.1'] });
    const running = await net.proxy({
      upstream: {
        servers: [{ url: `http://files.test:${four.port}`, resolve: true }],
        dns: { servers: [dns.address] },
        health: { check: 'tcp', interval: REFRESH },
      },
      addresses: 'public',
    });
    const client = await net.client(running);
    const [status] = await ask(client);
    expect(Number(status)).toBeGreaterThanOrEqual(400);
    expect(four.total).toBe(0);
  });

  test('stays without an address that was drained, although DNS still has it [Sluiceway]', async ({
    net,
  }) => {
    const four = await startAt(net, 'four');
    await startAt(net, 'six', '::1', four.port);
    const { dns } = await startNames(net, { 'files.test': ['127.0.0.1', '::1'] });
    const group = startGroup(net, {
      servers: [{ url: `http://files.test:${four.port}`, resolve: true }],
      dns: { servers: [dns.address], refresh: REFRESH },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    await ask(client);
    group.drain(`http://127.0.0.1:${four.port}`);
    const before = dns.asked.length;
    await until(() => dns.asked.length > before + 4, 'the name was looked up again');
    expect(await ask(client, 3)).toEqual(['six', 'six', 'six']);
  });

  test('is verified by its name over TLS, with HTTP/1.1, HTTP/2 and undici [RFC 9110 4.3.4]', async ({
    net,
  }) => {
    const tls = await loopbackCertificate();
    const one = await net.origin(respondWith(sized('one')), { tls });
    const two = await startHttp2Server(
      net,
      (stream) => {
        stream.respond({ ':status': 200 });
        stream.end('two');
      },
      { tls },
    );
    const resolver = { resolve: async () => [{ address: '127.0.0.1', family: 4 } as const] };
    const options = (host: string, port: number) => ({
      servers: [{ url: `https://${host}:${port}`, resolve: true }],
      dns: { resolver },
      tls: { ca: tls.ca },
      retry: { max: 0 },
    });
    const dispatcher = new Agent({ connect: { ca: tls.ca } });
    const transport = undiciTransport(dispatcher, { closesDispatcher: true });
    const proxies = [
      await net.proxy({ upstream: options('localhost', one.port) }),
      await net.proxy({ upstream: { ...options('localhost', two.port), protocol: 'http2' } }),
      await net.proxy({ upstream: { ...options('localhost', two.port), protocol: 'auto' } }),
      await net.proxy({ upstream: options('localhost', one.port), transport }),
      await net.proxy({ upstream: options('other.test', one.port) }),
    ];
    const got = await Promise.all(proxies.map(async (proxy) => ask(await net.client(proxy))));
    expect(got.flat()).toEqual(['one', 'two', 'two', 'one', '502']);
  });
});

describe('a server whose name has SRV records', () => {
  const NAME = '_http._tcp.files.test';

  test('is the servers of the records with the lowest priority, by weight, and the domain is the Host [RFC 2782]', async ({
    net,
  }) => {
    const heads: RequestHead[] = [];
    const origins = await Promise.all(
      ['light', 'heavy', 'backup'].map((name) => startAt(net, name, '127.0.0.1', 0, heads)),
    );
    const [light, heavy, backup] = origins.map(({ port }) => port);
    const record = (port = 0, priority = 1, weight = 1) => ({ name: 'host.test', port, priority, weight });
    const { dns } = await startNames(net, {
      [NAME]: [record(backup, 2, 9), record(heavy, 1, 3), record(light, 1, 0)],
      'host.test': ['127.0.0.1'],
    });
    const group = startGroup(net, {
      servers: [{ url: `http://${NAME}`, resolve: 'srv' }],
      dns: { servers: [dns.address] },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    const names = await ask(client, 8);
    expect(names.filter((name) => name === 'heavy')).toHaveLength(6);
    expect(names.filter((name) => name === 'light')).toHaveLength(2);
    expect(group.servers.map(({ weight, backup: isBackup }) => [weight, isBackup])).toEqual(
      expect.arrayContaining([
        [1, false],
        [3, false],
        [9, true],
      ]),
    );
    expect(new Set(heads.map((head) => head.get('host')))).toEqual(new Set(['files.test']));
    for (const origin of origins.slice(0, 2)) await origin.stop();
    expect(await ask(client, 2)).toEqual(['backup', 'backup']);
  });

  test('goes to the next priority while all servers of the better ones are down, and to a backup last [RFC 2782]', async ({
    net,
  }) => {
    const names = ['first', 'second', 'third', 'backup'];
    const origins = await Promise.all(names.map((name) => startAt(net, name)));
    const [first, second, third, backup] = origins;
    const record = (origin: RawOrigin | undefined, priority: number) => ({
      name: 'host.test',
      port: origin?.port ?? 0,
      priority,
      weight: 1,
    });
    const { dns } = await startNames(net, {
      [NAME]: [record(third, 30), record(first, 10), record(second, 20)],
      'host.test': ['127.0.0.1'],
    });
    const group = startGroup(net, {
      servers: [
        { url: backup?.url ?? '', backup: true },
        { url: `http://${NAME}`, resolve: 'srv' },
      ],
      dns: { servers: [dns.address] },
      passive: { failures: 1, ejectFor: '1h', maxEjected: 100 },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect(await ask(client, 3)).toEqual(['first', 'first', 'first']);
    await first?.stop();
    expect(await ask(client, 3)).toEqual(['second', 'second', 'second']);
    await second?.stop();
    expect(await ask(client, 3)).toEqual(['third', 'third', 'third']);
    await third?.stop();
    expect(await ask(client, 3)).toEqual(['backup', 'backup', 'backup']);
  });

  test('keeps the servers of a record whose name cannot be resolved any more [HAProxy]', async ({ net }) => {
    const one = await startAt(net, 'one');
    const two = await startAt(net, 'two');
    const record = (name: string, port: number) => ({ name, port, priority: 0, weight: 0 });
    const { dns, answers } = await startNames(net, {
      [NAME]: [record('one.test', one.port), record('two.test', two.port)],
      'one.test': ['127.0.0.1'],
      'two.test': ['127.0.0.1'],
    });
    const group = startGroup(net, {
      servers: [{ url: `http://${NAME}`, resolve: 'srv' }],
      dns: { servers: [dns.address], refresh: REFRESH },
    });
    const client = await net.client(await net.proxy({ upstream: group }));
    expect(new Set(await ask(client, 2))).toEqual(new Set(['one', 'two']));
    answers.set('two.test', 'servfail');
    const before = dns.asked.length;
    await until(() => dns.asked.length > before + 10, 'the names were looked up again');
    expect(new Set(await ask(client, 2))).toEqual(new Set(['one', 'two']));
    answers.set(NAME, [record('one.test', one.port)]);
    await until(() => urlsOf(group).length === 1, 'the second record was gone');
    expect(await ask(client, 2)).toEqual(['one', 'one']);
  });

  test('has no servers if the record says that there is no such service [RFC 2782]', async ({ net }) => {
    const { dns } = await startNames(net, { [NAME]: [{ name: '', port: 0, priority: 0, weight: 0 }] });
    const group = startGroup(net, {
      servers: [{ url: `http://${NAME}`, resolve: 'srv' }],
      dns: { servers: [dns.address] },
    });
    expect(await ask(await net.client(await net.proxy({ upstream: group })))).toEqual(['502']);
  });
});

test('options of names that are not valid are refused with their paths [Sluiceway]', () => {
  const problemsOf = (options: unknown): readonly string[] => {
    try {
      createUpstreamGroup(options as Parameters<typeof createUpstreamGroup>[0]);
      return [];
    } catch (error) {
      return error instanceof OptionsError ? error.problems.map(({ path }) => path) : [];
    }
  };
  const named = { url: 'http://files.test', resolve: true };
  expect(problemsOf({ servers: [{ url: 'http://files.test', resolve: 'aaaa' }] })).toEqual([
    'servers[0].resolve',
  ]);
  expect(problemsOf({ servers: [{ url: 'http://_http._tcp.test:81', resolve: 'srv' }] })).toEqual([
    'servers',
  ]);
  expect(problemsOf({ servers: [named], dns: { servers: ['files.test', '192.0.2.1:0'] } })).toEqual([
    'dns.servers[0]',
    'dns.servers[1]',
  ]);
  expect(problemsOf({ servers: [named], dns: { servers: [] } })).toEqual(['dns.servers']);
  expect(problemsOf({ servers: [named], dns: { resolver: {} } })).toEqual(['dns.resolver']);
  const both = { servers: ['192.0.2.1'], resolver: { resolve: async () => [] } };
  expect(problemsOf({ servers: [named], dns: both })).toEqual(['dns.resolver']);
});
