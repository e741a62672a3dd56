import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Http2ServerRequest } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { PassThrough, Transform } from 'node:stream';
import { createGzip, gunzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { attach, createProxy, type TransferRecord } from '../../src/index.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { type Http2Client, openHttp2 } from '../support/http2-client.js';
import { type OriginScript, type RawOrigin, respondWith } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized } from '../support/through.js';
import { HALVED, MadeStreams, sendsHalf } from '../support/transforms.js';
import { until } from '../support/until.js';

interface Line {
  client: Http2Client;
  origin: RawOrigin;
  records: TransferRecord[];
  record: () => Promise<TransferRecord>;
}

/** An HTTP/2 client, a proxy and an origin server in line; `before` stands before the proxy. */
async function throughHttp2(
  net: Network,
  script: OriginScript,
  options: Omit<ProxyOptions, 'upstream'> = {},
  before?: (request: Http2ServerRequest) => Promise<void>,
): Promise<Line> {
  const origin = await net.origin(script);
  const records: TransferRecord[] = [];
  const proxy = createProxy({
    upstream: origin.url,
    ...options,
    observers: [...(options.observers ?? []), { onTransferEnd: (record) => void records.push(record) }],
  });
  const server = createServer();
  if (before === undefined) attach(server, proxy);
  else
    server.on(
      'request',
      (request, response) => void before(request).then(() => proxy.handle(request, response)),
    );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = await openHttp2((server.address() as AddressInfo).port);
  net.cleanup(() => {
    client.close();
    proxy.destroy();
    server.close();
  });
  const record = async (): Promise<TransferRecord> => {
    await until(() => records.length > 0, 'the transfer had ended');
    return records[0] as TransferRecord;
  };
  return { client, origin, records, record };
}

describe('a transform', () => {
  test('changes content for an HTTP/2 client too [RFC 9113 8.1]', async ({ net }) => {
    const content = seededBytes('h2', 0, 3_000_000);
    const { client } = await throughHttp2(net, respondWith(sized(content, ['ETag: "x"'])), {
      transform: {
        response: { changesContent: true, create: () => [createGzip({ level: 1 }), new PassThrough()] },
      },
    });
    const response = await client.get('/');
    expect(response).toMatchObject({ status: 200, complete: true });
    expect(response.fields).not.toHaveProperty('etag');
    expect(response.fields).not.toHaveProperty('content-length');
    expect(gunzipSync(response.content).equals(content)).toBe(true);
  });

  test('before which content breaks off makes no whole file of it for an HTTP/2 client: its stream is reset [RFC 9113 8.1.1]', async ({
    net,
  }) => {
    const made = new MadeStreams(() => createGzip({ level: 1 }));
    const { client, record } = await throughHttp2(net, sendsHalf('chunked', 'ends'), {
      transform: { response: { changesContent: true, create: made.create } },
    });
    expect(await client.get('/')).toMatchObject({ status: 200, complete: false });
    expect(await record()).toMatchObject({ outcome: 'upstream_truncated' });
    await made.closed();
  });

  test('that refuses at the end, when all has gone through it, resets the stream of an HTTP/2 client [Sluiceway]', async ({
    net,
  }) => {
    const refusing = (): Transform =>
      new Transform({
        transform: (chunk, _, callback) => callback(null, chunk),
        flush: (callback) => callback(new Error('refused')),
      });
    const { client, record } = await throughHttp2(net, respondWith(sized(HALVED)), {
      transform: { response: { changesContent: false, create: refusing } },
    });
    const response = await client.get('/');
    expect(response).toMatchObject({ status: 200, complete: false });
    expect(response.fields['content-length']).toBe(String(HALVED.length));
    expect(response.contentLength).toBeLessThan(HALVED.length);
    expect(await record()).toMatchObject({ outcome: 'internal' });
  });

  test('is given up when an HTTP/2 client resets its stream [RFC 9113 8.1]', async ({ net }) => {
    const made = new MadeStreams();
    const { client, origin, record } = await throughHttp2(net, sendsHalf('sized', 'waits'), {
      transform: { response: { changesContent: false, create: made.create } },
    });
    const stream = client.open('/');
    await once(stream, 'response');
    stream.close(8);
    expect(await record()).toMatchObject({ outcome: 'client_aborted' });
    await made.closed();
    await origin.connections[0]?.closed;
  });
});

