import { expect } from 'vitest';
import type { LiveTransfer, TransferRecord } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized, through } from '../support/through.js';
import { until } from '../support/until.js';

test('an observer gets one start and one record for each transfer, with its numbers [Envoy]', async ({
  net,
}) => {
  const started: string[] = [];
  const records: TransferRecord[] = [];
  const { client, origin } = await through(
    net,
    respondWith((_head, content) => (content.length === 0 ? chunked([]) : chunked([content]))),
    {
      observers: [
        {
          onTransferStart: (transfer) => void started.push(transfer.id),
          onTransferEnd: (record) => void records.push(record),
        },
      ],
    },
  );
  const before = Date.now();
  for (const size of [0, 1, 70_000]) {
    void client.send(`POST /p?secret=1 HTTP/1.1\r\nHost: test\r\nContent-Length: ${size}\r\n\r\n`);
    void client.send('x'.repeat(size));
    await client.readResponse();
  }
  await until(() => records.length === 3, 'every transfer had ended');
  expect(records.map((record) => record.id)).toEqual(started);
  expect(new Set(started).size).toBe(3);
  for (const [index, size] of [0, 1, 70_000].entries()) {
    const record = records[index] as TransferRecord;
    expect(record).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) as string,
      id: started[index],
      requestId: started[index],
      clientAddress: '127.0.0.1',
      forwardedFor: null,
      host: 'test',
      httpVersion: '1.1',
      method: 'POST',
      path: '/p?…',
      status: 200,
      outcome: 'completed',
      bytesDown: size,
      bytesUp: size,
      durationMs: expect.any(Number) as number,
      responseHeadMs: expect.any(Number) as number,
      firstByteMs: expect.any(Number) as number,
      upstream: origin.url,
      upstreamAddress: new URL(origin.url).host,
      upstreamHttpVersion: '1.1',
      connectMs: index === 0 ? (expect.any(Number) as number) : null,
      attempts: 1,
      resumes: 0,
      bytesResumed: 0,
      ifRangeRetries: 0,
      zeroCopy: false,
      error: null,
      errorMessage: null,
      identity: null,
      userAgent: null,
      referer: null,
    });
    expect(Date.parse(record.time)).toBeGreaterThanOrEqual(before - 1);
  }
  expect(JSON.stringify(records)).not.toContain('secret');
});

test('a running transfer shows its numbers as they grow [Envoy]', async ({ net }) => {
  let live: LiveTransfer | undefined;
  const more = new Gate();
  const { client, running } = await through(
    net,
    async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
      await more.opened;
      await connection.write('67890');
    },
    { observers: [{ onTransferStart: (transfer) => void (live = transfer) }] },
  );
  await client.get('/file');
  const head = await client.readHead();
  await client.readExactly(5);
  expect(live).toMatchObject({ method: 'GET', path: '/file', status: 200, bytesDown: 5, bytesUp: 0 });
  expect(running.proxy.active).toBe(1);
  more.open();
  expect(head.contentLength).toBe(10);
  await client.readExactly(5);
  await until(() => running.proxy.active === 0, 'the transfer had ended');
  expect(live?.bytesDown).toBe(10);
});

test('an observer that throws breaks no transfer, and its mistake is a warning [Node]', async ({ net }) => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  net.cleanup(() => process.off('warning', onWarning));
  const seen: string[] = [];
  const { client, running } = await through(net, respondWith(sized('content')), {
    observers: [
      {
        onTransferStart: () => {
          throw new Error('observer at the start');
        },
        onTransferEnd: () => {
          throw new Error('observer at the end');
        },
      },
      { onTransferEnd: (record) => void seen.push(record.outcome) },
    ],
  });
  for (let i = 0; i < 2; i++) {
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('content');
    await running.record(i);
  }
  expect(seen).toEqual(['completed', 'completed']);
  await until(() => warnings.length === 4, 'all warnings had come');
  expect(warnings.map((warning) => warning.message)).toContain('observer at the end');
});

test('an async observer that rejects breaks no transfer, and its mistake is a warning [Node]', async ({
  net,
}) => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  net.cleanup(() => process.off('warning', onWarning));
  const fails = async (): Promise<void> => {
    await Promise.resolve();
    throw new Error('observer, later');
  };
  const { client } = await through(net, respondWith(sized('content')), {
    // oxlint-disable-next-line typescript/no-misused-promises -- what applications write all the same
    observers: [{ onTransferStart: fails, onTransferEnd: fails }],
  });
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('content');
  await until(() => warnings.length === 2, 'both warnings had come');
  expect(warnings[0]?.message).toContain('observer, later');
});

test('an abort is recorded with the bytes that were handed over, and no status where no head was [Caddy; nginx]', async ({
  net,
}) => {
  const { client, running } = await through(net, async (connection) => {
    const { target } = await connection.readHead();
    if (target === '/none') return;
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
  });
  await client.get('/some');
  await client.readHead();
  await client.readExactly(5);
  client.close();
  expect(await running.record(0)).toMatchObject({
    outcome: 'client_aborted',
    error: 'client_aborted',
    status: 200,
    bytesDown: 5,
  });
  const other = await net.client(running);
  await other.get('/none');
  other.close();
  expect(await running.record(1)).toMatchObject({ outcome: 'client_aborted', status: null, bytesDown: 0 });
});

test('transfers() has the running transfers, with the lengths that are announced [Sluiceway]', async ({
  net,
}) => {
  const [asked, release] = [new Gate(), new Gate()];
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n1234');
    asked.open();
    await release.opened;
    await connection.write('567890');
  });
  const running = await net.proxy({ upstream: origin.url });
  expect(running.proxy.transfers()).toEqual([]);
  const client = await net.client(running);
  await client.send('PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 3\r\n\r\nabc');
  const head = await client.readHead();
  await asked.opened;
  await until(() => running.proxy.transfers()[0]?.bytesDown === 4, 'the first bytes had passed');
  expect(running.proxy.transfers()).toMatchObject([
    { method: 'PUT', requestLength: 3, bytesUp: 3, responseLength: 10, bytesDown: 4 },
  ]);
  release.open();
  await client.readContent(head);
  await until(() => running.proxy.transfers().length === 0, 'the transfer had ended');
});
