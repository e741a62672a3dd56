import { describe, expect, vi } from 'vitest';
import { test } from '../support/fixture.js';
import type { OriginConnection } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const LIMIT_MS = 150;
const timeouts = {
  responseHead: LIMIT_MS,
  upstreamIdle: LIMIT_MS,
  clientIdle: LIMIT_MS,
  tunnelIdle: LIMIT_MS,
};

/** Keeps the thread from everything else, as a garbage collection or an application's own work does. */
function block(): void {
  const until = performance.now() + 3 * LIMIT_MS;
  while (performance.now() < until);
}

describe('what arrives in time, while the thread is busy for longer than every limit, counts as in time:', () => {
  test('a response head [nginx]', async ({ net }) => {
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        void connection.write(sized('in time'));
        block();
      },
      { timeouts },
    );
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('in time');
    expect(await running.record()).toMatchObject({ outcome: 'completed' });
  });

  test('content of a download [nginx]', async ({ net }) => {
    let origin: OriginConnection | undefined;
    const { client, running } = await through(
      net,
      async (connection) => {
        origin = connection;
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n');
      },
      { timeouts },
    );
    await client.get('/');
    const head = await client.readHead();
    const reading = client.readContent(head);
    for (let byte = 0; byte < 4; byte += 1) {
      // Another place in the turn of the event loop each time.
      await new Promise((resolve) => (byte % 2 === 0 ? setImmediate(resolve) : setTimeout(resolve, 1)));
      void origin?.write('x');
      block();
    }
    expect(await reading).toMatchObject({ complete: true, contentLength: 4 });
    expect(await running.record()).toMatchObject({ outcome: 'completed' });
  });

  test('content of an upload [nginx]', async ({ net }) => {
    const { client, running } = await through(
      net,
      async (connection) => {
        const { content } = await connection.readRequest();
        await connection.write(sized(content));
      },
      { timeouts },
    );
    void client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n');
    for (let byte = 0; byte < 4; byte += 1) {
      await new Promise((resolve) => (byte % 2 === 0 ? setImmediate(resolve) : setTimeout(resolve, 1)));
      void client.send('x');
      block();
    }
    expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: 4 });
    expect(await running.record()).toMatchObject({ outcome: 'completed' });
  });
});

test('silence that lasts longer than the thread is busy is ended all the same [nginx]', async ({ net }) => {
  const { client, running } = await through(
    net,
    async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
      block();
      await connection.closed;
    },
    { timeouts },
  );
  await client.get('/');
  expect(await client.readResponse()).toMatchObject({ complete: false });
  expect(await running.record()).toMatchObject({ outcome: 'upstream_stalled' });
});

test('a transfer below the minimum rate is ended after its window, be the thread busy all the time [Caddy]', async ({
  net,
}) => {
  // A clock that runs ten times as fast makes the window half a second; the timers are all the later for it. The
  // shortest timeout, be it none that can expire here, says how often there is a look at the clock.
  const now = performance.now.bind(performance);
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => 10 * now());
  net.cleanup(() => clock.mockRestore());
  let turns = 0;
  const { client, running } = await through(
    net,
    async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      while (connection.ending === undefined) {
        void connection.write('1\r\nx\r\n');
        await new Promise((resolve) => setImmediate(resolve));
        const until = now() + 5;
        while (now() < until);
        turns += 1;
      }
    },
    { limits: { minRate: 1000 }, timeouts: { tunnelIdle: 150 } },
  );
  await client.get('/');
  expect(await client.readResponse()).toMatchObject({ complete: false });
  const record = await running.record();
  expect(record.outcome).toBe('upstream_stalled');
  expect(record.durationMs).toBeGreaterThan(4900);
  // One window is 5 s; a second one would be too late.
  expect(turns * 50).toBeLessThan(9000);
});
