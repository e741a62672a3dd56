import { expect } from 'vitest';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { startHttp2Server } from '../support/node-http2.js';
import { type Delivery, type FileRequest, rangedOrigin } from '../support/ranged-origin.js';
import type { OriginConnection } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const SIZE = 300_000;
const CUT = 100_000;
const file = seededBytes('hedged', 0, SIZE);
const STRONG = 'ETag: "v1"';
const STALL: Delivery = { bytes: CUT, ending: 'stall' };

type Decide = (request: FileRequest) => Delivery | 'whole' | Buffer | Promise<void>;

/** A client that has got the first part of the file, from an origin server that is silent now. Time stands still. */
async function silence(net: Network, decide: Decide, options: Omit<ProxyOptions, 'upstream'> = {}) {
  const asked: FileRequest[] = [];
  const origin = await net.origin(
    rangedOrigin(
      file,
      (request) => {
        asked.push(request);
        return decide(request);
      },
      [STRONG],
    ),
  );
  const running = await net.proxy({ upstream: origin.url, ...options });
  const client = await net.client(running);
  const time = new StoppedTime(net);
  await client.get('/');
  const response = client.readResponse();
  await until(() => running.proxy.active === 1 && asked.length === 1, 'the file was asked for');
  return { asked, origin, running, client, time, response };
}

/** Sends the first part of the file, and the rest when the gate opens. */
const sendInTwo = async (connection: OriginConnection, gate: Gate): Promise<void> => {
  const bytes = sized(file, [STRONG]);
  await connection.write(bytes.subarray(0, bytes.length - SIZE + CUT));
  await gate.opened;
  await connection.write(bytes.subarray(bytes.length - SIZE + CUT));
};

test('an origin server that is silent for ten seconds is asked for the rest on a second connection, and the client waits no longer than that [Sluiceway]', async ({
  net,
}) => {
  const { asked, running, time, response } = await silence(net, ({ index }) =>
    index === 0 ? STALL : 'whole',
  );
  await time.passUntil(response, 500);
  expect((await response).content.equals(file)).toBe(true);
  expect(time.passed).toBeGreaterThanOrEqual(10_000);
  expect(time.passed).toBeLessThan(25_000);
  expect(asked[1]?.head.get('if-range')).toBe('"v1"');
  expect(await running.record()).toMatchObject({ outcome: 'completed', resumes: 1, attempts: 2 });
});

test('the response itself is used where it goes on first, and the second request is given up [Sluiceway]', async ({
  net,
}) => {
  const gate = new Gate();
  let isGivenUp = false;
  const { asked, running, time, response } = await silence(net, ({ index, connection }) =>
    index === 0
      ? sendInTwo(connection, gate)
      : connection.closed.then(() => {
          isGivenUp = true;
        }),
  );
  await time.passWhile(() => asked.length < 2, 500);
  gate.open();
  await time.passUntil(response, 10);
  expect((await response).content.equals(file)).toBe(true);
  await until(() => isGivenUp, 'the second request was given up');
  expect(await running.record()).toMatchObject({ outcome: 'completed', resumes: 0 });
});

test.for<[string, Buffer]>([
  ['404', sized('', [], 'HTTP/1.1 404 Not Found')],
  ['other bytes', sized(Buffer.alloc(SIZE), [STRONG])],
])(
  'a second request that is answered with %s changes nothing: the response may go on [Sluiceway]',
  async ([, answer], { net }) => {
    const gate = new Gate();
    const { asked, running, time, response } = await silence(net, ({ index, connection }) =>
      index === 0 ? sendInTwo(connection, gate) : answer,
    );
    await time.passWhile(() => asked.length < 2, 500);
    await time.pass(20_000);
    gate.open();
    await time.passUntil(response, 10);
    expect((await response).content.equals(file)).toBe(true);
    expect(await running.record()).toMatchObject({ outcome: 'completed', resumes: 0 });
  },
);

test('a silent origin server that gives no rest either is given up after `upstreamIdle` [Sluiceway]', async ({
  net,
}) => {
  const { asked, running, time, response } = await silence(net, ({ index }) =>
    index === 0 ? STALL : sized('', [], 'HTTP/1.1 404 Not Found'),
  );
  await time.passUntil(response, 500);
  expect((await response).complete).toBe(false);
  expect(time.passed).toBeGreaterThanOrEqual(60_000);
  expect(asked).toHaveLength(3);
  expect((await running.record()).outcome).toBe('upstream_stalled');
});

test('nothing is asked for twice where `resume.hedgeAfter` is false, nor while the client is waited for [Sluiceway]', async ({
  net,
}) => {
  const off = await silence(net, ({ index }) => (index === 0 ? STALL : 'whole'), {
    resume: { hedgeAfter: false },
  });
  await off.time.pass(59_000);
  expect(off.asked).toHaveLength(1);
  await off.time.passUntil(off.response, 500);
  expect((await off.response).content.equals(file)).toBe(true);
});

test('a stream of HTTP/2 that is silent is continued on another one [RFC 9113 8.1]', async ({ net }) => {
  let requests = 0;
  const origin = await startHttp2Server(net, (stream, { range: asked }) => {
    requests += 1;
    const first = Number(/^bytes=(\d+)-$/.exec(asked ?? '')?.[1] ?? 0);
    stream.respond({
      ':status': first === 0 ? 200 : 206,
      etag: '"v1"',
      'content-length': SIZE - first,
      ...(first > 0 && { 'content-range': `bytes ${first}-${SIZE - 1}/${SIZE}` }),
    });
    if (requests === 1) stream.write(file.subarray(0, CUT));
    else stream.end(file.subarray(first));
  });
  const running = await net.proxy({
    upstream: { url: origin.url, protocol: 'http2' },
    resume: { hedgeAfter: 100 },
  });
  const client = await net.client(running);
  await client.get('/');
  expect((await client.readResponse()).content.equals(file)).toBe(true);
  expect(await running.record()).toMatchObject({ outcome: 'completed', resumes: 1 });
});
