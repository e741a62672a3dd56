import { describe, expect } from 'vitest';
import { isSeeded, seededBytes, seededViews } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RawClient, RawResponse } from '../support/raw-client.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through, toChunk } from '../support/through.js';

const LIMIT = 100_000;
const options = { limits: { requestContent: LIMIT } };
const SIZED = (size: number, ...lines: string[]): string =>
  ['POST / HTTP/1.1', 'Host: test', `Content-Length: ${size}`, ...lines, '\r\n'].join('\r\n');
const CHUNKED = 'POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n';

/** Sends so many bytes of content after a head, until the proxy takes no more. */
async function send(client: RawClient, head: string, size: number): Promise<void> {
  try {
    await client.send(head);
    for (const view of seededViews('limit', 0, size))
      await client.send(head === CHUNKED ? toChunk(view) : view);
    if (head === CHUNKED) await client.send('0\r\n\r\n');
  } catch {
    // The connection is closed before everything is sent.
  }
}

async function expectRefused(client: RawClient, response: RawResponse): Promise<void> {
  expect(response.head.status).toBe(413);
  expect(response.head.get('connection')).toBe('close');
  expect(response.head.get('proxy-status')).toContain('content_too_large');
  expect(response).toMatchObject({ complete: true, interim: [] });
  expect(JSON.parse(response.content.toString())).toMatchObject({ status: 413 });
  expect(await client.closed).toBe('fin');
}

describe('request content', () => {
  test.for([
    ['with a Content-Length', SIZED(LIMIT)],
    ['in chunks', CHUNKED],
  ] as const)('of exactly the limit, %s, passes whole [nginx; Caddy]', async ([, head], { net }) => {
    let read: Buffer = Buffer.alloc(0);
    const { client } = await through(
      net,
      respondWith((_, content) => {
        read = content;
        return sized('thanks');
      }),
      options,
    );
    await send(client, head, LIMIT);
    const response = await client.readResponse();
    expect(response.head.status).toBe(200);
    // The connection carries another request.
    expect(response.head.get('connection')).toBe('keep-alive');
    expect(read.length).toBe(LIMIT);
    expect(isSeeded('limit', 0, read)).toBe(true);
  });

  test.for([
    ['with a Content-Length', SIZED(1)],
    ['in chunks', CHUNKED],
  ] as const)(
    'of one byte, %s, is beyond a limit of 0, and no content is not [RFC 9110 15.5.14]',
    async ([, head], { net }) => {
      const { client, running } = await through(net, respondWith(sized('')), {
        limits: { requestContent: 0 },
      });
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(200);
      const other = await net.client(running);
      await send(other, head, 1);
      expect((await other.readResponse()).head.status).toBe(413);
    },
  );

  test('whose Content-Length is beyond the limit gets 413 before the origin server is asked [RFC 9110 15.5.14; nginx]', async ({
    net,
  }) => {
    const { client, origin, running } = await through(net, () => {}, options);
    await client.send(SIZED(LIMIT + 1));
    await expectRefused(client, await client.readResponse());
    expect(await running.record()).toMatchObject({
      outcome: 'rejected',
      error: 'content_too_large',
      status: 413,
      attempts: 0,
      bytesUp: 0,
    });
    expect(origin.total).toBe(0);
  });

  test('beyond the limit that the client sends all the same does not keep it from reading the 413 [RFC 9112 9.6]', async ({
    net,
  }) => {
    const { client, origin } = await through(net, () => {}, options);
    const size = 20 * 1024 * 1024;
    const sending = send(client, SIZED(size), size);
    await expectRefused(client, await client.readResponse());
    await sending;
    expect(origin.total).toBe(0);
  });

  test('beyond the limit with Expect: 100-continue gets 413 and no 100 [RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const { client, origin } = await through(net, () => {}, options);
    await client.send(SIZED(LIMIT + 1, 'Expect: 100-continue'));
    await expectRefused(client, await client.readResponse());
    expect(origin.total).toBe(0);
  });

  test('in chunks gets 413 when it passes the limit, and the origin server sees a broken request, never its end [RFC 9112 8; nginx]', async ({
    net,
  }) => {
    let read: Buffer = Buffer.alloc(0);
    const asked = new Gate();
    const seen = new Gate();
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        asked.open();
        read = await connection.readAll();
        seen.open();
      },
      options,
    );
    await client.send(CHUNKED);
    await client.send(toChunk(seededBytes('limit', 0, 1000)));
    // Content that passes the limit before the request has left for the origin server is never seen there.
    await asked.opened;
    const sending = client.send(toChunk(seededBytes('limit', 1000, 4 * 1024 * 1024))).catch(() => {});
    await expectRefused(client, await client.readResponse());
    await sending;
    await seen.opened;
    expect(read.length).toBeLessThan(LIMIT + 1000);
    expect(read.subarray(-5).toString('latin1')).not.toBe('0\r\n\r\n');
    const record = await running.record();
    expect(record).toMatchObject({ outcome: 'rejected', error: 'content_too_large', status: 413 });
    expect(record.bytesUp).toBeLessThanOrEqual(LIMIT);
  });

  test('in chunks with one byte more than the limit gets 413 [nginx]', async ({ net }) => {
    const { client } = await through(net, async (connection) => void (await connection.readAll()), options);
    await client.send(CHUNKED);
    await client.send(toChunk(seededBytes('limit', 0, LIMIT)));
    await client.send(toChunk('x'));
    await expectRefused(client, await client.readResponse());
  });

  test('that passes the limit after the response has begun breaks the response off [RFC 9112 8]', async ({
    net,
  }) => {
    const { client, origin, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegin\r\n');
        await connection.readAll();
      },
      options,
    );
    await client.send(CHUNKED);
    const head = await client.readHead();
    await client.readThrough('begin\r\n');
    void client.send(toChunk(seededBytes('limit', 0, LIMIT + 1)));
    expect(head.status).toBe(200);
    expect((await client.readContent(head)).complete).toBe(false);
    expect(await running.record()).toMatchObject({
      outcome: 'rejected',
      error: 'content_too_large',
      status: 200,
    });
    await origin.connections[0]?.closed;
  });

  test('of any length passes where there is no limit [Sluiceway]', async ({ net }) => {
    const { client } = await through(
      net,
      respondWith((_, content) => sized(String(content.length))),
    );
    const size = 3 * 1024 * 1024;
    for (const head of [SIZED(size), CHUNKED]) {
      await send(client, head, size);
      expect((await client.readResponse()).content.toString()).toBe(String(size));
    }
  });
});

test('the limit of request content is on response content of no length [Sluiceway]', async ({ net }) => {
  const { client } = await through(net, respondWith(sized(seededBytes('limit', 0, LIMIT + 1))), options);
  await client.get('/');
  expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: LIMIT + 1 });
});
