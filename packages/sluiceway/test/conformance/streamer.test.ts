import { expect } from 'vitest';
import {
  createStreamer,
  type Outcome,
  type StreamCallOptions,
  type Streamer,
  type StreamFromOptions,
  streamFrom,
  type TransferRecord,
} from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { problemsOf } from '../support/problems.js';
import type { RawClient } from '../support/raw-client.js';
import { respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

interface Line<Context> {
  streamer: Streamer<Context>;
  outcomes: Outcome[];
  records: TransferRecord[];
  client(): Promise<RawClient>;
}

/** A server that answers each request by a streamer, with the file at `base` and the path of the request. */
async function serving<Context = unknown>(
  net: Network,
  base: string,
  options: StreamFromOptions<Context> = {},
  callOptions: () => StreamCallOptions<Context> = () => ({}),
): Promise<Line<Context>> {
  const records: TransferRecord[] = [];
  const outcomes: Outcome[] = [];
  const streamer = createStreamer<Context>({
    addresses: 'any',
    ...options,
    observers: [{ onTransferEnd: (record) => void records.push(record) }],
  });
  const server = await startServer((request, response) => {
    void streamer
      .handle(request, response, base + request.url, callOptions())
      .then((outcome) => outcomes.push(outcome));
  });
  net.cleanup(async () => {
    streamer.destroy();
    await server.stop();
  });
  return { streamer, outcomes, records, client: () => net.client(server) };
}

test('all problems of the options of a streamer are reported when it is made, with their paths', () => {
  const options = {
    upstream: 'http://127.0.0.1:9',
    onRequest: () => undefined,
    tls: { ca: 'no certificate', unknown: 1 },
    digest: 'sha256:00',
    protocol: 'http3',
    egressProxy: 'http://proxy.test',
    timeouts: { connect: 'soon' },
    onError: 'no function',
    stream: true,
  };
  const problems = problemsOf(() => createStreamer(options as object));
  expect(problems.map((problem) => problem.replace(/ .*/s, '')).toSorted()).toEqual(
    [
      'upstream',
      'onRequest',
      'tls.unknown',
      'tls.ca',
      'digest',
      'protocol',
      'egressProxy',
      'timeouts.connect',
      'onError',
      'stream',
    ].toSorted(),
  );
});

test('options that do not go together are refused under their own names', () => {
  const transport = { send: () => {}, close: () => {}, destroy: () => {} };
  const problems = problemsOf(() => createStreamer({ protocol: 'http2', transport } as object));
  expect(problems).toEqual([expect.stringMatching(/^protocol must not be given together with transport/)]);
});

test('no options are the rules of streamFrom: only public addresses are asked [Sluiceway]', async ({
  net,
}) => {
  const origin = await net.origin(respondWith(sized('content')));
  const streamer = createStreamer();
  const server = await startServer((request, response) => {
    void streamer.handle(request, response, origin.url);
  });
  net.cleanup(() => server.stop());
  const client = await net.client(server);
  await client.get('/');
  expect((await client.readResponse()).head.status).toBe(403);
  expect(origin.total).toBe(0);
});

test('a streamer serves requests over one connection, which ends when it is closed [Go Client]', async ({
  net,
}) => {
  const origin = await net.origin(respondWith(({ target }) => sized(target)));
  const line = await serving(net, origin.url);
  const client = await line.client();
  for (const path of ['/a', '/b']) {
    await client.get(path);
    expect((await client.readResponse()).content.toString()).toBe(path);
  }
  await until(() => line.outcomes.length === 2, 'both transfers had ended');
  expect(line.outcomes).toEqual(['completed', 'completed']);
  expect(origin.total).toBe(1);
  expect(origin.open).toBe(1);
  await line.streamer.close();
  await until(() => origin.open === 0, 'the connection was closed');
});

test('closing one streamer leaves the connections of others and of streamFrom alone [Go Client]', async ({
  net,
}) => {
  const origin = await net.origin(respondWith(sized('content')));
  const closed = await serving(net, origin.url);
  const other = await serving(net, origin.url);
  const single = await startServer((request, response) => {
    void streamFrom(request, response, origin.url, { addresses: 'any' });
  });
  net.cleanup(() => single.stop());
  for (const client of [await closed.client(), await other.client(), await net.client(single)]) {
    await client.get('/');
    await client.readResponse();
  }
  expect(origin.total).toBe(3);
  await closed.streamer.close();
  for (const client of [await other.client(), await net.client(single)]) {
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(200);
  }
  expect(origin.total).toBe(3);
});

test('a streamer that is closing finishes what runs, and answers new requests with 503 [Go]', async ({
  net,
}) => {
  const rest = new Gate();
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1');
    await rest.opened;
    await connection.write('2');
  });
  const line = await serving(net, origin.url);
  const running = await line.client();
  await running.get('/');
  await running.readHead();
  expect(line.streamer.active).toBe(1);
  let isClosed = false;
  const closing = line.streamer.close().then(() => (isClosed = true));
  const late = await line.client();
  await late.get('/');
  expect((await late.readResponse()).head.status).toBe(503);
  expect(isClosed).toBe(false);
  rest.open();
  expect((await running.readExactly(2)).toString()).toBe('12');
  await closing;
  expect(line.outcomes.toSorted()).toEqual(['completed', 'shutdown']);
});

test('a streamer that is destroyed breaks off what runs [Sluiceway]', async ({ net }) => {
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n1');
  });
  const line = await serving(net, origin.url);
  const client = await line.client();
  await client.get('/');
  await client.readHead();
  await client.readExactly(1);
  line.streamer.destroy();
  const { bytes } = await client.readUntilClose();
  expect(bytes).toHaveLength(0);
  await until(() => line.outcomes.length === 1, 'the transfer had ended');
  expect(line.outcomes).toEqual(['shutdown']);
});

test('the options of a call hold for that request alone [Sluiceway]', async ({ net }) => {
  const origin = await net.origin(respondWith(sized('content')));
  const wrong = `sha256:${'0'.repeat(64)}`;
  const calls: StreamCallOptions<string>[] = [{ context: 'first' }, { context: 'second', digest: wrong }, {}];
  const seen: string[] = [];
  const line = await serving<string>(
    net,
    origin.url,
    { onUpstreamRequest: ({ request }) => void seen.push(request.context) },
    () => calls.shift() ?? {},
  );
  for (const expected of ['completed', 'upstream_invalid', 'completed']) {
    const client = await line.client();
    await client.get('/');
    await until(() => line.outcomes.length > 0, 'the transfer had ended');
    expect(line.outcomes.shift()).toBe(expected);
  }
  expect(seen).toEqual(['first', 'second', undefined]);
});

test('streamFrom answers by a streamer that it is given in place of options [Sluiceway]', async ({ net }) => {
  const origin = await net.origin(respondWith(sized('content')));
  const streamer = createStreamer({ addresses: 'any' });
  const server = await startServer((request, response) => {
    void streamFrom(request, response, origin.url, streamer);
  });
  net.cleanup(() => server.stop());
  const client = await net.client(server);
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('content');
  await streamer.close();
  const late = await net.client(server);
  await late.get('/');
  expect((await late.readResponse()).head.status).toBe(503);
});
