import { expect } from 'vitest';
import { createProxy, OptionsError, type TransferRecord } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const UUID = /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/;

/** Answers with an id of its own, and remembers those of requests. */
function origin(seen: (string | undefined)[], field = 'x-request-id'): OriginScript {
  return async (connection) => {
    for (;;) {
      const head = await connection.readHead();
      seen.push(head.get(field));
      await connection.write(sized('content', [`${field}: of the origin server`]));
    }
  };
}

test('with requestId the origin server, the client and the record get the same new id [nginx; Envoy]', async ({
  net,
}) => {
  const seen: (string | undefined)[] = [];
  const { client, running } = await through(net, origin(seen), { requestId: true });
  const ids: string[] = [];
  for (let i = 0; i < 2; i++) {
    await client.get('/', ['X-Request-Id: of the client']);
    const { head } = await client.readResponse();
    const id = head.get('x-request-id') ?? '';
    expect(id).toMatch(UUID);
    expect(head.getAll('x-request-id')).toHaveLength(1);
    expect(seen[i]).toBe(id);
    expect((await running.record(i)).requestId).toBe(id);
    ids.push(id);
  }
  expect(ids[0]).not.toBe(ids[1]);
});

test('the id of a trusted proxy is taken and sent on [Envoy]', async ({ net }) => {
  const seen: (string | undefined)[] = [];
  const { client, running } = await through(net, origin(seen), {
    requestId: true,
    trustedProxies: ['127.0.0.1'],
  });
  await client.get('/', ['X-Request-Id: edge-7']);
  expect((await client.readResponse()).head.get('x-request-id')).toBe('edge-7');
  expect(seen).toEqual(['edge-7']);
  expect((await running.record()).requestId).toBe('edge-7');
});

test.for<[string, string[]]>([
  ['is empty', ['X-Request-Id:']],
  ['is longer than 128 characters', [`X-Request-Id: ${'x'.repeat(129)}`]],
  ['contains a space', ['X-Request-Id: a b']],
  ['is not ASCII', ['X-Request-Id: \xe9']],
  ['is there twice', ['X-Request-Id: a', 'X-Request-Id: b']],
])('an id of a trusted proxy that %s is replaced [Sluiceway]', async ([, lines], { net }) => {
  const seen: (string | undefined)[] = [];
  const { client } = await through(net, origin(seen), { requestId: true, trustedProxies: ['127.0.0.1'] });
  await client.get('/', lines);
  expect((await client.readResponse()).head.get('x-request-id')).toMatch(UUID);
  expect(seen[0]).toMatch(UUID);
});

test('an id of 128 characters of a trusted proxy is taken [Sluiceway]', async ({ net }) => {
  const { client } = await through(net, origin([]), { requestId: true, trustedProxies: ['127.0.0.1'] });
  await client.get('/', [`X-Request-Id: ${'x'.repeat(128)}`]);
  expect((await client.readResponse()).head.get('x-request-id')).toBe('x'.repeat(128));
});

test('without requestId the field passes both ways, and the id of the record is its own [Go ReverseProxy]', async ({
  net,
}) => {
  const seen: (string | undefined)[] = [];
  const { client, running } = await through(net, origin(seen), { trustedProxies: ['127.0.0.1'] });
  await client.get('/', ['X-Request-Id: of the client']);
  expect((await client.readResponse()).head.get('x-request-id')).toBe('of the origin server');
  expect(seen).toEqual(['of the client']);
  const { id, requestId } = await running.record();
  expect(requestId).toBe(id);
});

test('the field of requestId can have another name, and be left out on either side [Sluiceway]', async ({
  net,
}) => {
  const seen: (string | undefined)[] = [];
  const field = 'X-Correlation-Id';
  const { client } = await through(net, origin(seen, 'x-correlation-id'), {
    requestId: { field, toClient: false },
  });
  await client.get('/');
  expect((await client.readResponse()).head.get(field)).toBe('of the origin server');
  expect(seen[0]).toMatch(UUID);

  const back: (string | undefined)[] = [];
  const line = await through(net, origin(back, 'x-correlation-id'), {
    requestId: { field, toUpstream: false },
  });
  await line.client.get('/');
  expect((await line.client.readResponse()).head.get(field)).toMatch(UUID);
  expect(back).toEqual([undefined]);
});

