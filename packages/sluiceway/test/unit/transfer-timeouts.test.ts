import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { ManualTransport } from '../support/manual-transport.js';
import type { RawClient } from '../support/raw-client.js';
import { StoppedTime } from '../support/stopped-time.js';
import { until } from '../support/until.js';

const UPSTREAM = 'http://origin.test';
/** Far enough apart that the one that ran can be told by its name. */
const OFF = { responseHead: false, upstreamIdle: false, clientIdle: false } as const;

const post = (client: RawClient, content: string, length = content.length): Promise<void> =>
  client.send(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${length}\r\n\r\n${content}`);

describe('where a file is had from several servers', () => {
  const mirrors = { url: UPSTREAM, mirrors: ['http://mirror.test'] };

  test('the second one has the whole time for its head, from when it was asked', async ({ net }) => {
    const time = new StoppedTime(net);
    const transport = new ManualTransport();
    const running = await net.proxy({
      upstream: mirrors,
      transport,
      timeouts: { ...OFF, responseHead: 1000 },
    });
    const client = await net.client(running);
    await client.get('/');
    await until(() => transport.requests.length === 1, 'the first one was asked');
    transport.sent();
    await time.pass(900);
    transport.answer(503, [], 0);
    await until(() => transport.requests.length === 2, 'the second one was asked');
    await time.pass(900);
    transport.sent();
    await time.pass(900);
    expect(running.recorded).toEqual([]);
    await time.pass(100);
    expect((await client.readResponse()).head.status).toBe(504);
  });

  test('the total time ends the transfer while the second one is connected to', async ({ net }) => {
    const time = new StoppedTime(net);
    const transport = new ManualTransport();
    const running = await net.proxy({
      upstream: mirrors,
      transport,
      timeouts: { ...OFF, responseHead: 1000, total: 1500 },
    });
    const client = await net.client(running);
    await client.get('/');
    await until(() => transport.requests.length === 1, 'the first one was asked');
    transport.sent();
    await time.pass(1000);
    await until(() => transport.requests.length === 2, 'the second one was asked');
    await time.pass(500);
    expect((await client.readResponse()).head.status).toBe(504);
    expect(await running.record()).toMatchObject({ error: 'total_timeout' });
  });
});

describe('no state has no timeout', () => {
  test('an origin server that does not take the end of an upload is timed', async ({ net }) => {
    const transport = new ManualTransport();
    const running = await net.proxy({
      upstream: UPSTREAM,
      transport,
      timeouts: { ...OFF, upstreamIdle: 150 },
    });
    const client = await net.client(running);
    await post(client, 'hello');
    await until(() => transport.upload.events.at(-1) === 'end', 'all request content was lent');
    expect((await client.readResponse()).head.status).toBe(504);
    expect(await running.record()).toMatchObject({
      outcome: 'upstream_stalled',
      error: 'connection_write_timeout',
    });
    transport.upload.release();
  });

  test('an upload that has been taken to its end waits for the head', async ({ net }) => {
    const transport = new ManualTransport();
    const running = await net.proxy({
      upstream: UPSTREAM,
      transport,
      timeouts: { ...OFF, responseHead: 150 },
    });
    const client = await net.client(running);
    await post(client, 'hello');
    await until(() => transport.upload.events.at(-1) === 'end', 'all request content was lent');
    transport.upload.release();
    transport.sent();
    expect((await client.readResponse()).head.status).toBe(504);
    expect(await running.record()).toMatchObject({ error: 'http_response_timeout' });
  });

  test('a client that stops in the middle of an upload is timed', async ({ net }) => {
    const transport = new ManualTransport();
    const running = await net.proxy({ upstream: UPSTREAM, transport, timeouts: { ...OFF, clientIdle: 150 } });
    const client = await net.client(running);
    await post(client, 'hel', 5);
    await until(() => transport.upload.events.length === 1, 'the first content was lent');
    transport.upload.release();
    expect((await client.readResponse()).head.status).toBe(408);
    expect(await running.record()).toMatchObject({ outcome: 'client_stalled' });
  });

  test('response content that does not come is timed', async ({ net }) => {
    const transport = new ManualTransport();
    const running = await net.proxy({
      upstream: UPSTREAM,
      transport,
      timeouts: { ...OFF, upstreamIdle: 150 },
    });
    const client = await net.client(running);
    await client.get('/');
    await until(() => transport.requests.length === 1, 'the request was sent');
    transport.sent();
    transport.answer(200, ['Content-Length', '5'], 5);
    await until(() => transport.download.sink !== null, 'the content was started');
    transport.download.lend('he');
    expect(await client.readResponse()).toMatchObject({ complete: false, contentLength: 2 });
    expect(await running.record()).toMatchObject({ error: 'connection_read_timeout', bytesDown: 2 });
  });
});

test('an origin server that takes an upload in steps smaller than a chunk is not idle [nginx]', async ({
  net,
}) => {
  const time = new StoppedTime(net);
  const transport = new ManualTransport();
  const running = await net.proxy({
    upstream: UPSTREAM,
    transport,
    timeouts: { ...OFF, upstreamIdle: 1000 },
  });
  const client = await net.client(running);
  transport.queued = 5;
  await post(client, 'hello');
  await until(() => transport.upload.events.at(-1) === 'end', 'all request content was lent');
  for (; transport.queued > 0; transport.queued -= 1) await time.pass(900);
  await time.pass(900);
  expect(running.proxy.active).toBe(1);
  await time.pass(1000);
  expect((await client.readResponse()).head.status).toBe(504);
  transport.upload.release();
});

test('an upload that ends after the response has begun is under no limit for the head', async ({ net }) => {
  const time = new StoppedTime(net);
  const transport = new ManualTransport();
  const running = await net.proxy({
    upstream: UPSTREAM,
    transport,
    timeouts: { ...OFF, responseHead: 100, upstreamIdle: 400 },
  });
  const client = await net.client(running);
  await post(client, 'hel', 5);
  await until(() => transport.upload.events.length === 1, 'the first content was lent');
  transport.answer(200, ['Content-Length', '5'], 5);
  await until(() => transport.download.sink !== null, 'the content was started');
  await client.send('lo');
  await until(() => transport.upload.events.at(-1) === 'end', 'all request content was lent');
  transport.upload.release();
  transport.sent();
  await time.pass(300);
  expect(running.proxy.active).toBe(1);
  await time.pass(100);
  expect(await client.readResponse()).toMatchObject({ complete: false });
  expect(await running.record()).toMatchObject({ status: 200, error: 'connection_read_timeout' });
});

test('a transfer that took too long in all is answered, not cut off', async ({ net }) => {
  const transport = new ManualTransport();
  const running = await net.proxy({
    upstream: UPSTREAM,
    transport,
    timeouts: { ...OFF, total: 50 },
    // The answer takes its time too.
    onError: () => new Promise((resolve) => setTimeout(resolve, 50)),
  });
  const client = await net.client(running);
  await client.get('/');
  const { head, complete } = await client.readResponse();
  expect([head.status, complete]).toEqual([504, true]);
  expect(await running.record()).toMatchObject({ outcome: 'limited', error: 'total_timeout' });
});
