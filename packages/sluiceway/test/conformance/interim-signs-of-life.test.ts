import { Agent } from 'undici';
import { describe, expect } from 'vitest';
import { undiciTransport } from '../../src/undici.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { startHttp2Server } from '../support/node-http2.js';
import type { RawClient } from '../support/raw-client.js';
import type { ProxyOptions, RunningProxy } from '../support/servers.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized } from '../support/through.js';

const LIMIT_MS = 60_000;
const STEP_MS = 30_000;
/** Fifty minutes, after which a limit of a hundred has been reached. */
const REPORTS = 120;

interface Line {
  time: StoppedTime;
  running: RunningProxy;
  client: RawClient;
}

const timeouts = { responseHead: LIMIT_MS, upstreamIdle: LIMIT_MS };

/** An origin server that takes a request and says for an hour that it works on it, and then answers. */
async function working(
  net: Network,
  kind: 'HTTP/1.1' | 'HTTP/2' | 'undici',
  status: number,
  more: ProxyOptions['timeouts'] = {},
): Promise<Line> {
  const options: ProxyOptions =
    kind === 'HTTP/2' ? await workingHttp2(net, status) : await workingHttp1(net, kind, status);
  const running = await net.proxy({ timeouts: { ...timeouts, ...more }, ...options });
  const client = await net.client(running);
  return { time: new StoppedTime(net), running, client };
}

/** What is to be called at each report; set when time stands still. */
const clock = new WeakMap<Network, () => Promise<void>>();
/** In parts, so that there is time to answer the PING that asks whether a connection is alive. */
const passStep = async (time: StoppedTime): Promise<void> => {
  for (let part = 0; part < 6; part += 1) await time.pass(STEP_MS / 6);
};
const tick = async (net: Network): Promise<void> => clock.get(net)?.();

async function workingHttp1(net: Network, kind: string, status: number): Promise<ProxyOptions> {
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    for (let i = 0; i < REPORTS; i += 1) {
      await connection.write(`HTTP/1.1 ${status} Working\r\nX-Report: ${i}\r\n\r\n`);
      await tick(net);
    }
    await connection.write(sized('stored', ['Connection: close'], 'HTTP/1.1 201 Created'));
    await connection.readAll();
  });
  return {
    upstream: origin.url,
    ...(kind === 'undici' && { transport: undiciTransport(new Agent(), { closesDispatcher: true }) }),
  };
}

async function workingHttp2(net: Network, status: number): Promise<ProxyOptions> {
  const origin = await startHttp2Server(net, async (stream) => {
    stream.resume();
    for (let i = 0; i < REPORTS; i += 1) {
      stream.additionalHeaders({ ':status': status, 'x-report': String(i) });
      await tick(net);
    }
    stream.respond({ ':status': 201 });
    stream.end('stored');
  });
  return { upstream: { url: origin.url, protocol: 'http2' } };
}

const UPLOAD = 'PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nabcd';
const WAIT = 'GET /a HTTP/1.1\r\nHost: test\r\n\r\n';

describe('an origin server that reports every 30 s that it works on a request', () => {
  test.for(
    (['HTTP/1.1', 'HTTP/2', 'undici'] as const).flatMap((kind) =>
      ([102, 104] as const).flatMap((status) =>
        ([UPLOAD, WAIT] as const).map((request) => [status, request.slice(0, 3), kind, request] as const),
      ),
    ),
  )(
    'has an hour for its answer although responseHead is a minute: by %s to a %s, over %s [RFC 9110 15.2; RFC 4918 20.1]',
    async ([status, , kind, request], { net }) => {
      const { time, running, client } = await working(net, kind, status);
      clock.set(net, () => passStep(time));
      await client.send(request);
      const response = await client.readResponse();
      expect(response.interim).toHaveLength(REPORTS);
      expect(response.head.status).toBe(201);
      expect(response.content.toString()).toBe('stored');
      expect(time.passed).toBe(REPORTS * STEP_MS);
      expect(await running.record()).toMatchObject({ outcome: 'completed' });
    },
  );

  test('is waited for while it takes none of an upload [RFC 9110 15.2]', async ({ net }) => {
    const { time, client } = await working(net, 'HTTP/1.1', 102);
    clock.set(net, () => passStep(time));
    // The origin server reads on at the end only: the rest waits in buffers.
    await client.send(`PUT /a HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000\r\n\r\n`);
    const sent = client.send(Buffer.alloc(100_000_000)).catch(() => {});
    const response = await client.readResponse();
    expect(response.interim).toHaveLength(REPORTS);
    expect(response.head.status).toBe(201);
    client.reset();
    await sent;
  });
});

test('an origin server that reports no more is answered for by 504, responseHead after its last report [RFC 9110 15.6.5]', async ({
  net,
}) => {
  const silent = new Gate();
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    for (let i = 0; i < 10; i += 1) {
      await connection.write('HTTP/1.1 102 Processing\r\n\r\n');
      await passStep(time);
    }
    silent.open();
    await connection.readAll();
  });
  const running = await net.proxy({ upstream: origin.url, timeouts });
  const client = await net.client(running);
  const time = new StoppedTime(net);
  await client.send(WAIT);
  await silent.opened;
  const response = await time.passUntil(client.readResponse(), STEP_MS / 6);
  expect(response.head.status).toBe(504);
  expect(time.passed).toBeGreaterThanOrEqual(9 * STEP_MS + LIMIT_MS);
  expect(time.passed).toBeLessThan(10 * STEP_MS + LIMIT_MS);
});

test('timeouts.total ends a transfer whatever an origin server reports [Sluiceway]', async ({ net }) => {
  const { time, running, client } = await working(net, 'HTTP/1.1', 102, { total: '10m' });
  let step = Promise.resolve();
  clock.set(net, () => {
    step = passStep(time);
    return step;
  });
  await client.send(WAIT);
  const response = await client.readResponse();
  clock.delete(net);
  await step;
  expect(response.head.status).toBe(504);
  expect(response.interim.length).toBeLessThan(REPORTS / 2);
  expect(await running.record()).toMatchObject({ outcome: 'limited', error: 'total_timeout' });
});
