import { describe, expect } from 'vitest';
import { SluicewayError } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const HOOKS = ['onRequest', 'onUpstreamRequest', 'onUpstreamResponse'] as const;

describe.each(HOOKS)('%s', (hook) => {
  test.for([
    [
      'throws',
      () => {
        throw new Error('secret');
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret'))],
    [
      'rejects late',
      async () => {
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error('secret');
      },
    ],
    // biome-ignore lint: anything may be thrown
    [
      'throws what is no error',
      () => {
        throw 'secret' as unknown as Error;
      },
    ],
  ] as const)('that %s gets the client a 502 that tells nothing', async ([, fail], { net }) => {
    const { client, running, origin } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nstart');
        await connection.readAll();
      },
      { [hook]: fail },
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.status).toBe(502);
    expect(response.complete).toBe(true);
    expect(response.head.raw + response.content.toString()).not.toContain('secret');
    expect(await running.record()).toMatchObject({ outcome: 'internal', error: 'proxy_internal_error' });
    if (hook === 'onUpstreamResponse') await origin.connections[0]?.closed;
    else expect(origin.total).toBe(0);
  });

  test('that throws a SluicewayError decides status and message', async ({ net }) => {
    const { client, running } = await through(net, respondWith(sized('')), {
      [hook]: () => {
        throw new SluicewayError('http_request_denied', 'inside', { status: 451, publicMessage: 'outside' });
      },
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.status).toBe(451);
    expect(response.content.toString()).toContain('outside');
    expect(response.content.toString()).not.toContain('inside');
    expect(await running.record()).toMatchObject({ outcome: 'rejected', error: 'http_request_denied' });
  });

  test('that is still busy when the client leaves does not get it sent anywhere', async ({ net }) => {
    const entered = new Gate();
    const finish = new Gate();
    const { client, running, origin } = await through(net, respondWith(sized('x')), {
      [hook]: async () => {
        entered.open();
        await finish.opened;
      },
    });
    await client.get('/');
    await entered.opened;
    client.close();
    await until(() => running.open === 0, 'the proxy saw the client leave');
    finish.open();
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
    if (hook !== 'onUpstreamResponse') expect(origin.total).toBe(0);
  });
});

describe('onError', () => {
  const dead: Omit<ProxyOptions, 'upstream'> = {};

  test('may answer in place of the problem report', async ({ net }) => {
    const { client, running } = await through(net, (connection) => connection.destroy(), {
      ...dead,
      onError: async (error, downstream) => {
        await Promise.resolve();
        return { status: 418, fields: { 'X-Code': error.code }, content: downstream?.path ?? '' };
      },
    });
    await client.get('/path');
    const response = await client.readResponse();
    expect(response.head.status).toBe(418);
    expect(response.head.get('x-code')).toBe('connection_terminated');
    expect(response.content.toString()).toBe('/path');
    expect(await running.record()).toMatchObject({ outcome: 'upstream_refused', status: 418 });
  });

  test('that answers nothing leaves the problem report', async ({ net }) => {
    const { client } = await through(net, (connection) => connection.destroy(), { onError: () => {} });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
  });

  test('is told of a request that could not be read, without it', async ({ net }) => {
    let seen: unknown = 'nothing';
    const { client } = await through(net, respondWith(sized('')), {
      onError: (_error, downstream) => void (seen = downstream),
    });
    await client.send('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
    expect((await client.readResponse()).head.status).toBe(400);
    expect(seen).toBeNull();
  });

  test.for([
    [
      'throws',
      () => {
        throw new Error('again');
      },
    ],
    ['rejects', () => Promise.reject(new Error('again'))],
    ['answers with a bad field', () => ({ status: 500, fields: { 'X-A': 'b\r\nc' } })],
    ['answers with a status of 100', () => ({ status: 100 })],
  ] as const)('that %s leaves the problem report', async ([, onError], { net }) => {
    const warned = new Promise((resolve) => process.once('warning', resolve));
    const { client } = await through(net, (connection) => connection.destroy(), { onError });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    await warned;
  });

  test('is not asked when the head is out or the client is gone', async ({ net }) => {
    const asked: string[] = [];
    const { client, running } = await through(
      net,
      async (connection) => {
        const { target } = await connection.readHead();
        if (target === '/hang') return;
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
        connection.end();
      },
      { onError: (error) => void asked.push(error.code) },
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    const other = await net.client(running);
    await other.get('/hang');
    other.close();
    expect((await running.record(1)).outcome).toBe('client_aborted');
    expect(asked).toEqual([]);
  });
});

describe("errors: 'throw'", () => {
  test('rejects with nothing written while the head is unsent, and breaks off afterwards', async ({
    net,
  }) => {
    const { createProxy } = await import('../../src/index.js');
    const origin = await net.origin(async (connection) => {
      const { target } = await connection.readHead();
      if (target === '/late') await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      connection.end();
    });
    const proxy = createProxy({ upstream: origin.url, errors: 'throw' });
    const settled: unknown[] = [];
    const running = await startServer((request, response) => {
      proxy.handle(request, response).then(
        (outcome) => settled.push(outcome),
        (error: unknown) => {
          settled.push(error instanceof SluicewayError ? error.code : error);
          expect(response.headersSent).toBe(false);
          response.statusCode = 599;
          response.end('the framework says');
        },
      );
    });
    net.cleanup(async () => {
      proxy.destroy();
      await running.stop();
    });
    const client = await net.client(running);
    await client.get('/early');
    const response = await client.readResponse();
    expect(response.head.status).toBe(599);
    expect(response.content.toString()).toBe('the framework says');
    await client.get('/late');
    expect((await client.readResponse()).complete).toBe(false);
    await client.closed;
    expect(settled).toEqual(['connection_terminated', 'upstream_truncated']);
  });
});
