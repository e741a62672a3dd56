import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const KiB = 1024;
const START = 'GET / HTTP/1.1\r\nHost: test\r\n';

const TOO_LARGE: [string, string][] = [
  ['a target of 20 KiB', `GET /${'x'.repeat(20 * KiB)} HTTP/1.1\r\nHost: test\r\n\r\n`],
  ['a value of 20 KiB', `${START}X-Large: ${'x'.repeat(20 * KiB)}\r\n\r\n`],
  ['a name of 20 KiB', `${START}${'x'.repeat(20 * KiB)}: x\r\n\r\n`],
  ['fields of 20 KiB in all', `${START}${`X-A: ${'x'.repeat(200)}\r\n`.repeat(100)}\r\n`],
  ['1,500 fields', `${START}${'A:\r\n'.repeat(1500)}\r\n`],
  ['fields without end', `${START}${'X-A: b\r\n'.repeat(20_000)}`],
];

describe('a request with', () => {
  test.for(TOO_LARGE)(
    '%s is answered 431, its connection closed, nothing sent on, and others are served [RFC 6585 5; nginx]',
    async ([, request], { net }) => {
      const { client, origin, running } = await through(net, respondWith(sized('served')));
      void client.send(request);
      const { bytes } = await client.readUntilClose();
      expect(bytes.toString()).toMatch(/^HTTP\/1\.1 431 /);
      expect(origin.total).toBe(0);
      const other = await net.client(running);
      await other.get('/');
      expect((await other.readResponse()).content.toString()).toBe('served');
    },
  );

  test.for([
    ['a method that is none', 'G@T / HTTP/1.1\r\nHost: test\r\n\r\n'],
    ['noise in place of a head', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['a field name of odd bytes', `${START}X(A): b\r\n\r\n`],
    ['a version that is none', 'GET / HTTP/x.y\r\nHost: test\r\n\r\n'],
    ['no target', 'GET HTTP/1.1\r\nHost: test\r\n\r\n'],
  ] as const)(
    '%s is answered 400, its connection closed, nothing sent on, and others are served [RFC 9112 2.2; RFC 9112 3]',
    async ([, request], { net }) => {
      const { client, origin, running } = await through(net, respondWith(sized('served')));
      void client.send(request);
      const { bytes } = await client.readUntilClose();
      expect(bytes.toString()).toMatch(/^HTTP\/1\.1 400 /);
      expect(origin.total).toBe(0);
      const other = await net.client(running);
      await other.get('/');
      expect((await other.readResponse()).content.toString()).toBe('served');
    },
  );
});

test.for([
  ['chunk extensions of 20 KiB', `5;${'x'.repeat(20 * KiB)}\r\nhello\r\n0\r\n\r\n`],
  ['trailers of 20 KiB', `0\r\nX-Large: ${'x'.repeat(20 * KiB)}\r\n\r\n`],
  ['trailers without end', `0\r\n${'X-A: b\r\n'.repeat(20_000)}`],
] as const)(
  'an upload with %s never reaches the origin server as a whole request, and others are served [RFC 9112 7.1]',
  async ([, rest], { net }) => {
    const { client, origin, running } = await through(
      net,
      respondWith((head) => sized(head.method === 'GET' ? 'served' : 'must not be')),
    );
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
    await until(() => (origin.connections[0]?.bytesRead ?? 0) > 100, 'the beginning arrived');
    void client.send(rest);
    const { bytes } = await client.readUntilClose();
    expect(bytes.toString()).not.toContain('must not be');
    await origin.connections[0]?.closed;
    expect((await running.record()).outcome).not.toBe('completed');
    const other = await net.client(running);
    await other.get('/');
    expect((await other.readResponse()).content.toString()).toBe('served');
  },
);