test('answers of the proxy and of hooks have the id, as does the record of a request that cannot be read [Sluiceway]', async ({
  net,
}) => {
  const ids: string[] = [];
  const { client, running } = await through(net, origin([]), {
    requestId: true,
    onRequest: ({ request }) => {
      ids.push(request.requestId);
      return request.path === '/answer' ? { status: 204 } : { upstream: 'http://127.0.0.1:1' };
    },
  });
  for (const path of ['/answer', '/refused']) {
    await client.get(path);
    expect((await client.readResponse()).head.get('x-request-id')).toBe(ids.at(-1));
  }
  await client.send('GET http:// HTTP/1.1\r\nHost: test\r\n\r\n');
  const { head } = await client.readResponse();
  expect(head.status).toBe(400);
  const id = head.get('x-request-id');
  expect(id).toMatch(UUID);
  expect((await running.record(2)).requestId).toBe(id);
});

test('over HTTP/2 the origin server and the client get the id [Envoy]', async ({ net }) => {
  const seen: (string | undefined)[] = [];
  const { url } = await net.origin(origin(seen));
  const running = await net.proxy({ upstream: url, requestId: true }, { http2: 'h2c' });
  const client = await net.http2(running);
  const response = await client.get('/');
  expect(response.fields['x-request-id']).toBe(seen[0]);
  expect(seen[0]).toMatch(UUID);
});

test('the response that opens a tunnel has the id [Envoy]', async ({ net }) => {
  const { client, running } = await through(
    net,
    async (connection) => {
      await connection.readHead();
      await connection.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      );
    },
    { requestId: true },
  );
  await client.get('/', ['Connection: Upgrade', 'Upgrade: websocket']);
  const id = (await client.readHead()).get('x-request-id');
  expect(id).toMatch(UUID);
  client.close();
  expect((await running.record()).requestId).toBe(id);
});

test('a gateway gives the id to the client, and not to the origin server of others [Sluiceway]', async ({
  net,
}) => {
  const seen: (string | undefined)[] = [];
  const { client, link, records } = await throughGateway(net, origin(seen), { requestId: true });
  await client.get(link('/file'), ['X-Request-Id: of the client']);
  const id = (await client.readResponse()).head.get('x-request-id');
  expect(id).toMatch(UUID);
  expect(seen).toEqual([undefined]);
  await expect.poll(() => records[0]?.requestId).toBe(id);
});

test.each([
  [{ field: 'X Request' }, 'requestId.field'],
  [{ field: '' }, 'requestId.field'],
  [{ field: 'Content-Length' }, 'requestId.field'],
  [{ field: 'Keep-Alive' }, 'requestId.field'],
  [{ field: 'Host' }, 'requestId.field'],
  [{ field: 7 }, 'requestId.field'],
  [{ header: 'X-Id' }, 'requestId.header'],
  ['X-Request-Id', 'requestId'],
])('requestId %j is refused with its path [Sluiceway]', (requestId, path) => {
  const create = () => createProxy({ upstream: 'http://127.0.0.1:1', requestId: requestId as never });
  expect(create).toThrow(OptionsError);
  expect(create).toThrow(path);
});

test('the record has User-Agent, and Referer without credentials, query and fragment [Sluiceway]', async ({
  net,
}) => {
  const records: TransferRecord[] = [];
  const { client } = await through(net, respondWith(sized('content')), {
    observers: [{ onTransferEnd: (record) => void records.push(record) }],
  });
  const referers = ['https://u:p@example.com/a/b?token=1#top', 'about:client', 'not a URL'];
  for (const referer of referers) {
    await client.get('/', ['User-Agent: curl/8.1', `Referer: ${referer}`]);
    await client.readResponse();
  }
  await client.get('/');
  await client.readResponse();
  await expect
    .poll(() => records.map(({ referer }) => referer))
    .toEqual(['https://example.com/a/b?…', '…', '…', null]);
  expect(records.map(({ userAgent }) => userAgent)).toEqual(['curl/8.1', 'curl/8.1', 'curl/8.1', null]);
});
