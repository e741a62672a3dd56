import { describe, expect } from 'vitest';
import { isSeeded } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const SIZE = 2_000_000;

describe('close()', () => {
  test('lets a running transfer finish, answers new requests 503, and resolves when the last has ended [Caddy; nginx]', async ({
    net,
  }) => {
    const more = new Gate();
    const { client, running, origin } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      await connection.writeSeeded('drain', 0, 1000);
      await more.opened;
      await connection.writeSeeded('drain', 1000, SIZE);
      await connection.readAll();
    });
    await client.get('/');
    const head = await client.readHead();
    let closed = false;
    const closing = running.proxy.close().then(() => {
      closed = true;
    });

    const late = await net.client(running);
    await late.get('/');
    const refused = await late.readResponse();
    expect(refused.head.status).toBe(503);
    expect(refused.head.get('connection')).toBe('close');
    expect(refused.head.has('retry-after')).toBe(true);
    expect(await late.closed).toBe('fin');
    expect(closed).toBe(false);

    more.open();
    const { content, complete } = await client.readContent(head);
    expect(complete).toBe(true);
    expect(isSeeded('drain', 0, content)).toBe(true);
    await closing;
    expect(running.proxy.active).toBe(0);
    await until(() => origin.open === 0, 'the connection to the origin server was closed');
    expect((await running.record(1)).outcome).toBe('completed');
  });

  test('lets an upload finish that was under way [Caddy; nginx]', async ({ net }) => {
    const { client, running } = await through(
      net,
      respondWith((_head, content) => sized(String(content.length))),
    );
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n12345');
    await until(() => running.proxy.active === 1, 'the upload had begun');
    const closing = running.proxy.close();
    await client.send('67890');
    const response = await client.readResponse();
    expect(response.content.toString()).toBe('10');
    expect(response.head.get('connection')).toBe('close');
    await closing;
  });

  test('closes idle connections to the origin server, and may be called again [Caddy]', async ({ net }) => {
    const { client, running, origin } = await through(net, respondWith(sized('x')));
    await client.get('/');
    await client.readResponse();
    expect(origin.open).toBe(1);
    await running.proxy.close();
    await until(() => origin.open === 0, 'the idle connection was closed');
    await running.proxy.close();
    running.proxy.destroy();
  });
});

describe('destroy()', () => {
  test.for(['Content-Length: 1000', 'Transfer-Encoding: chunked'])(
    'ends a transfer with %s visibly, with the outcome shutdown [RFC 9112 8; Caddy]',
    async (framing, { net }) => {
      const { client, running, origin } = await through(net, async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`);
        await connection.write(framing.includes('chunked') ? '5\r\nstart\r\n' : 'start');
        await connection.readAll();
      });
      await client.get('/');
      const head = await client.readHead();
      await until(() => client.bytesRead > head.raw.length, 'content had come');
      running.proxy.destroy();
      expect(await client.readContent(head)).toMatchObject({ complete: false });
      await origin.connections[0]?.closed;
      expect(await running.record()).toMatchObject({ outcome: 'shutdown', error: 'shutdown' });
    },
  );

  test('ends close-delimited content by a reset [RFC 9112 8]', async ({ net }) => {
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\n\r\nstart');
      await connection.readAll();
    });
    await client.send('GET / HTTP/1.0\r\n\r\n');
    const head = await client.readHead();
    await client.readExactly(5);
    running.proxy.destroy();
    expect(await client.readContent(head)).toMatchObject({ complete: false });
    expect(client.ending).toBe('reset');
  });

  test('answers 503 where no head is out yet [RFC 9110 15.6.4]', async ({ net }) => {
    const { client, running, origin } = await through(net, async (connection) => {
      await connection.readAll();
    });
    await client.get('/');
    await until(() => origin.open === 1, 'the request was under way');
    running.proxy.destroy();
    expect((await client.readResponse()).head.status).toBe(503);
    expect(await running.record()).toMatchObject({ outcome: 'shutdown', status: 503 });
  });
});