test('an observer of response content sees what an HTTP/2 client gets [Sluiceway]', async ({ net }) => {
  const hash = createHash('sha256');
  const content = seededBytes('h2', 0, 3_000_000);
  const { client } = await throughHttp2(net, respondWith(sized(content)), {
    observers: [{ onResponseContent: (_, bytes) => void hash.update(bytes) }],
  });
  const response = await client.get('/');
  expect(response).toMatchObject({ complete: true, contentLength: content.length });
  expect(isSeeded('h2', 0, response.content)).toBe(true);
  expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
});

describe('request content of an HTTP/2 client', () => {
  const limits = { requestContent: 100_000 };
  const post = { ':method': 'POST' };

  test('whose Content-Length is beyond the limit gets 413 before the origin server is asked [RFC 9110 15.5.14]', async ({
    net,
  }) => {
    const { client, origin, record } = await throughHttp2(net, () => {}, { limits });
    const headers = { ...post, 'content-length': '100001' };
    expect(await client.request('/', { headers, content: Buffer.alloc(100_001) })).toMatchObject({
      status: 413,
      complete: true,
    });
    expect(await record()).toMatchObject({ outcome: 'rejected', error: 'content_too_large', attempts: 0 });
    expect(origin.total).toBe(0);
  });

  test('of unknown length gets 413 when it passes the limit, and passes up to it [RFC 9110 15.5.14]', async ({
    net,
  }) => {
    const { client, records } = await throughHttp2(
      net,
      respondWith((_, content) => sized(String(content.length))),
      { limits },
    );
    const at = await client.request('/', { headers: post, content: Buffer.alloc(100_000) });
    expect(at).toMatchObject({ status: 200, complete: true });
    expect(at.content.toString()).toBe('100000');
    for (const size of [100_001, 3_000_000]) {
      const beyond = await client.request('/', { headers: post, content: Buffer.alloc(size) });
      expect(beyond).toMatchObject({ status: 413, complete: true });
    }
    await until(() => records.length === 3, 'every transfer had ended');
    expect(records.slice(1).map(({ error }) => error)).toEqual(['content_too_large', 'content_too_large']);
  });

  const CONSUMERS: Record<string, (request: Http2ServerRequest) => Promise<void>> = {
    'was read': async (request) => {
      for await (const _ of request);
    },
    'was read in part': (request) =>
      new Promise((resolve) => {
        request.once('data', () => {
          request.pause();
          resolve();
        });
      }),
    'is being read': (request) => {
      request.on('readable', () => {});
      return Promise.resolve();
    },
    'is decoded as text': (request) => {
      request.setEncoding('utf8');
      return Promise.resolve();
    },
  };

  test.for(Object.entries(CONSUMERS))(
    'that %s before the proxy gets it gets 500 at once, and nothing of it is sent on [Node]',
    async ([, consume], { net }) => {
      const time = new StoppedTime(net);
      const { client, origin, record } = await throughHttp2(net, () => {}, {}, consume);
      const request = client.request('/', { headers: post, content: Buffer.alloc(200_000) });
      // The rest of it is refused a while after the answer.
      const response = await time.passUntil(request, 100);
      expect(response).toMatchObject({ status: 500, complete: true });
      expect(await time.passUntil(record(), 100)).toMatchObject({
        outcome: 'internal',
        error: 'proxy_configuration_error',
      });
      expect(origin.total).toBe(0);
    },
  );
});
