import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const CHUNKED = 'POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('an upload that is not what its framing says', () => {
  test.for([
    ['half a chunk, then the end', `${CHUNKED}a\r\nhalf`, 'end'],
    ['chunks, then the end without a last one', `${CHUNKED}4\r\nhalf\r\n`, 'end'],
    ['half a trailer section, then the end', `${CHUNKED}4\r\nhalf\r\n0\r\nX-T: 1\r\n`, 'end'],
    [
      'less than its length, then the end',
      'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nhalf',
      'end',
    ],
    [
      'less than its length, then a reset',
      'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nhalf',
      'reset',
    ],
  ] as const)(
    '(%s) never reaches the origin server as a whole request [RFC 9112 8]',
    async ([, request, how], { net }) => {
      const { client, origin, running } = await through(net, respondWith(sized('must not be')));
      await client.send(request);
      await until(() => (origin.connections[0]?.bytesRead ?? 0) > 100, 'the beginning arrived');
      client[how]();
      await origin.connections[0]?.closed;
      expect(origin.failures).toEqual([]);
      expect(['client_aborted', 'rejected']).toContain((await running.record()).outcome);
    },
  );

  test.for([
    ['a chunk size that is none', 'xyz\r\n'],
    ['a chunk longer than its size', '1\r\nabc\r\n0\r\n\r\n'],
    ['a chunk size over 64 bits', 'fffffffffffffffff\r\nabc\r\n'],
    ['a bare LF after a chunk size', '3\nabc\r\n0\r\n\r\n'],
    ['a negative chunk size', '-1\r\nabc\r\n'],
  ] as const)(
    '(%s) never reaches the origin server as a whole request [RFC 9112 7.1]',
    async ([, content], { net }) => {
      const { client, origin, running } = await through(net, respondWith(sized('must not be')));
      await client.send(`${CHUNKED}5\r\nfirst\r\n`);
      await until(() => (origin.connections[0]?.bytesRead ?? 0) > 100, 'the beginning arrived');
      await client.send(content);
      const { bytes } = await client.readUntilClose();
      expect(bytes.toString('latin1')).not.toContain('HTTP/1.1 200');
      await origin.connections[0]?.closed;
      expect((await running.record()).outcome).not.toBe('completed');
    },
  );

  test('(more than its length) is cut there [RFC 9112 6.3]', async ({ net }) => {
    const contents: string[] = [];
    const { client, origin } = await through(
      net,
      respondWith((_head, content) => {
        contents.push(content.toString());
        return sized('');
      }),
    );
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nbodyGARBAGE\r\n\r\n');
    expect((await client.readResponse()).head.status).toBe(200);
    expect((await client.readHead()).status).toBe(400);
    expect(await client.closed).toBe('fin');
    expect(origin.total).toBe(1);
    expect(contents).toEqual(['body']);
  });
});

test('half a request head, then the end, costs no upstream request [RFC 9112 8]', async ({ net }) => {
  const { client, origin, running } = await through(net, respondWith(sized('')));
  await client.send('GET / HTTP/1.1\r\nHo');
  client.end();
  await client.readUntilClose();
  expect(origin.total).toBe(0);
  expect(running.proxy.active).toBe(0);
});
