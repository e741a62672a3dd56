import { describe, expect } from 'vitest';
import { type Network, test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import type { RequestHead } from '../support/message-head.js';
import type { OriginScript } from '../support/raw-origin.js';
import { streaming } from '../support/stream-from.js';
import { chunked, sized, through } from '../support/through.js';
import { throughHttp2 } from '../support/through-http2.js';

const LARGE = 50_000_000;
const FIELDS = ['ETag: "v1"', 'Content-Type: video/mp4', 'Accept-Ranges: bytes'];

/** A server that refuses HEAD with a status, and begins to send a large file for GET. Notes what it is asked. */
function refusing(status: number, seen: RequestHead[] = [], answer?: Buffer): OriginScript {
  return async (connection) => {
    for (;;) {
      const head = await connection.readHead();
      seen.push(head);
      if (head.method === 'HEAD') {
        await connection.write(
          `HTTP/1.1 ${status} No\r\nContent-Type: text/xml\r\nContent-Length: 0\r\n\r\n`,
        );
        continue;
      }
      if (answer !== undefined) {
        await connection.write(answer);
        continue;
      }
      const lines = ['HTTP/1.1 200 OK', ...FIELDS, `Content-Length: ${LARGE}`, '', 'start'];
      await connection.write(lines.join('\r\n'));
      await connection.closed;
      return;
    }
  };
}

/** What a HEAD gets through a face. */
async function faces(
  net: Network,
  script: OriginScript,
  options: { convertHead?: 'never' | 'fallback' | 'always' },
) {
  const proxy = await through(net, script, options);
  const handler = await streaming(net, `${(await net.origin(script)).url}/f`, {
    addresses: 'any',
    ...options,
  });
  const gateway = await throughGateway(net, script, options);
  return [
    { face: 'createProxy', client: proxy.client, path: '/f' },
    { face: 'streamFrom', client: handler.client, path: '/' },
    { face: 'gateway', client: gateway.client, path: gateway.link('/f') },
  ];
}

describe('HEAD', () => {
  test.for([403, 405, 501])(
    'that the origin server refuses with %i is asked with GET, whose content is not read: by default of what is third-party [RFC 9110 9.3.2; nginx]',
    async (status, { net }) => {
      for (const convertHead of [undefined, 'fallback', 'always'] as const) {
        const seen: RequestHead[] = [];
        const given = convertHead === undefined ? {} : { convertHead };
        for (const { face, client, path } of await faces(net, refusing(status, seen), given)) {
          seen.length = 0;
          await client.send(`HEAD ${path} HTTP/1.1\r\nHost: a\r\nRange: bytes=5-9\r\nIf-Range: "v1"\r\n\r\n`);
          const { head, complete } = await client.readResponse({ method: 'HEAD' });
          const isPassed = convertHead === undefined && face === 'createProxy';
          expect([face, head.status]).toEqual([face, isPassed ? status : 200]);
          expect(complete).toBe(true);
          if (isPassed) continue;
          expect(head.get('content-length')).toBe(String(LARGE));
          expect(head.get('content-type')).toBe('video/mp4');
          expect(head.get('etag')).toBe('"v1"');
          expect(seen.map(({ method }) => method)).toEqual(
            convertHead === 'always' ? ['GET'] : ['HEAD', 'GET'],
          );
          expect(seen.at(-1)?.has('range')).toBe(false);
          expect(seen.at(-1)?.has('if-range')).toBe(false);
          // The connection to the client goes on.
          await client.send(`HEAD ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
          expect((await client.readResponse({ method: 'HEAD' })).head.status).toBe(200);
        }
      }
    },
  );

  test('passes as it is answered with `never`, and with any other status [RFC 9110 9.3.2]', async ({
    net,
  }) => {
    for (const [status, convertHead] of [
      [405, 'never'],
      [404, 'fallback'],
      [200, 'fallback'],
    ] as const) {
      const seen: RequestHead[] = [];
      const { client } = await through(net, refusing(status, seen), { convertHead });
      await client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect((await client.readResponse({ method: 'HEAD' })).head.status).toBe(status);
      expect(seen.map(({ method }) => method)).toEqual(['HEAD']);
    }
  });

  test('that was asked with GET leaves the connection for the next request where the content is short, and verifies nothing of it [Go]', async ({
    net,
  }) => {
    const wrong = 'Content-Digest: sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:';
    const { client, origin, running } = await through(net, refusing(405, [], sized('short', [wrong])), {
      convertHead: 'always',
    });
    for (let i = 0; i < 3; i++) {
      await client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
      expect((await client.readResponse({ method: 'HEAD' })).head.get('content-length')).toBe('5');
      expect(await running.record(i)).toMatchObject({ outcome: 'completed', bytesDown: 0 });
    }
    expect(origin.total).toBe(1);
  });

  test('that was asked with GET of content in chunks says no length [RFC 9110 9.3.2]', async ({ net }) => {
    const { client } = await through(net, refusing(405, [], chunked(['some'], FIELDS)), {
      convertHead: 'always',
    });
    await client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    const { head } = await client.readResponse({ method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.has('content-length')).toBe(false);
  });

  test('that is refused by GET too is answered as GET is [RFC 9110 9.3.2]', async ({ net }) => {
    const denied = sized('no', [], 'HTTP/1.1 403 Forbidden');
    const { client } = await through(net, refusing(405, [], denied), { convertHead: 'fallback' });
    await client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.readResponse({ method: 'HEAD' })).head.status).toBe(403);
  });

  test('over HTTP/2 that was asked with GET resets the stream, and the session goes on [RFC 9113 8.1]', async ({
    net,
  }) => {
    const methods: (string | undefined)[] = [];
    const { client } = await throughHttp2(
      net,
      (stream, headers) => {
        methods.push(headers[':method']);
        if (headers[':method'] === 'HEAD') {
          stream.respond({ ':status': 403 }, { endStream: true });
          return;
        }
        stream.respond({ ':status': 200, 'content-length': LARGE });
        stream.write('start');
      },
      { convertHead: 'fallback' },
    );
    for (let i = 0; i < 2; i++) {
      await client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
      const { head } = await client.readResponse({ method: 'HEAD' });
      expect(head.get('content-length')).toBe(String(LARGE));
    }
    expect(methods).toEqual(['HEAD', 'GET', 'HEAD', 'GET']);
  });
});
