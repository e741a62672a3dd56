import { Agent as Agent6 } from 'undici6';
import { describe, expect } from 'vitest';
import { type UndiciDispatcher, undiciTransport } from '../../src/undici.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { chunked, type Line, sized, through } from '../support/through.js';
import { until } from '../support/until.js';

// Undici 7 is what the other tests of the transport use. 8 needs a newer Node than the oldest that we serve.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const isNew = major > 22 || (major === 22 && minor >= 19);

const versions: readonly (readonly [version: string, create: () => Promise<UndiciDispatcher>])[] = [
  ['6', async () => new Agent6()],
  ['8', async () => new (await import('undici8')).Agent()],
];

describe.for(versions)('undici %s', ([version, create]) => {
  const throughUndici = async (net: Network, script: OriginScript): Promise<Line> =>
    through(net, script, { transport: undiciTransport(await create(), { closesDispatcher: true }) });

  describe.skipIf(version === '8' && !isNew)('as a transport', () => {
    test('carries content both ways whole [undici]', async ({ net }) => {
      const { client } = await throughUndici(
        net,
        respondWith((_head, content) => sized(content)),
      );
      const size = 2_000_003;
      void client.send(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${size}\r\n\r\n`);
      void client.send(seededBytes('versions', 0, size));
      const response = await client.readResponse();
      expect(response).toMatchObject({ complete: true, contentLength: size });
      expect(isSeeded('versions', 0, response.content)).toBe(true);
    });

    test.for(['NTLM TlRMTVNTUAAB', 'Negotiate YIIG'])(
      'sends no request that authenticates the connection of all clients: %s [RFC 4559 6]',
      async (credentials, { net }) => {
        const { client, origin } = await throughUndici(net, respondWith(sized('welcome')));
        await client.get('/', [`Authorization: ${credentials}`]);
        expect(await client.readResponse()).toMatchObject({ head: { status: 501 } });
        expect(origin.total).toBe(0);
        await client.get('/', ['Authorization: Basic YTpi']);
        expect(await client.readResponse()).toMatchObject({ head: { status: 200 } });
      },
    );

    test('passes interim responses, repeated fields and trailers [undici]', async ({ net }) => {
      const { client } = await throughUndici(net, async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
        await connection.write(chunked(['content'], ['Set-Cookie: a', 'Set-Cookie: b'], ['X-Digest: 1']));
      });
      await client.get('/', ['TE: trailers', 'Connection: TE']);
      const response = await client.readResponse();
      expect(response.interim.map(({ status }) => status)).toEqual([103]);
      expect(response.head.getAll('set-cookie')).toEqual(['a', 'b']);
      expect(response).toMatchObject({ complete: true, trailers: ['X-Digest: 1'] });
    });

    test.for([
      ['a Content-Length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'],
      ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
    ])(
      'never ends content that breaks off, delimited by %s [RFC 9112 8]',
      async ([, answer = ''], { net }) => {
        const { client, running } = await throughUndici(net, async (connection) => {
          await connection.readHead();
          await connection.write(answer);
          connection.end();
        });
        await client.get('/');
        expect((await client.readResponse()).complete).toBe(false);
        expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated' });
      },
    );

    test('lets go of the connection of a 304 that says how long its content would be [RFC 9110 15.4.5; undici]', async ({
      net,
    }) => {
      const { client, origin, running } = await throughUndici(
        net,
        respondWith('HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 1000\r\n\r\n'),
      );
      for (let i = 0; i < 3; i += 1) {
        await client.get('/');
        const response = await client.readResponse();
        expect(response).toMatchObject({ complete: true, contentLength: 0 });
        expect(response.head.get('content-length')).toBe('1000');
        expect(await running.record(i)).toMatchObject({ status: 304, outcome: 'completed' });
      }
      await until(() => origin.open === 0, 'no connection was left');
      await running.proxy.close();
    });
  });
});
