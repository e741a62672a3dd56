import { expect } from 'vitest';
import type { LiveTransfer } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RawClient } from '../support/raw-client.js';
import type { OriginConnection, OriginScript } from '../support/raw-origin.js';
import type { RunningProxy } from '../support/servers.js';
import { StoppedTime } from '../support/stopped-time.js';
import { through } from '../support/through.js';
import { until } from '../support/until.js';

/** All different: only the limit of the side that is silent may end a transfer. */
const timeouts = { responseHead: 1000, upstreamIdle: 2000, clientIdle: 3000, tunnelIdle: 4000 };

interface Silence {
  running: RunningProxy;
  client: RawClient;
  time: StoppedTime;
}

/** Begins a transfer in a time of the test's own, and waits until nothing moves in it any more. */
async function begin(
  net: Network,
  script: OriginScript,
  request: (client: RawClient) => void,
): Promise<Silence> {
  const time = new StoppedTime(net);
  let live: LiveTransfer | undefined;
  const { client, running, origin } = await through(net, script, {
    timeouts,
    observers: [{ onTransferStart: (transfer) => void (live = transfer) }],
  });
  request(client);
  let before = '';
  let since = Date.now();
  await until(() => {
    const { bytesRead = 0, tcp } = origin.connections[0] ?? {};
    const now = [bytesRead, tcp?.bytesWritten, live?.status, live?.bytesUp, live?.bytesDown].join();
    if (now !== before) since = Date.now();
    before = now;
    return bytesRead > 0 && Date.now() - since > 50;
  }, 'nothing moved any more');
  return { running, client, time };
}

/** A limit that a queue has to be watched for is looked at as often as the shortest limit. */
async function expectEnd({ running, time }: Silence, limitMs: number, lateMs = 0): Promise<void> {
  await time.pass(limitMs - 1);
  expect(running.recorded).toEqual([]);
  await time.pass(1 + lateMs);
  await running.records(1);
}

const hangs = async (connection: OriginConnection): Promise<void> => {
  await connection.readHead();
  await connection.closed;
};

test.for([
  ['a GET', 'GET / HTTP/1.1\r\nHost: test\r\n\r\n'],
  ['an upload', 'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello'],
] as const)(
  'silence of the origin server after %s ends the transfer after exactly responseHead, with 504 [RFC 9110 15.6.5; Caddy]',
  async ([, request], { net }) => {
    const silence = await begin(net, hangs, (client) => void client.send(request));
    await expectEnd(silence, timeouts.responseHead);
    expect((await silence.client.readResponse()).head.status).toBe(504);
    expect(silence.running.recorded[0]).toMatchObject({ error: 'http_response_timeout' });
  },
);

test.for(['Content-Length: 10', 'Transfer-Encoding: chunked', 'X-Until: close'])(
  'silence of the origin server within content (%s) ends the transfer visibly after exactly upstreamIdle [nginx]',
  async (framing, { net }) => {
    const silence = await begin(
      net,
      async (connection) => {
        await connection.readHead();
        const half = framing.includes('chunked') ? 'a\r\nhalf' : 'half';
        await connection.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${half}`);
        await connection.closed;
      },
      (client) => void client.get('/'),
    );
    await expectEnd(silence, timeouts.upstreamIdle);
    const response = await silence.client.readResponse();
    expect(response).toMatchObject({ complete: false, contentLength: 4 });
    expect(silence.running.recorded[0]).toMatchObject({ error: 'connection_read_timeout' });
  },
);

test('an origin server that takes no more of an upload ends the transfer after upstreamIdle, with 504 [nginx]', async ({
  net,
}) => {
  const over = new Gate();
  const silence = await begin(
    net,
    async (connection) => {
      await connection.readHead();
      connection.pause();
      await over.opened;
      connection.resume();
      await connection.readAll();
    },
    (client) => {
      void client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000\r\n\r\n');
      void client.send(Buffer.alloc(100_000_000));
    },
  );
  await expectEnd(silence, timeouts.upstreamIdle, timeouts.responseHead);
  expect((await silence.client.readResponse()).head.status).toBe(504);
  expect(silence.running.recorded[0]).toMatchObject({ error: 'connection_write_timeout' });
  over.open();
});

test('silence of the client within its upload ends the transfer after exactly clientIdle, with 408 [RFC 9110 15.5.9; nginx]', async ({
  net,
}) => {
  const silence = await begin(net, hangs, (client) => {
    void client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nhalf');
  });
  await expectEnd(silence, timeouts.clientIdle);
  expect((await silence.client.readResponse()).head.status).toBe(408);
  expect(silence.running.recorded[0]).toMatchObject({ outcome: 'client_stalled' });
});

test('a client that takes no more of a download ends the transfer visibly after clientIdle [nginx]', async ({
  net,
}) => {
  const silence = await begin(
    net,
    async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
      await connection.writeSeeded('silence', 0, 100_000_000);
    },
    (client) => {
      client.pause();
      void client.get('/');
    },
  );
  await expectEnd(silence, timeouts.clientIdle, timeouts.responseHead);
  expect(silence.running.recorded[0]).toMatchObject({ outcome: 'client_stalled', status: 200 });
  silence.client.resume();
  expect(await silence.client.readResponse({ onContent: () => {} })).toMatchObject({ complete: false });
});

test('silence on both sides of a tunnel ends it after exactly tunnelIdle, as completed [nginx; Envoy]', async ({
  net,
}) => {
  const silence = await begin(
    net,
    async (connection) => {
      await connection.readHead();
      await connection.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nhi',
      );
      await connection.closed;
    },
    (client) => void client.get('/', ['Connection: Upgrade', 'Upgrade: foo']),
  );
  await expectEnd(silence, timeouts.tunnelIdle);
  expect(silence.running.recorded[0]).toMatchObject({ outcome: 'completed', status: 101, bytesDown: 2 });
  await silence.client.closed;
});
