import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import type { LiveTransfer } from '../../src/index.js';
import { loopbackCertificate } from '../support/certificates.js';
import { seededViews } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RawClient } from '../support/raw-client.js';
import type { OriginConnection } from '../support/raw-origin.js';
import type { RunningProxy } from '../support/servers.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized, toChunk } from '../support/through.js';
import { until } from '../support/until.js';
import type { Wire } from '../support/wire.js';

const LIMIT_MS = 1000;
/** Just within every limit. */
const STEP_MS = 900;
const STEPS = 24;

const timeouts = {
  responseHead: LIMIT_MS,
  upstreamIdle: LIMIT_MS,
  clientIdle: LIMIT_MS,
  tunnelIdle: LIMIT_MS,
};

interface Slow {
  client: RawClient;
  running: RunningProxy;
  time: StoppedTime;
  live: LiveTransfer;
}

/** A client, a proxy and an origin server that speaks only when it is asked to, in a time of the test's own. */
async function slowly(
  net: Network,
  security: 'http' | 'https',
  script: (connection: OriginConnection) => Promise<void>,
): Promise<Slow> {
  const certificate = security === 'https' ? await loopbackCertificate() : undefined;
  const tls = certificate === undefined ? {} : { tls: certificate };
  const origin = await net.origin(script, tls);
  const time = new StoppedTime(net);
  let live: LiveTransfer | undefined;
  const running = await net.proxy(
    {
      upstream: { url: origin.url, ...(certificate && { tls: { ca: certificate.ca } }) },
      timeouts,
      observers: [{ onTransferStart: (transfer) => void (live = transfer) }],
    },
    tls,
  );
  const client = await net.client(running, certificate && { tls: { ca: certificate.ca } });
  return {
    client,
    running,
    time,
    get live() {
      return live as LiveTransfer;
    },
  };
}

async function expectCompleted({ running, time }: Slow): Promise<void> {
  expect(time.passed).toBeGreaterThan(20 * LIMIT_MS);
  const record = await running.record();
  expect(record).toMatchObject({ outcome: 'completed', error: null });
  expect(record.durationMs).toBeGreaterThan(20 * LIMIT_MS);
}

/** Sends chunks until it is told that it is enough, then the last one. Returns the digest of all. */
async function sendUntil(wire: Wire, enough: Gate): Promise<string> {
  const hash = createHash('sha256');
  let isEnough = false;
  void enough.opened.then(() => (isEnough = true));
  for (const view of seededViews('healthy', 0, 2 ** 40)) {
    hash.update(view);
    await wire.write(toChunk(view));
    if (isEnough) break;
  }
  await wire.write('0\r\n\r\n');
  return hash.digest('hex');
}

/**
 * Reads a little at a time, only as much as makes the proxy move on, and lets time pass; after all steps it reads
 * what is left at once. Returns the digest of the content.
 */
async function readInSteps(
  wire: Wire,
  time: StoppedTime,
  moved: () => number,
  enough: Gate,
): Promise<string> {
  const hash = createHash('sha256');
  let step = 0;
  let before = moved();
  wire.pause();
  const reading = wire.readChunkedContent((bytes) => {
    hash.update(bytes);
    if (step === STEPS || moved() === before) return;
    step += 1;
    if (step === STEPS) enough.open();
    wire.pause();
    void time.pass(STEP_MS).then(() => {
      before = moved();
      wire.resume();
    });
  });
  wire.resume();
  await reading;
  return hash.digest('hex');
}

