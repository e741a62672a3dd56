import { readFileSync } from 'node:fs';
import { createLinks } from 'sluiceway/gateway';
import { describe, expect } from 'vitest';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { Gate } from '../../sluiceway/test/support/gate.js';
import { type OriginScript, respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { RedisProcess } from '../../sluiceway/test/support/redis.js';
import { describeWith, requireTool } from '../../sluiceway/test/support/requirements.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { until } from '../../sluiceway/test/support/until.js';
import { key, LOOPBACK, writeKeys } from './support/gateway-program.js';
import { type ProgramProcess, sluicewayGateway, sluicewayProxy } from './support/process.js';
import { sluicewayProxy as hostedProxy } from './support/program.js';

const redisServer = requireTool('redis-server');
const isLinux = process.platform === 'linux';

const LIMIT = 2_000_000;

/** Content without end. */
const endless: OriginScript = async (connection) => {
  await connection.readHead();
  await connection.write('HTTP/1.1 200 OK\r\n\r\n');
  const block = 'x'.repeat(64 * 1024);
  try {
    for (;;) await connection.write(block);
  } catch {
    // The proxy has left.
  }
};

/** Sends the half of each response, and the rest when the gate opens. */
function held(): { gate: Gate; script: OriginScript } {
  const gate = new Gate();
  const script: OriginScript = async (connection) => {
    for (;;) {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
      await gate.opened;
      await connection.write('cd');
    }
  };
  return { gate, script };
}

async function statusOf(net: Network, port: number, target = '/', lines: readonly string[] = []) {
  const client = await net.client(port);
  await client.get(target, lines);
  const { head } = await client.readResponse();
  client.close();
  return head.status;
}

/** Reads without end, and counts. */
async function startReading(port: number, counter: { bytes: number }): Promise<() => void> {
  const { get } = await import('node:http');
  const request = get({ host: '127.0.0.1', port, agent: false }, (response) => {
    response.on('data', (bytes: Buffer) => {
      counter.bytes += bytes.length;
    });
    response.on('error', () => {});
  });
  request.on('error', () => {});
  return () => void request.destroy();
}

describeWith(redisServer)('three processes with one store', () => {
  async function startThree(net: Network, url: string, store: string, ...flags: string[]) {
    const all: (ProgramProcess & { port: number })[] = [];
    for (let i = 0; i < 3; i += 1) all.push(await sluicewayProxy(net, url, '--store', store, ...flags));
    return all;
  }

  test('share bandwidth, and kill -9 of one leaves its part to the others [Sluiceway]', async ({ net }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const origin = await net.origin(endless);
    const all = await startThree(net, origin.url, redis.url, '--limit-rate', '2MB', '--limit-by', 'all');
    const counters = all.map(() => ({ bytes: 0 }));
    for (const [i, { port }] of all.entries()) {
      for (let stream = 0; stream < 4; stream += 1) {
        const stop = await startReading(port, counters[i] ?? { bytes: 0 });
        net.cleanup(stop);
      }
    }
    const measure = async (ms: number) => {
      const before = counters.map(({ bytes }) => bytes);
      const begin = performance.now();
      await until(() => performance.now() - begin >= ms, 'the time was over');
      const seconds = (performance.now() - begin) / 1000;
      return counters.map(({ bytes }, i) => (bytes - (before[i] ?? 0)) / seconds);
    };
    await measure(1500);
    const rates = await measure(2000);
    const total = rates.reduce((sum, rate) => sum + rate, 0);
    expect(total).toBeGreaterThan(LIMIT * 0.5);
    expect(total).toBeLessThan(LIMIT * 1.3);
    for (const rate of rates) expect(rate).toBeGreaterThan(LIMIT * 0.1);
    await all[0]?.kill();
    await measure(2000);
    const left = await measure(2000);
    expect(left[0]).toBe(0);
    const rest = left.reduce((sum, rate) => sum + rate, 0);
    expect(rest).toBeGreaterThan(LIMIT * 0.5);
    expect(rest).toBeLessThan(LIMIT * 1.3);
  });

  test('share slots, of which a killed process holds none after seconds, and nothing is left at the end [Sluiceway]', async ({
    net,
  }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const gate = new Gate();
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
      await gate.opened;
      await connection.write('cd').catch(() => {});
    });
    const [one, two, three] = await startThree(net, origin.url, redis.url, '--limit-transfers', '2');
    if (one === undefined || two === undefined || three === undefined) throw new Error('no processes');
    const clients = [await net.client(one), await net.client(two)];
    for (const client of clients) {
      await client.get('/');
      await client.readHead();
    }
    expect(await statusOf(net, three.port)).toBe(429);
    await one.kill();
    // The store itself is killed as well. The others say again what they hold.
    await redis.kill();
    await redis.start();
    gate.open();
    await until(async () => (await statusOf(net, three.port)) === 200, 'slots were free');
    const client = await redis.client(net);
    await until(async () => (await client.keys('*')).length === 0, 'the store was empty');
  });
});

