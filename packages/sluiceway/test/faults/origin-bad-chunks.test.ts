import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { through } from '../support/through.js';

/** After a good first chunk. */
const BAD: Record<string, string> = {
  'a size that is no number': 'xyz\r\nabc\r\n0\r\n\r\n',
  'no size': '\r\nabc\r\n0\r\n\r\n',
  'a negative size': '-1\r\nabc\r\n0\r\n\r\n',
  'a size with 0x': '0x3\r\nabc\r\n0\r\n\r\n',
  'a size with a sign': '+3\r\nabc\r\n0\r\n\r\n',
  'a size with an underscore': '1_0\r\nabc\r\n0\r\n\r\n',
  'a space before the size': ' 3\r\nabc\r\n0\r\n\r\n',
  'a size that overflows 32 bits and ends early': '100000003\r\nabc\r\n0\r\n\r\n',
  'a size that overflows 53 bits': '20000000000003\r\nabc\r\n0\r\n\r\n',
  'a size that overflows 64 bits': '10000000000000003\r\nabc\r\n0\r\n\r\n',
  'a size of endless zeros': `${'0'.repeat(1000)}3\r\nabc\r\n0\r\n\r\n`,
  'a bare LF after the size': '3\nabc\r\n0\r\n\r\n',
  'a bare CR after the size': '3\rabc\r\n0\r\n\r\n',
  'more data than its size': '3\r\nabcd\r\n0\r\n\r\n',
  'less data than its size': '5\r\nabc\r\n0\r\n\r\n',
  'a bare LF after the data': '3\r\nabc\n0\r\n\r\n',
  'a bare LF in an extension': '3;a=b\nc\r\nabc\r\n0\r\n\r\n',
  'NUL in an extension': '3;a=\0\r\nabc\r\n0\r\n\r\n',
  'a bare LF after the last chunk': '0\n\n',
  'a trailer without a colon': '0\r\nnonsense\r\n\r\n',
  'a trailer with a bad name': '0\r\nX A: b\r\n\r\n',
  'a trailer with a bare LF': '0\r\nX-A: b\nX-B: c\r\n\r\n',
  'a trailer with NUL': '0\r\nX-A: b\0\r\n\r\n',
  'a trailer section that is too large': `0\r\nX-A: ${'x'.repeat(70_000)}\r\n\r\n`,
  'too many trailers': `0\r\n${'X-A: b\r\n'.repeat(300)}\r\n`,
};

describe('chunked content with', () => {
  test.for(Object.entries(BAD))(
    '%s never ends cleanly, and both connections are closed [RFC 9112 7.1]',
    async ([, bad], { net }) => {
      const { client, running, origin } = await through(net, async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n${bad}`);
        // The end is only what makes a chunk that never comes noticed.
        if (bad.startsWith('5') || bad.startsWith('100000003')) connection.end();
        await connection.readAll();
      });
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.status).toBe(200);
      expect(response.complete).toBe(false);
      expect(response.trailers).toEqual([]);
      expect('firstabc\r\n0\r\n\r\n'.startsWith(response.content.toString())).toBe(true);
      expect(['upstream_invalid', 'upstream_truncated']).toContain((await running.record()).outcome);
      await client.closed;
      await origin.connections[0]?.closed;
    },
  );

  test('a chunk extension that never ends is cut off [RFC 9112 7.1.1]', async ({ net }) => {
    const { client, running, origin } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n5;');
      for (let i = 0; i < 10_000; i++) await connection.write('x'.repeat(10_000));
    });
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    expect((await running.record()).outcome).toBe('upstream_invalid');
    await origin.connections[0]?.closed;
    expect(origin.connections[0]?.tcp.bytesWritten).toBeLessThan(20_000_000);
  });

  test('trailers that never end are cut off [RFC 9112 7.1.2]', async ({ net }) => {
    const { client, running, origin } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n');
      for (let i = 0; i < 10_000; i++) await connection.write(`X-${i}: ${'x'.repeat(10_000)}\r\n`);
    });
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    expect((await running.record()).outcome).toBe('upstream_invalid');
    await origin.connections[0]?.closed;
  });

  test('a chunk that never ends passes as it comes, and stops when it stops [RFC 9112 7.1]', async ({
    net,
  }) => {
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffff\r\n');
        await connection.writeSeeded('endless', 0, 5_000_000);
        await connection.readAll();
      },
      { timeouts: { upstreamIdle: 150 } },
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response).toMatchObject({ complete: false, contentLength: 5_000_000 });
    expect((await running.record()).outcome).toBe('upstream_stalled');
  });
});