describe.each(['http', 'https'] as const)(
  'a healthy transfer over %s of more than 20 times every limit',
  (security) => {
    test.for(['Content-Length', 'Transfer-Encoding'] as const)(
      'completes: a download (%s) of which a byte comes just within the limit [nginx; Caddy]',
      async (framing, { net }) => {
        const sent = Array.from({ length: STEPS + 2 }, () => new Gate());
        const slow = await slowly(net, security, async (connection) => {
          await connection.readHead();
          const chunked = framing === 'Transfer-Encoding';
          const value = chunked ? 'chunked' : STEPS;
          for (const gate of sent) {
            await gate.opened;
            if (gate === sent[0]) await connection.write(`HTTP/1.1 200 OK\r\n${framing}: ${value}\r\n\r\n`);
            else if (gate !== sent.at(-1)) await connection.write(chunked ? '1\r\nx\r\n' : 'x');
            else if (chunked) await connection.write('0\r\n\r\n');
          }
        });
        await slow.client.get('/');
        await until(() => slow.running.proxy.active === 1, 'the request had come');
        await slow.time.pass(STEP_MS);
        sent[0]?.open();
        const head = await slow.client.readHead();
        for (let step = 1; step <= STEPS; step += 1) {
          await slow.time.pass(STEP_MS);
          sent[step]?.open();
          await until(() => slow.live.bytesDown === step, `byte ${step} had come`);
        }
        await slow.time.pass(framing === 'Content-Length' ? 0 : STEP_MS);
        sent.at(-1)?.open();
        expect(await slow.client.readContent(head)).toMatchObject({ complete: true, contentLength: STEPS });
        await expectCompleted(slow);
      },
    );

    test('completes: a download that its client reads in tiny steps [nginx; undici]', async ({ net }) => {
      const enough = new Gate();
      let sent = '';
      const slow = await slowly(net, security, async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
        sent = await sendUntil(connection, enough);
      });
      await slow.client.get('/');
      await slow.client.readHead();
      const received = await readInSteps(slow.client, slow.time, () => slow.live.bytesDown, enough);
      expect(received).toBe(sent);
      await expectCompleted(slow);
    });

    test.for(['Content-Length', 'Transfer-Encoding'] as const)(
      'completes: an upload (%s) of which a byte comes just within the limit [nginx; Node]',
      async (framing, { net }) => {
        const slow = await slowly(net, security, async (connection) => {
          const { content } = await connection.readRequest();
          await connection.write(sized(content));
        });
        const chunked = framing === 'Transfer-Encoding';
        await slow.client.send(
          `POST / HTTP/1.1\r\nHost: test\r\n${framing}: ${chunked ? 'chunked' : STEPS}\r\n\r\n`,
        );
        await until(() => slow.running.proxy.active === 1, 'the request had come');
        for (let step = 1; step <= STEPS; step += 1) {
          await slow.time.pass(STEP_MS);
          await slow.client.send(chunked ? '1\r\nx\r\n' : 'x');
          await until(() => slow.live.bytesUp === step, `byte ${step} had come`);
        }
        if (chunked) await slow.client.send('0\r\n\r\n');
        expect(await slow.client.readResponse()).toMatchObject({ complete: true, contentLength: STEPS });
        await expectCompleted(slow);
      },
    );

    test('completes: an upload that its origin server reads in tiny steps [nginx]', async ({ net }) => {
      const enough = new Gate();
      let received = '';
      const slow = await slowly(net, security, async (connection) => {
        await connection.readHead();
        received = await readInSteps(connection, slow.time, () => slow.live.bytesUp, enough);
        await connection.write(sized('thanks'));
      });
      await slow.client.send('POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n');
      const sent = await sendUntil(slow.client, enough);
      expect((await slow.client.readResponse()).content.toString()).toBe('thanks');
      expect(received).toBe(sent);
      await expectCompleted(slow);
    });

    test('completes: a tunnel in which a byte moves just within the limit, either way [nginx; Envoy]', async ({
      net,
    }) => {
      const slow = await slowly(net, security, async (connection) => {
        await connection.readHead();
        await connection.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n',
        );
        for (let step = 0; step < STEPS; step += 1) {
          await connection.readExactly(1);
          await slow.time.pass(STEP_MS);
          await connection.write('y');
        }
        connection.end();
      });
      await slow.client.get('/', ['Connection: Upgrade', 'Upgrade: foo']);
      await slow.client.readHead();
      for (let step = 0; step < STEPS; step += 1) {
        await slow.client.send('x');
        await slow.client.readExactly(1);
        await slow.time.pass(STEP_MS);
      }
      expect(await slow.client.closed).toBe('fin');
      slow.client.end();
      await expectCompleted(slow);
    });
  },
);
