import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const HOP_BY_HOP = [
  'Keep-Alive: timeout=5, max=7',
  'Proxy-Connection: keep-alive',
  'Proxy-Authenticate: Basic',
  'Proxy-Authorization: Basic x',
  'TE: gzip',
  'Trailer: X-Late',
  'Upgrade: foo/2',
];

/** Ways to nominate X-A and X-B, which say nothing of the connection itself. */
const NOMINATIONS: Record<string, string[]> = {
  'one line': ['Connection: X-A, X-B'],
  'several lines': ['Connection: X-A', 'Connection: X-B'],
  'any case, spaces, empty items': ['cOnNeCtIoN: ,, x-a ,\t,X-b,'],
  'the line after one that is empty [CVE-2021-33197]': ['Connection:', 'Connection: X-A,X-B'],
  'the line after a line of its own for close': ['Connection: close', 'Connection: X-A, X-B'],
  'a line with close first': ['Connection: close, X-A', 'Connection: X-B'],
  'a line with close last': ['Connection: X-A', 'Connection: X-B, Close'],
  'a line with keep-alive last': ['Connection: X-A', 'Connection: X-B, keep-alive'],
  'an upgrade without a protocol': ['Connection: Upgrade, X-A, X-B'],
};

describe.each(Object.entries(NOMINATIONS))('fields that Connection names in %s', (way, connection) => {
  const closes = way.includes('close');

  test('do not reach the origin server [RFC 9110 7.6.1; Go ReverseProxy]', async ({ net }) => {
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

  test('do not reach the client [RFC 9110 7.6.1; Go ReverseProxy]', async ({ net }) => {
    const { client, origin } = await through(
      net,
      respondWith(sized('x', ['X-A: 1', ...connection, 'X-B: 2', 'x-a: 3', 'X-C: 4'])),
    );
    for (let i = 0; i < 3; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.get('x-c')).toBe('4');
      expect(response.head.has('x-a')).toBe(false);
      expect(response.head.has('x-b')).toBe(false);
      expect(response.head.get('connection')).toBe('keep-alive');
      expect(response.complete).toBe(true);
    }
    expect(origin.total).toBe(closes ? 3 : 1);
  });
});

describe.each(HOP_BY_HOP)('the field `%s`', (line) => {
  const [name = ''] = line.toLowerCase().split(':', 1);
  // Connection names none of them.
  const lines = [line, line.toLowerCase(), line.toUpperCase()];

  test('does not reach the origin server [RFC 9110 7.6.1; Go ReverseProxy]', async ({ net }) => {
    let seen: readonly string[] = [];
    const { client } = await through(
      net,
      respondWith((head) => {
        seen = head.lines;
        return sized('');
      }),
    );
    await client.get('/', [...lines, 'X-Last: 1']);
    await client.readResponse();
    expect(seen).toContain('X-Last: 1');
    expect(seen.filter((each) => each.toLowerCase().startsWith(`${name}:`))).toEqual([]);
  });

  test('does not reach the client [RFC 9110 7.6.1; Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized('x', lines)));
    await client.get('/');
    const { head } = await client.readResponse();
    const names = head.lines.map((each) => each.split(':', 1)[0]);
    expect(names.filter((each) => each !== 'Date')).toEqual([
      'Content-Length',
      'Via',
      'Connection',
      'Keep-Alive',
    ]);
    expect(head.get('keep-alive')).toBe('timeout=75');
  });
});

test('Alt-Svc of the origin server, which would lead clients around the proxy, does not reach them [RFC 7838 3; Caddy]', async ({
  net,
}) => {
  const { client } = await through(net, respondWith(sized('x', ['Alt-Svc: h3=":443"', 'alt-svc: clear'])));
  await client.get('/');
  expect((await client.readResponse()).head.has('alt-svc')).toBe(false);
});

test('a field literally named Trailers is an ordinary one, both ways [Go ReverseProxy]', async ({ net }) => {
  let seen: string | undefined;
  const { client } = await through(
    net,
    respondWith((head) => {
      seen = head.get('trailers');
      return sized('x', ['Trailers: down']);
    }),
  );
  await client.get('/', ['Trailers: up']);
  expect((await client.readResponse()).head.get('trailers')).toBe('down');
  expect(seen).toBe('up');
});

test('HTTP2-Settings does not reach the origin server, even where Connection does not name it [RFC 9113 3.1]', async ({
  net,
}) => {
  const { client } = await through(
    net,
    respondWith((head) => sized(String(head.has('http2-settings')))),
  );
  await client.get('/', ['HTTP2-Settings: AAMAAABkAAQAAP__']);
  expect((await client.readResponse()).content.toString()).toBe('false');
});

test('a client cannot have Connection remove what routes, frames or identifies the request [RFC 9110 7.6.1; CVE-2022-31813; CVE-2024-45410]', async ({
  net,
}) => {
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

test('`Connection: close` of a client does not end the connection to the origin server [Go ReverseProxy]', async ({
  net,
}) => {
  const { origin, running } = await through(net, respondWith(sized('x')));
  for (let i = 0; i < 3; i++) {
    const client = await net.client(running);
    await client.get('/', ['Connection: close']);
    expect((await client.readResponse()).complete).toBe(true);
  }
  expect(origin.total).toBe(1);
});
