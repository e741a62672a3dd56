import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { nowhere } from '../support/nowhere.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

describe('onError', () => {
  test('may answer in place of the problem report [Go ReverseProxy]', async ({ net }) => {
    const { client, running } = await through(net, (connection) => connection.destroy(), {
      onError: async ({ error, request }) => {
        await Promise.resolve();
        return { status: 418, headers: { 'X-Code': error.code }, content: request?.path ?? '' };
      },
    });
    await client.get('/path');
    const response = await client.readResponse();
    expect(response.head.status).toBe(418);
    expect(response.head.get('x-code')).toBe('connection_terminated');
    expect(response.content.toString()).toBe('/path');
    expect(await running.record()).toMatchObject({ outcome: 'upstream_refused', status: 418 });
  });

  test('that answers nothing leaves the problem report [Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(net, (connection) => connection.destroy(), { onError: () => {} });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
  });

  test('is told of a request that could not be read, without it [Go ReverseProxy]', async ({ net }) => {
    let seen: unknown = 'nothing';
    const { client } = await through(net, respondWith(sized('')), {
      onError: ({ request }) => void (seen = request),
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
    [
      'throws null',
      () => {
        // oxlint-disable-next-line typescript/only-throw-error -- anything may be thrown
        throw null;
      },
    ],
    ['answers with a bad field', () => ({ status: 500, headers: { 'X-A': 'b\r\nc' } })],
    ['answers with a status of 100', () => ({ status: 100 })],
  ] as const)('that %s leaves the problem report [Go ReverseProxy]', async ([, onError], { net }) => {
    const warned = new Promise((resolve) => process.once('warning', resolve));
    const { client } = await through(net, (connection) => connection.destroy(), { onError });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    await warned;
  });

  test('is not asked when the head is out or the client is gone [Go ReverseProxy; Caddy]', async ({
    net,
  }) => {
    const asked: string[] = [];
    const { client, running } = await through(
      net,
      async (connection) => {
        const { target } = await connection.readHead();
        if (target === '/hang') return;
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
        connection.end();
      },
      { onError: ({ error }) => void asked.push(error.code) },
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    const other = await net.client(running);
    await other.get('/hang');
    other.close();
    expect((await running.record(1)).outcome).toBe('client_aborted');
    expect(asked).toEqual([]);
  });

  test.for([
    ['a refused connection', 'connection_refused'],
    ['a name that does not resolve', 'dns_error'],
    ['an origin server that hangs up', 'connection_terminated'],
    ['a response that is none', 'http_protocol_error'],
    ['silence', 'http_response_timeout'],
  ] as const)(
    'is asked once about %s, and onUpstreamResponse never [Go ReverseProxy; Caddy]',
    async ([failure, code], { net }) => {
      const origin = await net.origin(async (connection) => {
        await connection.readHead();
        if (failure === 'silence') return void (await connection.closed);
        if (failure === 'a response that is none') await connection.write('nonsense\r\n\r\n');
        connection.end();
      });
      const refused = await net.origin(() => {});
      await refused.stop();
      const upstream =
        code === 'connection_refused' ? refused.url : code === 'dns_error' ? `http://${nowhere}` : origin.url;
      const asked: string[] = [];
      let seen = 0;
      const running = await net.proxy({
        upstream,
        ...(failure === 'silence' && { timeouts: { responseHead: 100 } }),
        onUpstreamResponse: () => void (seen += 1),
        onError: ({ error }) => {
          asked.push(error.code);
          return { status: 418 };
        },
      });
      const client = await net.client(running);
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(418);
      expect(asked).toEqual([code]);
      expect(seen).toBe(0);
    },
  );

  test.for(['onRequest', 'onUpstreamRequest', 'onUpstreamResponse'] as const)(
    'has the say about a failure of %s as well, and gets what that threw as the cause [Go ReverseProxy]',
    async (hook, { net }) => {
      const thrown = new Error('why it failed');
      const causes: unknown[] = [];
      const { client } = await through(net, respondWith(sized('')), {
        [hook]: () => {
          throw thrown;
        },
        onError: ({ error }) => {
          causes.push(error.cause);
          return { status: 418 };
        },
      });
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(418);
      expect(causes).toEqual([thrown]);
    },
  );
});
