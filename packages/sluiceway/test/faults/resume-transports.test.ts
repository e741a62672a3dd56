import { Agent } from 'undici';
import { expect } from 'vitest';
import { undiciTransport } from '../../src/undici.js';
import { loopbackCertificate } from '../support/certificates.js';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import { startHttp2Server } from '../support/node-http2.js';
import { rangedOrigin } from '../support/ranged-origin.js';
import { sized } from '../support/through.js';

const SIZE = 300_000;
const file = seededBytes('transports', 0, SIZE);

test('content of an HTTP/2 origin server whose stream is reset, or whose connection is gone, goes on [RFC 9113 8.1; RFC 9110 14.2]', async ({
  net,
}) => {
  const ranges: (string | undefined)[] = [];
  const origin = await startHttp2Server(net, (stream, { range }) => {
    ranges.push(range);
    const first = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
    stream.respond({
      ':status': first === 0 ? 200 : 206,
      etag: '"v1"',
      'content-length': SIZE - first,
      ...(first > 0 && { 'content-range': `bytes ${first}-${SIZE - 1}/${SIZE}` }),
    });
    if (ranges.length === 3) stream.end(file.subarray(first));
    else
      stream.write(file.subarray(first, first + 50_000), () => {
        if (ranges.length === 1) stream.close(2);
        else stream.session?.destroy();
      });
  });
  const running = await net.proxy({ upstream: { url: origin.url, protocol: 'http2' } });
  const client = await net.client(running);
  await client.get('/');
  const response = await client.readResponse();
  expect(response.complete).toBe(true);
  expect(response.content.equals(file)).toBe(true);
  expect(ranges).toHaveLength(3);
  expect(await running.record()).toMatchObject({ outcome: 'completed', resumes: 2 });
});

test('content through a dispatcher of undici goes on [undici]', async ({ net }) => {
  const origin = await net.origin(
    rangedOrigin(file, ({ index }) => (index < 2 ? { bytes: 50_000, ending: 'reset' } : 'whole')),
  );
  const running = await net.proxy({
    upstream: origin.url,
    transport: undiciTransport(new Agent(), { closesDispatcher: true }),
  });
  const client = await net.client(running);
  await client.get('/');
  const response = await client.readResponse();
  expect(response.complete).toBe(true);
  expect(response.content.equals(file)).toBe(true);
});

test('content over TLS that ends without a close_notify goes on [RFC 8446 6.1]', async ({ net }) => {
  const tls = await loopbackCertificate();
  const origin = await net.origin(
    rangedOrigin(file, ({ index, connection }) =>
      index === 0
        ? (async () => {
            await connection.write(sized(file, ['ETag: "v1"']).subarray(0, 90_000));
            connection.destroy();
          })()
        : 'whole',
    ),
    { tls },
  );
  const running = await net.proxy({ upstream: { url: origin.url, tls: { ca: tls.ca } } });
  const client = await net.client(running);
  await client.get('/');
  const response = await client.readResponse();
  expect(response.complete).toBe(true);
  expect(response.content.equals(file)).toBe(true);
});

test('content goes on to an HTTP/2 client without a word [RFC 9113 8.1]', async ({ net }) => {
  const origin = await net.origin(
    rangedOrigin(file, ({ index }) => (index < 2 ? { bytes: 50_000, ending: 'end' } : 'whole')),
  );
  const running = await net.proxy({ upstream: origin.url }, { http2: 'h2c' });
  const client = await net.http2(running);
  const response = await client.get('/');
  expect(response.content.equals(file)).toBe(true);
});

test('the guard of a gateway judges the URL to which a transfer shall move [Sluiceway]', async ({ net }) => {
  const hidden = await net.origin(rangedOrigin(file, () => 'whole'));
  const { client, link, records } = await throughGateway(
    net,
    rangedOrigin(file, ({ index }) =>
      index === 0 ? { bytes: 50_000, ending: 'end' } : sized('', [], 'HTTP/1.1 403 Expired'),
    ),
    {
      guard: { allowAddresses: ['127.0.0.1'], allowPorts: 'any' },
      resume: { refreshTarget: () => `http://127.0.0.2:${hidden.port}/` },
    },
  );
  await client.get(link('/file'));
  expect((await client.readResponse()).complete).toBe(false);
  expect(hidden.total).toBe(0);
  await expect.poll(() => records[0]).toMatchObject({ outcome: 'upstream_truncated' });
});
