import { describe, expect } from 'vitest';
import { loopbackCertificate } from '../support/certificates.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const H2C = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';
const SIZED = ['Content-Length: 11\r\n', 'hello world'] as const;
const CHUNKED = ['Transfer-Encoding: chunked\r\n', '6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n'] as const;
const EMPTY_CHUNKED = ['Transfer-Encoding: chunked\r\n', '0\r\n\r\n'] as const;

const framings = { sized: SIZED, chunked: CHUNKED, 'chunked and empty': EMPTY_CHUNKED };

describe.each(Object.entries(framings))(
  'a request with %s content that asks for',
  (name, [field, content]) => {
    const expected = name === 'chunked and empty' ? '' : 'hello world';

    test.for([
      ['h2c', H2C, 'at once'],
      ['h2c', H2C, 'in pieces'],
      ['a protocol that the origin server ignores', 'Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n', 'at once'],
      [
        'a protocol that the origin server ignores',
        'Connection: Upgrade\r\nUpgrade: TLS/1.2\r\n',
        'in pieces',
      ],
    ] as const)(
      '%s, sent %3$s, is served as an ordinary request, its content included [RFC 9110 7.8; HAProxy]',
      async ([, lines, how], { net }) => {
        const { client, running } = await through(
          net,
          respondWith((head, received) => {
            expect(head.has('http2-settings')).toBe(false);
            if (lines === H2C) expect(head.has('upgrade')).toBe(false);
            return sized(`${head.method} ${head.target} ${received.toString()}`);
          }),
        );
        const head = `PUT /file HTTP/1.1\r\nHost: test\r\n${lines}${field}\r\n`;
        if (how === 'at once') await client.send(head + content);
        else {
          await client.send(head);
          await until(() => running.proxy.active === 1, 'the head was read');
          for (const byte of content) await client.send(byte);
        }
        const response = await client.readResponse();
        expect(response.head.status).toBe(200);
        expect(response.content.toString()).toBe(`PUT /file ${expected}`);
        expect(await running.record()).toMatchObject({ outcome: 'completed', bytesUp: expected.length });
      },
    );
  },
);

test.for(['http', 'https'] as const)(
  'content of a request for another protocol reaches the origin server before the tunnel opens, over %s [RFC 9110 7.8; HAProxy]',
  async (scheme, { net }) => {
    const certificate = await loopbackCertificate();
    const origin = await net.origin(async (connection) => {
      const head = await connection.readHead();
      expect(head.get('upgrade')).toBe('tcp');
      expect((await connection.readExactly(11)).toString()).toBe('hello world');
      await connection.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nout');
      expect((await connection.readExactly(5)).toString()).toBe('stdin');
      await connection.write('put');
      connection.end();
    });
    const running = await net.proxy({ upstream: origin.url }, scheme === 'https' ? { tls: certificate } : {});
    const client = await net.client(running, scheme === 'https' ? { tls: { ca: certificate.ca } } : {});
    // What follows the content belongs to the tunnel.
    await client.send(
      'POST /exec/1/start HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 11\r\n\r\nhello worldstd',
    );
    expect((await client.readHead()).status).toBe(101);
    expect((await client.readExactly(3)).toString()).toBe('out');
    await client.send('in');
    expect((await client.readExactly(3)).toString()).toBe('put');
  },
);

test('a 101 that comes before the content of the request is whole gets 502 [RFC 9110 7.8]', async ({
  net,
}) => {
  const { client, running } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    await connection.readAll();
  });
  await client.send(
    'POST / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 11\r\n\r\nhello',
  );
  expect((await client.readHead()).status).toBe(502);
  expect(await running.record()).toMatchObject({ error: 'http_upgrade_failed' });
});

test.for([
  ['sized', SIZED],
  ['chunked', CHUNKED],
] as const)(
  'an Expect: 100-continue beside h2c gets its 100, and the %s content is sent on [RFC 9110 10.1.1]',
  async ([, [field, content]], { net }) => {
    const { client } = await through(
      net,
      respondWith((_head, received) => sized(received.toString())),
    );
    await client.send(`PUT / HTTP/1.1\r\nHost: test\r\n${H2C}Expect: 100-continue\r\n${field}\r\n`);
    expect((await client.readHead()).status).toBe(100);
    await client.send(content);
    expect((await client.readResponse()).content.toString()).toBe('hello world');
  },
);

test('a request for h2c with content waits behind one that is under way [RFC 9112 9.3.2]', async ({
  net,
}) => {
  const first = new Gate();
  const { client, origin } = await through(net, async (connection) => {
    for (;;) {
      const { target } = await connection.readHead();
      if (target === '/first') await first.opened;
      else expect((await connection.readExactly(11)).toString()).toBe('hello world');
      await connection.write(sized(target));
    }
  });
  await client.send(
    `GET /first HTTP/1.1\r\nHost: test\r\n\r\nPUT /second HTTP/1.1\r\nHost: test\r\n${H2C}${SIZED[0]}\r\n${SIZED[1]}`,
  );
  await until(() => origin.total === 1, 'the first request was under way');
  first.open();
  expect((await client.readResponse()).content.toString()).toBe('/first');
  expect((await client.readResponse()).content.toString()).toBe('/second');
});
