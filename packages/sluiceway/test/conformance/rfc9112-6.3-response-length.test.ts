import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import type { OriginScript } from '../support/raw-origin.js';
import { through } from '../support/through.js';

/** Answers the request with these bytes, and ends the connection. */
const closing =
  (answer: string): OriginScript =>
  async (connection) => {
    await connection.readHead();
    await connection.write(answer);
    connection.end();
  };

describe('a response without a length', () => {
  test.for([
    ['HTTP/1.0', 'HTTP/1.0 200 OK\r\n\r\n'],
    ['HTTP/1.0 that promises to keep the connection', 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n'],
    ['HTTP/1.1', 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'],
  ] as const)(
    'in %s reaches an HTTP/1.1 client in chunks, and its connection is kept [RFC 9112 6.3; Pingora]',
    async ([, head], { net }) => {
      const { client } = await through(net, closing(`${head}until the end`));
      for (let i = 0; i < 2; i++) {
        await client.get('/');
        const response = await client.readResponse();
        expect(response).toMatchObject({ delimitedBy: 'chunked', complete: true, ended: undefined });
        expect(response.head.version).toBe('HTTP/1.1');
        expect(response.content.toString()).toBe('until the end');
      }
    },
  );

  test('reaches an HTTP/1.0 client up to the end of its connection [RFC 9112 6.3]', async ({ net }) => {
    const { client } = await through(net, closing('HTTP/1.0 200 OK\r\n\r\nuntil the end'));
    await client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    const response = await client.readResponse();
    expect(response).toMatchObject({ delimitedBy: 'close', complete: true, ended: 'fin' });
    expect(response.head.get('connection')).toBe('close');
    expect(response.content.toString()).toBe('until the end');
  });

  test('and without content is complete and empty [RFC 9112 6.3]', async ({ net }) => {
    const { client } = await through(net, closing('HTTP/1.1 200 OK\r\n\r\n'));
    await client.get('/');
    expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: 0, ended: undefined });
  });
});

test('a Content-Length with leading zeros is the number that it says [RFC 9110 8.6]', async ({ net }) => {
  const { client } = await through(net, closing('HTTP/1.1 200 OK\r\nContent-Length: 0005\r\n\r\nfiver'));
  await client.get('/');
  const response = await client.readResponse();
  expect(response).toMatchObject({ delimitedBy: 'length', complete: true });
  expect(response.content.toString()).toBe('fiver');
});
