import { describe, expect } from 'vitest';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const REQUEST = 'GET /chat HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

describe('a request for another protocol', () => {
  test.for([
    ['a 200', sized('plain')],
    ['a 403', sized('plain', [], 'HTTP/1.1 403 Forbidden')],
    ['a 400 with an Upgrade of its own', sized('plain', ['Upgrade: foo'], 'HTTP/1.1 400 Bad Request')],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nplain\r\n0\r\n\r\n'],
  ] as const)(
    'that is answered with %s gets it as an ordinary response without Upgrade [RFC 9110 7.8; Go ReverseProxy]',
    async ([, answer], { net }) => {
      const { client, running } = await through(net, respondWith(answer));
      await client.send(REQUEST);
      const response = await client.readResponse();
      expect(response.head.status).not.toBe(101);
      expect(response.complete).toBe(true);
      expect(response.content.toString()).toBe('plain');
      expect(response.head.has('upgrade')).toBe(false);
      expect(response.head.get('connection')).toBe('close');
      expect(await client.closed).toBe('fin');
      expect(await running.record()).toMatchObject({ outcome: 'completed' });
    },
  );

  test('that is answered with a 426 gets its Upgrade, but for h2c [RFC 9110 15.5.22]', async ({ net }) => {
    const lines = ['Connection: Upgrade', 'Upgrade: h2c, foo/2', 'Upgrade: bar'];
    const { client } = await through(
      net,
      respondWith(sized('plain', lines, 'HTTP/1.1 426 Upgrade Required')),
    );
    await client.send(REQUEST);
    const response = await client.readResponse();
    expect(response.content.toString()).toBe('plain');
    expect(response.head.getAll('upgrade')).toEqual(['foo/2, bar']);
    expect(response.head.getAll('connection')).toEqual(['Upgrade, close']);
    expect(await client.closed).toBe('fin');
  });

  test('that is refused while the client already sends gets the whole response [RFC 9112 9.6]', {
    repeats: 5,
  }, async ({ net }) => {
    const refusal = seededBytes('refusal', 0, 500_000);
    const { client } = await through(net, respondWith(sized(refusal, [], 'HTTP/1.1 403 Forbidden')));
    await client.send(REQUEST);
    void client.send(seededBytes('early', 0, 1_000_000));
    const response = await client.readResponse();
    expect(response.head.status).toBe(403);
    expect(response).toMatchObject({ complete: true, contentLength: 500_000 });
  });

  test.for([
    ['another protocol', 'Connection: Upgrade\r\nUpgrade: foo\r\n'],
    ['no protocol', 'Connection: Upgrade\r\n'],
    ['a look-alike', 'Connection: Upgrade\r\nUpgrade: webso\xe7ket\r\n'],
    ['h2c', 'Connection: Upgrade\r\nUpgrade: h2c\r\n'],
  ] as const)(
    'that is answered by a 101 with %s gets 502, and its connection is closed [Go ReverseProxy]',
    async ([, lines], { net }) => {
      const { client, running, origin } = await through(net, async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 101 Switching Protocols\r\n${lines}\r\nsecret`);
        await connection.readAll();
      });
      await client.send(REQUEST);
      const response = await client.readResponse();
      expect(response.head.status).toBe(502);
      expect(response.content.toString()).not.toContain('secret');
      await origin.connections[0]?.closed;
      expect(await running.record()).toMatchObject({
        outcome: 'upstream_invalid',
        error: 'http_upgrade_failed',
      });
    },
  );

  test('for h2c is never forwarded, and gets an ordinary response [Go ReverseProxy; RFC 9113 3.1]', async ({
    net,
  }) => {
    const { client } = await through(
      net,
      respondWith((head) => {
        expect(head.has('upgrade')).toBe(false);
        expect(head.has('http2-settings')).toBe(false);
        expect(head.has('connection')).toBe(false);
        return sized('plain');
      }),
    );
    await client.get('/', [
      'Connection: Upgrade, HTTP2-Settings',
      'Upgrade: h2c',
      'HTTP2-Settings: AAMAAABkAAQAAP__',
    ]);
    const response = await client.readResponse();
    expect(response.head.status).toBe(200);
    expect(response.content.toString()).toBe('plain');
  });

  test('for h2c or websocket is forwarded without h2c [Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith((head) => {
        expect(head.get('upgrade')).toBe('websocket');
        return sized('plain');
      }),
    );
    await client.get('/', ['Connection: Upgrade', 'Upgrade: h2c, websocket']);
    expect((await client.readResponse()).content.toString()).toBe('plain');
  });

  test.for(['web\xe7socket', 'websocket\x7f', 'h2c', 'H2C'])(
    'of the name %j reaches the origin server without it [Go ReverseProxy]',
    async (protocol, { net }) => {
      const { client } = await through(
        net,
        respondWith((head) => {
          expect(head.has('upgrade')).toBe(false);
          return sized('plain');
        }),
      );
      await client.get('/', ['Connection: Upgrade', `Upgrade: ${protocol}`]);
      // Node's server may refuse the bytes as well.
      expect([200, 400]).toContain((await client.readResponse()).head.status);
    },
  );

  test('of HTTP/1.0 is an ordinary request [RFC 9110 7.8]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith((head) => {
        expect(head.has('upgrade')).toBe(false);
        return sized('plain');
      }),
    );
    await client.send('GET / HTTP/1.0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    expect((await client.readResponse()).content.toString()).toBe('plain');
  });

  test('under the thirdParty profile is an ordinary request [RFC 9110 7.8]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith((head) => {
        expect(head.has('upgrade')).toBe(false);
        return sized('plain');
      }),
      { profile: 'thirdParty', addresses: 'any' },
    );
    await client.send(REQUEST);
    expect((await client.readResponse()).content.toString()).toBe('plain');
  });
});

test('a 101 that nobody asked for gets 502, and its connection is closed [RFC 9110 15.2.2; Go ReverseProxy]', async ({
  net,
}) => {
  const { client, origin } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n');
    await connection.readAll();
  });
  await client.get('/');
  expect((await client.readResponse()).head.status).toBe(502);
  await origin.connections[0]?.closed;
});

describe('a 426 to an ordinary request', () => {
  const UPGRADE = sized(
    'no',
    ['Upgrade: foo', 'Connection: X-Hop, Upgrade', 'X-Hop: 1'],
    'HTTP/1.1 426 Upgrade Required',
  );

  test('keeps its Upgrade, which Connection names, and the connection [RFC 9110 15.5.22; nginx]', async ({
    net,
  }) => {
    const { client, origin } = await through(net, respondWith(UPGRADE));
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.get('upgrade')).toBe('foo');
      expect(response.head.get('connection')).toBe('Upgrade');
      expect(response.head.has('x-hop')).toBe(false);
      expect(response).toMatchObject({ complete: true, ended: undefined });
    }
    expect(origin.total).toBe(1);
  });

  test('ends the connection of a client that wants it closed [RFC 9112 9.6]', async ({ net }) => {
    const { client } = await through(net, respondWith(UPGRADE));
    await client.get('/', ['Connection: close']);
    const response = await client.readResponse();
    expect(response.head.get('connection')).toBe('Upgrade, close');
    expect(await client.closed).toBe('fin');
  });

  test('reaches an HTTP/1.0 client without Upgrade [RFC 9110 7.8]', async ({ net }) => {
    const { client } = await through(net, respondWith(UPGRADE));
    await client.send('GET / HTTP/1.0\r\n\r\n');
    const response = await client.readResponse();
    expect(response.head.has('upgrade')).toBe(false);
    expect(response.head.get('connection')).toBe('close');
    expect(response.complete).toBe(true);
  });

  test('under the thirdParty profile has no Upgrade [Sluiceway]', async ({ net }) => {
    const { client } = await through(net, respondWith(UPGRADE), { profile: 'thirdParty', addresses: 'any' });
    await client.get('/');
    expect((await client.readResponse()).head.has('upgrade')).toBe(false);
  });
});
