import { describe, expect } from 'vitest';
import { loopbackCertificate } from '../support/certificates.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import type { RawClient } from '../support/raw-client.js';
import type { OriginScript } from '../support/raw-origin.js';
import type { RunningProxy } from '../support/servers.js';

const SIZE = 300_000;
const content = seededBytes('tls', 0, SIZE);
const CHUNK = `${SIZE.toString(16)}\r\n`;

/** A client, a proxy and an origin server, with TLS on the side that is named. */
async function line(
  net: Network,
  script: OriginScript,
  secure: 'client' | 'origin',
): Promise<{ client: RawClient; running: RunningProxy }> {
  const certificate = await loopbackCertificate();
  const origin = await net.origin(script, secure === 'origin' ? { tls: certificate } : {});
  const running = await net.proxy(
    { upstream: { url: origin.url, ...(secure === 'origin' && { tls: { ca: certificate.ca } }) } },
    secure === 'client' ? { tls: certificate } : {},
  );
  return { running, client: await net.client(running, secure === 'client' ? { tls: certificate } : {}) };
}

describe.each(['end', 'reset', 'destroy'] as const)(
  'content of an https: origin server that breaks off (%s)',
  (how) => {
    test.for([
      ['sized', `Content-Length: ${SIZE}\r\n\r\n`],
      ['chunked', `Transfer-Encoding: chunked\r\n\r\n${CHUNK}`],
    ] as const)('never ends cleanly where it is %s [RFC 9112 9.8; nginx]', async ([, framing], { net }) => {
      const cutAt = async (at: number) => {
        const { client, running } = await line(
          net,
          async (connection) => {
            await connection.readHead();
            await connection.write(`HTTP/1.1 200 OK\r\n${framing}`);
            await connection.write(content.subarray(0, at));
            connection[how]();
          },
          'origin',
        );
        await client.get('/');
        const response = await client.readResponse();
        expect(response.complete, `after ${at}`).toBe(false);
        expect(isSeeded('tls', 0, response.content)).toBe(true);
        expect((await running.record()).outcome).toBe('upstream_truncated');
      };
      await Promise.all([0, 100_000, SIZE - 1].map(cutAt));
    });
  },
);

test('content up to the end of an https: connection is whole when that is announced [RFC 9112 9.8]', async ({
  net,
}) => {
  const { client } = await line(
    net,
    async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\n\r\n');
      await connection.write(content);
      connection.end();
    },
    'origin',
  );
  await client.get('/');
  expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: SIZE });
});

test('content up to the end of an https: connection that is reset never ends cleanly [RFC 9112 9.8]', async ({
  net,
}) => {
  const resetAfter = async (at: number) => {
    const { client, running } = await line(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\n\r\n');
        await connection.write(content.subarray(0, at));
        connection.reset();
      },
      'origin',
    );
    await client.get('/');
    expect((await client.readResponse()).complete, `after ${at}`).toBe(false);
    expect((await running.record()).outcome).toBe('upstream_truncated');
  };
  await Promise.all([0, 16 * 1024, SIZE].map(resetAfter));
});

describe('an HTTP/1.0 client over TLS', () => {
  test('sees the announced end of a whole response [RFC 9112 9.8]', async ({ net }) => {
    const { client } = await line(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNK}`);
        await connection.write(content);
        await connection.write('\r\n0\r\n\r\n');
      },
      'client',
    );
    await client.send('GET / HTTP/1.0\r\n\r\n');
    const response = await client.readResponse();
    expect(response).toMatchObject({
      complete: true,
      delimitedBy: 'close',
      contentLength: SIZE,
      ended: 'fin',
    });
  });

  test.for(['end', 'reset'] as const)(
    'sees no announced end when content breaks off (%s) [RFC 9112 9.8]',
    async (how, { net }) => {
      const { client } = await line(
        net,
        async (connection) => {
          await connection.readHead();
          await connection.write(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNK}`);
          await connection.write(content.subarray(0, 50_000));
          connection[how]();
        },
        'client',
      );
      await client.send('GET / HTTP/1.0\r\n\r\n');
      const response = await client.readResponse();
      expect(response).toMatchObject({ complete: false, delimitedBy: 'close' });
    },
  );

  test('that has ended its own direction sees no announced end of a cut response [RFC 9112 9.8]', async ({
    net,
  }) => {
    const { client } = await line(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n');
        await connection.readAll();
      },
      'client',
    );
    await client.send('GET / HTTP/1.0\r\n\r\n');
    await client.readHead();
    await client.readExactly(5);
    client.end();
    const { bytes, ended } = await client.readUntilClose();
    expect(bytes.length).toBe(0);
    expect(ended).toBe('reset');
  });
});

test('an HTTP/1.1 client over TLS never sees a cut response end cleanly [RFC 9112 9.8]', async ({ net }) => {
  for (const framing of [`Content-Length: ${SIZE}\r\n\r\n`, `Transfer-Encoding: chunked\r\n\r\n${CHUNK}`]) {
    const { client } = await line(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\n${framing}`);
        await connection.write(content.subarray(0, 50_000));
        connection.end();
      },
      'client',
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
  }
});
