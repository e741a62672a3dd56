import { describe, expect } from 'vitest';
import { loopbackCertificate } from '../support/certificates.js';
import { seededBytes, seededViews } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RawClient } from '../support/raw-client.js';
import { sized, through } from '../support/through.js';

const SIZE = 64 * 1024 * 1024;

/** Sends an upload until the connection takes no more; resolves when that is so or everything is sent. */
async function upload(client: RawClient, framing: 'sized' | 'chunked'): Promise<void> {
  const field = framing === 'sized' ? `Content-Length: ${SIZE}` : 'Transfer-Encoding: chunked';
  try {
    await client.send(`POST / HTTP/1.1\r\nHost: test\r\n${field}\r\n\r\n`);
    for (const view of seededViews('early', 0, SIZE)) {
      if (framing === 'chunked') void client.send(`${view.length.toString(16)}\r\n`);
      await client.send(view);
      if (framing === 'chunked') void client.send('\r\n');
    }
  } catch {
    // The other side has had enough.
  }
}

const REFUSAL = `too large${'!'.repeat(20_000)}`;

describe.each(['sized', 'chunked'] as const)('a 413 during a %s upload of 64 MiB', (framing) => {
  test.for(['keeps its connection', 'ends its connection', 'resets its connection'] as const)(
    'reaches the client whole when the origin server %s, and the upload stops [RFC 9112 9.5; nginx]',
    { repeats: 1 },
    async (manner, { net }) => {
      const done = new Gate();
      const { client, running } = await through(net, async (connection) => {
        await connection.readHead();
        await connection.readExactly(1_000_000);
        await connection.write(sized(REFUSAL, ['Connection: close'], 'HTTP/1.1 413 Content Too Large'));
        if (manner === 'ends its connection') connection.end();
        if (manner === 'resets its connection') connection.reset();
        await done.opened;
        await connection.readAll();
      });
      const sending = upload(client, framing);
      const response = await client.readResponse();
      expect(response.head.status).toBe(413);
      expect(response.head.get('connection')).toBe('close');
      expect(response.complete).toBe(true);
      expect(response.content.toString()).toBe(REFUSAL);
      expect(await client.closed).toBe('fin');
      await sending;
      const record = await running.record();
      expect(record).toMatchObject({ outcome: 'completed', status: 413 });
      expect(record.bytesUp).toBeLessThan(SIZE);
      done.open();
    },
  );
});

test('a 413 of an https: origin server that then resets its connection reaches the client whole [RFC 9112 9.5]', {
  repeats: 1,
}, async ({ net }) => {
  const certificate = await loopbackCertificate();
  const origin = await net.origin(
    async (connection) => {
      await connection.readHead();
      await connection.readExactly(1_000_000);
      await connection.write(sized(REFUSAL, [], 'HTTP/1.1 413 Content Too Large'));
      connection.reset();
    },
    { tls: certificate },
  );
  const running = await net.proxy({ upstream: { url: origin.url, tls: { ca: certificate.ca } } });
  const client = await net.client(running);
  const sending = upload(client, 'sized');
  const response = await client.readResponse();
  expect(response.head.status).toBe(413);
  expect(response.content.toString()).toBe(REFUSAL);
  await sending;
});

test('an early 200 streams down while the upload still runs [Caddy; RFC 9112 9.5]', async ({ net }) => {
  const steps = Array.from({ length: 5 }, () => new Gate());
  const { client } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (const [index] of steps.entries()) {
      expect((await connection.readExactly(10)).toString()).toBe(`question ${index}`);
      await connection.write(`8\r\nanswer ${index}\r\n`);
    }
    await connection.write('0\r\n\r\n');
  });
  await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 50\r\n\r\n');
  const head = await client.readHead();
  expect(head.status).toBe(200);
  // Nothing can tell yet which of the two messages will end first.
  expect(head.get('connection')).toBe('close');
  for (const [index] of steps.entries()) {
    await client.send(`question ${index}`);
    expect(await client.readThrough(`answer ${index}\r\n`)).toBe(`8\r\nanswer ${index}\r\n`);
  }
  expect(await client.readThrough('0\r\n\r\n')).toBe('0\r\n\r\n');
  expect(await client.closed).toBe('fin');
});

test('a 200 that is complete earlier than the upload stops the upload, and the client gets it whole [RFC 9112 9.5]', async ({
  net,
}) => {
  const { client, running } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.readExactly(1000);
    await connection.write(sized('enough'));
    await connection.readAll();
  });
  const sending = upload(client, 'sized');
  const response = await client.readResponse();
  expect(response).toMatchObject({ complete: true });
  expect(response.head.get('connection')).toBe('close');
  expect(response.content.toString()).toBe('enough');
  expect(await client.closed).toBe('fin');
  await sending;
  expect(await running.record()).toMatchObject({ outcome: 'completed' });
});

test('an error answer of the proxy reaches a client that is still sending [RFC 9112 9.6]', async ({
  net,
}) => {
  const { client } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.readExactly(1000);
    connection.reset();
  });
  const sending = upload(client, 'chunked');
  const response = await client.readResponse();
  expect(response.head.status).toBe(502);
  expect(response.complete).toBe(true);
  expect(await client.closed).toBe('fin');
  await sending;
});

test('an answer of a hook reaches a client that is still sending [RFC 9112 9.6]', async ({ net }) => {
  const { client, origin } = await through(net, () => {}, {
    onRequest: () => ({ status: 413, content: seededBytes('own', 0, 100_000) }),
  });
  const sending = upload(client, 'sized');
  const response = await client.readResponse();
  expect(response).toMatchObject({ complete: true, contentLength: 100_000 });
  expect(response.head.status).toBe(413);
  expect(await client.closed).toBe('fin');
  await sending;
  expect(origin.total).toBe(0);
});
