import type { IncomingMessage } from 'node:http';
import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized, through } from '../support/through.js';

const SIZE = 700_000;
const content = seededBytes('http10', 0, SIZE);

describe('an HTTP/1.0 client', () => {
  test('gets chunked content delimited by the end of its connection [RFC 9112 6.1]', async ({ net }) => {
    const { client, running } = await through(net, respondWith(chunked([content])));
    await client.send('GET / HTTP/1.0\r\n\r\n');
    const response = await client.readResponse();
    expect(response).toMatchObject({ delimitedBy: 'close', complete: true, contentLength: SIZE });
    expect(isSeeded('http10', 0, response.content)).toBe(true);
    expect(await running.record()).toMatchObject({ outcome: 'completed' });
  });

  test('gets sized content with its length, and keeps its connection if it asks to [RFC 9112 9.3]', async ({
    net,
  }) => {
    const { client } = await through(net, respondWith(sized(content)));
    for (let i = 0; i < 2; i++) {
      await client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
      const response = await client.readResponse();
      expect(response).toMatchObject({ delimitedBy: 'length', complete: true, ended: undefined });
      expect(response.head.get('connection')).toBe('keep-alive');
    }
    await client.send('GET / HTTP/1.0\r\n\r\n');
    expect(await client.readResponse()).toMatchObject({ delimitedBy: 'length', complete: true });
    expect(await client.closed).toBe('fin');
  });

  test('has its upload passed on as HTTP/1.1 [RFC 9110 2.5]', async ({ net }) => {
    let seen = Buffer.alloc(0);
    const { client } = await through(
      net,
      respondWith((head, bytes) => {
        seen = bytes as Buffer<ArrayBuffer>;
        expect(head.version).toBe('HTTP/1.1');
        expect(head.contentLength).toBe(SIZE);
        return sized('thanks');
      }),
    );
    void client.send(`POST / HTTP/1.0\r\nContent-Length: ${SIZE}\r\n\r\n`);
    void client.send(content);
    const response = await client.readResponse();
    expect(response.content.toString()).toBe('thanks');
    expect(isSeeded('http10', 0, seen)).toBe(true);
    expect(seen.length).toBe(SIZE);
  });

  test.for(['chunked', 'sized', 'until close'] as const)(
    'sees a reset, not a clean end, when content breaks off (%s) [RFC 9112 8]',
    async (framing, { net }) => {
      const { client, running } = await through(net, async (connection) => {
        await connection.readHead();
        const field =
          framing === 'chunked'
            ? 'Transfer-Encoding: chunked\r\n\r\n10000\r\n'
            : framing === 'sized'
              ? `Content-Length: ${SIZE}\r\n\r\n`
              : '\r\n';
        await connection.write(`HTTP/1.1 200 OK\r\n${field}`);
        await connection.write(content.subarray(0, 5000));
        if (framing === 'until close') connection.reset();
        else connection.end();
      });
      await client.send('GET / HTTP/1.0\r\n\r\n');
      const { bytes, ended } = await client.readUntilClose();
      expect(bytes.toString('latin1')).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      if (framing !== 'sized') expect(ended).toBe('reset');
      expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated' });
    },
  );

  test.for(['whole', 'cut'] as const)(
    'that has ended its own direction gets a %s response as that [RFC 9112 8]',
    async (kind, { net }) => {
      const ended = new Gate();
      const { client, running } = await through(net, async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        await connection.write('5\r\nfirst\r\n');
        await ended.opened;
        await connection.write(kind === 'whole' ? '4\r\nlast\r\n0\r\n\r\n' : '4\r\nla');
        connection.end();
      });
      running.server.once('request', ({ socket }: IncomingMessage) => socket.once('end', () => ended.open()));
      await client.send('GET / HTTP/1.0\r\n\r\n');
      expect((await client.readHead()).status).toBe(200);
      expect((await client.readExactly(5)).toString()).toBe('first');
      client.end();
      const rest = await client.readUntilClose();
      if (kind === 'whole') expect(rest.bytes.toString()).toBe('last');
      expect(rest.ended).toBe(kind === 'whole' ? 'fin' : 'reset');
    },
  );

  test('is not told of interim responses [RFC 9110 15.2]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${sized('x').toString()}`),
    );
    await client.send('GET / HTTP/1.0\r\n\r\n');
    const response = await client.readResponse();
    expect(response.interim).toEqual([]);
    expect(response.head.status).toBe(200);
  });
});
