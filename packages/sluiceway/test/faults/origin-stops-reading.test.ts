import { describe, expect } from 'vitest';
import { seededViews } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RawClient } from '../support/raw-client.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const MiB = 1024 * 1024;
const SIZE = 128 * MiB;

/** Uploads until the connection takes no more; counts what the client's kernel has taken. */
function upload(client: RawClient, size: number): { sent: number } {
  const count = { sent: 0 };
  void (async () => {
    await client.send(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${size}\r\n\r\n`);
    for (const view of seededViews('stop', 0, size)) {
      await client.send(view);
      count.sent += view.length;
    }
  })().catch(() => {});
  return count;
}

async function stalled(count: { sent: number }): Promise<number> {
  let before = -1;
  let since = Date.now();
  await until(() => {
    if (count.sent !== before) since = Date.now();
    before = count.sent;
    return count.sent > 0 && Date.now() - since > 60;
  }, 'the upload had come to a stop');
  return before;
}

/** An origin server that reads nothing of the content until the gate opens. */
const pausing =
  (goOn: Gate) =>
  async (connection: Parameters<Parameters<Network['origin']>[0]>[0]): Promise<void> => {
    const head = await connection.readHead();
    connection.pause();
    await goOn.opened;
    connection.resume();
    let received = 0;
    await connection.take(head.contentLength ?? 0, (bytes) => void (received += bytes.length));
    await connection.write(sized(String(received)));
    await connection.readAll();
  };

describe('an origin server that stops reading an upload', () => {
  test('holds the client back: the proxy takes no more than a few buffers [nginx]', async ({ net }) => {
    const goOn = new Gate();
    const { client, running } = await through(net, pausing(goOn));
    const count = upload(client, SIZE);
    // Socket buffers of three connections and what the proxy holds; the rest has to wait.
    expect(await stalled(count)).toBeLessThan(48 * MiB);
    goOn.open();
    expect((await client.readResponse()).content.toString()).toBe(String(SIZE));
    expect(await running.record()).toMatchObject({ outcome: 'completed', bytesUp: SIZE });
  });

  test('for longer than upstreamIdle is answered 504 [nginx]', async ({ net }) => {
    const goOn = new Gate();
    const { client, running } = await through(net, pausing(goOn), { timeouts: { upstreamIdle: 150 } });
    upload(client, SIZE);
    const response = await client.readResponse();
    goOn.open();
    expect(response.head.status).toBe(504);
    expect(response.complete).toBe(true);
    expect(await running.record()).toMatchObject({
      outcome: 'upstream_stalled',
      error: 'connection_write_timeout',
      status: 504,
    });
  });

  test('at whatever size, be it with the last bytes, is answered 504 [nginx]', async ({ net }) => {
    // How much fits in between: the end of an upload of about that size has to wait in the proxy.
    const probe = new Gate();
    const first = await through(net, pausing(probe));
    const taken = await stalled(upload(first.client, SIZE));
    first.client.close();
    probe.open();

    const goOn = new Gate();
    const { running } = await through(net, pausing(goOn), {
      timeouts: { upstreamIdle: 300, responseHead: 300, clientIdle: 15_000 },
    });
    const sizes = Array.from({ length: 20 }, (_, i) => Math.floor(taken + MiB - i * 0.35 * MiB));
    await Promise.all(
      sizes.map(async (size) => {
        const client = await net.client(running);
        upload(client, size);
        const response = await client.readResponse();
        expect(response.head.status, `${size} bytes`).toBe(504);
        client.close();
      }),
    );
    goOn.open();
  });

  test('after an early response has the transfer ended visibly [nginx]', async ({ net }) => {
    const goOn = new Gate();
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf');
        connection.pause();
        await goOn.opened;
        connection.resume();
        await connection.readAll();
      },
      { timeouts: { upstreamIdle: 150 } },
    );
    upload(client, SIZE);
    const response = await client.readResponse();
    goOn.open();
    expect(response.complete).toBe(false);
    expect((await running.record()).outcome).toBe('upstream_stalled');
  });
});
