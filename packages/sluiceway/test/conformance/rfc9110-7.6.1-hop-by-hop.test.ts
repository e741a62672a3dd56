import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const HOP_BY_HOP = [
  'Keep-Alive: timeout=5',
  'Proxy-Connection: keep-alive',
  'Proxy-Authenticate: Basic',
  'Proxy-Authorization: Basic x',
  'TE: gzip',
  'Trailer: X-Late',
  'Upgrade: foo/2',
];

/** Ways to nominate X-A and X-B. */
const NOMINATIONS: Record<string, string[]> = {
  'one line': ['Connection: X-A, X-B'],
  'several lines': ['Connection: X-A', 'Connection: X-B'],
  'any case, spaces, empty items': ['cOnNeCtIoN: ,, x-a ,\t,X-b,'],
  'a first line that is empty': ['Connection:', 'Connection: X-A,X-B'],
  'a line with close first': ['Connection: close, X-A', 'Connection: X-B'],
  'a line with keep-alive last': ['Connection: X-A', 'Connection: X-B, keep-alive'],
  'an upgrade without a protocol': ['Connection: Upgrade, X-A, X-B'],
};

describe.each(Object.entries(NOMINATIONS))('fields nominated in %s', (_name, connection) => {
  test('do not reach the origin server', async ({ net }) => {
    let seen: string[] = [];
    const { client } = await through(
      net,
      respondWith((head) => {
        seen = head.lines.map((line) => line.split(':', 1)[0] as string);
        return sized('');
      }),
    );
    await client.get('/', ['X-A: 1', ...connection, 'X-B: 2', 'X-a: 3', 'X-C: 4']);
    await client.readResponse();
    expect(seen).toContain('X-C');
    expect(seen.filter((name) => /^(x-[ab]|connection)$/i.test(name))).toEqual([]);
  });

  test('do not reach the client', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith(sized('x', ['X-A: 1', ...connection, 'X-B: 2', 'x-a: 3', 'X-C: 4'])),
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.get('x-c')).toBe('4');
    expect(response.head.has('x-a')).toBe(false);
    expect(response.head.has('x-b')).toBe(false);
    expect(response.head.get('connection')).toBe('keep-alive');
    expect(response.complete).toBe(true);
  });
});

test('the fixed hop-by-hop fields do not reach the origin server', async ({ net }) => {
  let seen: readonly string[] = [];
  const { client } = await through(
    net,
    respondWith((head) => {
      seen = head.lines;
      return sized('');
    }),
  );
  await client.get('/', [...HOP_BY_HOP, 'Trailers: kept', 'HTTP2-Settings: AAMAAABkAAQAAP__']);
  await client.readResponse();
  expect(seen.filter((line) => HOP_BY_HOP.includes(line))).toEqual([]);
  expect(seen.filter((line) => /^http2/i.test(line))).toEqual([]);
  expect(seen).toContain('Trailers: kept');
});

test('the fixed hop-by-hop fields and Alt-Svc do not reach the client', async ({ net }) => {
  const { client } = await through(net, respondWith(sized('x', [...HOP_BY_HOP, 'Alt-Svc: h3=":443"'])));
  await client.get('/');
  const { head } = await client.readResponse();
  const names = head.lines.map((line) => line.split(':', 1)[0]);
  expect(names.filter((name) => name !== 'Date')).toEqual([
    'Content-Length',
    'Via',
    'Connection',
    'Keep-Alive',
  ]);
  expect(head.get('keep-alive')).toBe('timeout=75');
});

test('a client cannot nominate what routes, frames or identifies the request', async ({ net }) => {
  let seen: readonly string[] = [];
  const { client } = await through(
    net,
    respondWith((head, content) => {
      seen = head.lines;
      expect(content.toString()).toBe('hello');
      return sized('');
    }),
    { name: 'us' },
  );
  const nominated = 'Host, Content-Length, Content-Type, X-Forwarded-For, X-Forwarded-Proto, Via, Forwarded';
  await client.send(
    `POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nContent-Type: text/plain\r\nConnection: ${nominated}\r\n\r\nhello`,
  );
  await client.readResponse();
  expect(seen).toContain('Content-Length: 5');
  expect(seen).toContain('Content-Type: text/plain');
  expect(seen).toContain('X-Forwarded-For: 127.0.0.1');
  expect(seen).toContain('X-Forwarded-Proto: http');
  expect(seen).toContain('Via: 1.1 us');
});

test('`Connection: close` of a client does not end the connection to the origin server', async ({ net }) => {
  const { origin, running } = await through(net, respondWith(sized('x')));
  for (let i = 0; i < 3; i++) {
    const client = await net.client(running);
    await client.get('/', ['Connection: close']);
    expect((await client.readResponse()).complete).toBe(true);
  }
  expect(origin.total).toBe(1);
});
