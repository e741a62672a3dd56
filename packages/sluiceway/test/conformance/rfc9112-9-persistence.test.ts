import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized, through } from '../support/through.js';

describe('the connection to the origin server', () => {
  test('is used again by whichever client comes next [RFC 9112 9.3]', async ({ net }) => {
    const { client, origin, running } = await through(net, respondWith(chunked(['content'])));
    for (let i = 0; i < 10; i++) {
      await client.get('/');
      expect((await client.readResponse()).complete).toBe(true);
    }
    for (let i = 0; i < 10; i++) {
      const other = await net.client(running);
      await other.get('/', ['Connection: close']);
      expect(await other.readResponse()).toMatchObject({ complete: true });
    }
    expect(origin.total).toBe(1);
  });

  test('is not used again after `Connection: close`, whatever else that field says [RFC 9112 9.6; Go ReverseProxy]', async ({
    net,
  }) => {
    const { client, origin } = await through(
      net,
      respondWith(sized('x', ['Connection: X-Hop', 'Connection: Close'])),
    );
    for (let i = 0; i < 3; i++) {
      await client.get('/');
      expect(await client.readResponse()).toMatchObject({ complete: true, ended: undefined });
    }
    expect(origin.total).toBe(3);
  });

  test('of HTTP/1.0 is used again only where it says keep-alive [RFC 9112 9.3]', async ({ net }) => {
    const answer = (lines: string[]): Buffer => sized('x', lines, 'HTTP/1.0 200 OK');
    for (const [lines, connections] of [
      [[], 2],
      [['Connection: keep-alive'], 1],
    ] as const) {
      const { client, origin } = await through(net, respondWith(answer([...lines])));
      for (let i = 0; i < 2; i++) {
        await client.get('/');
        expect((await client.readResponse()).complete).toBe(true);
      }
      expect(origin.total).toBe(connections);
    }
  });

  test('carries one request at a time: parallel requests get connections of their own [RFC 9112 9.4]', async ({
    net,
  }) => {
    const all = new Gate();
    let waiting = 0;
    const { origin, running } = await through(net, async (connection) => {
      for (;;) {
        const { target } = await connection.readHead();
        waiting += 1;
        if (waiting === 5) all.open();
        await all.opened;
        await connection.write(sized(target));
      }
    });
    const contents = await Promise.all(
      ['/a', '/b', '/c', '/d', '/e'].map(async (target) => {
        const client = await net.client(running);
        await client.get(target);
        return (await client.readResponse()).content.toString();
      }),
    );
    expect(contents).toEqual(['/a', '/b', '/c', '/d', '/e']);
    expect(origin.total).toBe(5);
  });
});

describe('the connection of the client', () => {
  test('is closed after `Connection: close`, with the whole response before it [RFC 9112 9.6]', async ({
    net,
  }) => {
    const { client } = await through(net, respondWith(sized('x'.repeat(300_000))));
    await client.get('/', ['Connection: close']);
    const response = await client.readResponse();
    expect(response.head.get('connection')).toBe('close');
    expect(response).toMatchObject({ complete: true, contentLength: 300_000 });
    expect(await client.closed).toBe('fin');
  });

  test('is kept though the origin server closes its own [RFC 9110 7.6.1]', async ({ net }) => {
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\n\r\nuntil close');
      connection.end();
    });
    for (let i = 0; i < 3; i++) {
      await client.get('/');
      expect(await client.readResponse()).toMatchObject({
        complete: true,
        delimitedBy: 'chunked',
        ended: undefined,
      });
    }
  });

  test('may carry pipelined requests, which are sent on one after the other [RFC 9112 9.3.2]', async ({
    net,
  }) => {
    const targets: string[] = [];
    const { client, origin } = await through(net, async (connection) => {
      for (;;) {
        const { target } = await connection.readHead();
        targets.push(target);
        await connection.write(sized(`answer to ${target} ${'x'.repeat(10_000)}`));
      }
    });
    let requests = '';
    for (let i = 0; i < 300; i++) requests += `GET /${i} HTTP/1.1\r\nHost: test\r\n\r\n`;
    await client.send(requests);
    for (let i = 0; i < 300; i++) {
      const response = await client.readResponse();
      expect(response.content.toString()).toMatch(new RegExp(`^answer to /${i} x{10000}$`));
    }
    expect(targets).toEqual(Array.from({ length: 300 }, (_, i) => `/${i}`));
    // However many requests one client sends at once, they share a connection.
    expect(origin.total).toBe(1);
  });

  test('that carries pipelined requests is closed after the first that fails in its content [RFC 9112 9.3.2]', async ({
    net,
  }) => {
    const { client, running } = await through(net, async (connection) => {
      const { target } = await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n');
      await connection.write(target === '/broken' ? 'half' : '0123456789');
      connection.end();
    });
    await client.send(
      ['/whole', '/broken', '/late'].map((path) => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`).join(''),
    );
    expect((await client.readResponse()).complete).toBe(true);
    expect((await client.readResponse()).complete).toBe(false);
    await client.closed;
    expect((await running.record(2)).outcome).toBe('client_aborted');
  });

  test('may carry pipelined uploads [RFC 9112 9.3.2]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith((head, content) => sized(`${head.target} ${content.toString()}`)),
    );
    let requests = '';
    for (let i = 0; i < 5; i++)
      requests += `POST /${i} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`;
    await client.send(requests);
    for (let i = 0; i < 5; i++) {
      expect((await client.readResponse()).content.toString()).toBe(`/${i} body`);
    }
  });
});