describeWith(redisServer)('two gateways with one store', () => {
  test('count downloads together, and refuse more with 503 until one ends [Sluiceway]', async ({ net }) => {
    const redis = await RedisProcess.start(net, redisServer);
    const { gate, script } = held();
    const origin = await net.origin(script);
    const keys = writeKeys(net);
    const flags = ['--keys', keys, '--max-transfers', '1', '--store', redis.url, ...LOOPBACK];
    const one = await sluicewayGateway(net, ...flags);
    const two = await sluicewayGateway(net, ...flags);
    const link = createLinks({ keys: [key], path: '/download' }).sign({
      url: `${origin.url}/`,
      expires: '1h',
    });
    const holder = await net.client(one);
    await holder.get(link);
    expect((await holder.readHead()).status).toBe(200);
    expect(await statusOf(net, two.port, link)).toBe(503);
    gate.open();
    await until(async () => (await statusOf(net, two.port, link)) === 200, 'the place was free');
  });
});

describe('the flag --store', () => {
  test('with a value that is no URL is a mistake of the command line [Sluiceway]', async ({ net }) => {
    await expect(hostedProxy(net, 'http://127.0.0.1:9', '--store', 'localhost')).rejects.toThrow(
      /--store: must be a URL such as redis:/,
    );
  });

  test('with a store that cannot be reached says so, and serves [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(respondWith(() => sized('file')));
    const flags = ['--store', 'redis://user:secret@127.0.0.1:1', '--limit-transfers', '2'];
    const program = await hostedProxy(net, origin.url, ...flags);
    expect(await statusOf(net, program.port)).toBe(200);
    await until(() => program.stderr.includes('the store cannot be asked: '), 'the failure was said');
    expect(program.stderr).not.toContain('secret');
  });
});

describe.skipIf(!isLinux)('a gateway with two workers', () => {
  test('counts the downloads of both, and refuses more with 503 until one ends [Sluiceway]', async ({
    net,
  }) => {
    const { gate, script } = held();
    const origin = await net.origin(script);
    const flags = ['--keys', writeKeys(net), '--workers', '2', '--max-transfers', '1', ...LOOPBACK];
    const program = await sluicewayGateway(net, ...flags);
    const link = createLinks({ keys: [key], path: '/download' }).sign({
      url: `${origin.url}/`,
      expires: '1h',
    });
    const holder = await net.client(program);
    await holder.get(link);
    expect((await holder.readHead()).status).toBe(200);
    // The kernel chooses the worker of each connection.
    for (let i = 0; i < 20; i += 1) expect(await statusOf(net, program.port, link)).toBe(503);
    gate.open();
    await until(async () => (await statusOf(net, program.port, link)) === 200, 'the place was free');
  });

  test('serves a single-use link to one client only, whichever worker is asked [Sluiceway]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith(() => sized('x'.repeat(5000))));
    const trusted = ['--trusted-proxies', '127.0.0.1'];
    const program = await sluicewayGateway(
      net,
      '--keys',
      writeKeys(net),
      '--workers',
      '2',
      ...LOOPBACK,
      ...trusted,
    );
    const { pid } = program.child;
    expect(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')).toHaveLength(2);
    const links = createLinks({ keys: [key], path: '/download' });
    for (let round = 0; round < 5; round += 1) {
      const link = links.sign({ url: `${origin.url}/${round}`, expires: '1h', singleUse: true });
      expect(await statusOf(net, program.port, link, ['X-Forwarded-For: 192.0.2.1'])).toBe(200);
      const others = Array.from({ length: 6 }, () =>
        statusOf(net, program.port, link, ['X-Forwarded-For: 192.0.2.2']),
      );
      expect(new Set(await Promise.all(others))).toEqual(new Set([403]));
      expect(await statusOf(net, program.port, link, ['X-Forwarded-For: 192.0.2.1'])).toBe(200);
    }
  });
});
