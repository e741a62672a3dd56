import { expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import type { OriginConnection } from '../support/raw-origin.js';
import { describeWith, requireZeroCopy } from '../support/requirements.js';
import type { ProxyOptions } from '../support/servers.js';
import { through } from '../support/through.js';
import { until } from '../support/until.js';

const zeroCopy = requireZeroCopy();
const MiB = 1024 * 1024;
const SIZE = 8 * MiB + 77;
const file = seededBytes('tunnel', 0, SIZE);

/** A tunnel of some protocol through the proxy. */
async function tunnel(net: Network, protocol: string, options: Omit<ProxyOptions, 'upstream'> = {}) {
  const opened: OriginConnection[] = [];
  const line = await through(
    net,
    async (connection) => {
      await connection.readHead();
      await connection.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
      );
      opened.push(connection);
      // Neither side ends before the test says so.
      await new Promise<void>((resolve) => net.cleanup(resolve));
    },
    { zeroCopy: true, ...options },
  );
  await line.client.send(`GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`);
  expect((await line.client.readHead()).status).toBe(101);
  await until(() => opened.length === 1, 'the tunnel was open');
  return { ...line, far: opened[0] as OriginConnection };
}

/** A frame of a WebSocket with that payload, masked by zeros for a server. */
function frame(payload: Uint8Array, isMasked: boolean, opcode = 2): Buffer {
  const head = Buffer.alloc(10 + (isMasked ? 4 : 0));
  head[0] = 0x80 | opcode;
  head[1] = 127 | (isMasked ? 0x80 : 0);
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}

describeWith(zeroCopy)('a tunnel between plain TCP connections', () => {
  test('carries every byte both ways at once, and half-closes [RFC 9110 7.8]', async ({ net }) => {
    const { client, far, running } = await tunnel(net, 'raw');
    const sent = Promise.all([client.send(file), far.write(file)]);
    const [down, up] = await Promise.all([client.readExactly(SIZE), far.readExactly(SIZE)]);
    await sent;
    expect([down.equals(file), up.equals(file)]).toEqual([true, true]);
    client.end();
    expect(await far.readAll()).toEqual(Buffer.alloc(0));
    await far.write('after the end of the other direction');
    far.end();
    expect((await client.readUntilClose()).bytes.toString()).toBe('after the end of the other direction');
    expect(await running.record()).toMatchObject({ outcome: 'completed', zeroCopy: true, bytesUp: SIZE });
  });

  test('carries single bytes at once [Sluiceway]', async ({ net }) => {
    const { client, far } = await tunnel(net, 'raw');
    for (let i = 0; i < 20; i += 1) {
      await client.send('a');
      expect((await far.readExactly(1)).toString()).toBe('a');
      await far.write('b');
      expect((await client.readExactly(1)).toString()).toBe('b');
    }
  });

  test('that one side resets is reset on the other [Sluiceway]', async ({ net }) => {
    const one = await tunnel(net, 'raw');
    await one.client.send(file.subarray(0, MiB));
    await one.far.readExactly(MiB);
    one.client.reset();
    await until(() => one.far.ending !== undefined, 'the origin server saw it');
    expect(one.far.ending).toBe('reset');

    const other = await tunnel(net, 'raw');
    await other.far.write(file.subarray(0, MiB));
    await other.client.readExactly(MiB);
    other.far.reset();
    await until(() => other.client.ending !== undefined, 'the client saw it');
    expect(other.client.ending).toBe('reset');
  });

  test('of a WebSocket ends when one side resets it, which says nothing more [RFC 9110 7.8]', async ({
    net,
  }) => {
    for (const side of ['client', 'far'] as const) {
      const line = await tunnel(net, 'websocket');
      await line.client.send(frame(Buffer.from('a'), true));
      await line.far.readExactly(15);
      line[side].reset();
      expect(await line.running.record()).toMatchObject({ status: 101 });
    }
  });

  test('through which nothing passes ends by tunnelIdle, and one that carries bytes does not [Sluiceway]', async ({
    net,
  }) => {
    const { client, far, running } = await tunnel(net, 'raw', { timeouts: { tunnelIdle: 400 } });
    for (let i = 0; i < 8; i += 1) {
      await client.send('a');
      await far.readExactly(1);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(running.proxy.active).toBe(1);
    expect(await running.record()).toMatchObject({ outcome: 'completed', zeroCopy: true, bytesUp: 8 });
  });

  test('of large frames of a WebSocket, small ones among them, carries every byte [RFC 6455 5.2]', async ({
    net,
  }) => {
    const { client, far, running } = await tunnel(net, 'websocket');
    const frames = (isMasked: boolean): Buffer => {
      const parts: Buffer[] = [];
      for (let at = 0, i = 0; at < SIZE; i += 1) {
        const length = [300_000, 20, 70_000, 0, 1_000_000, 17_000][i % 6] ?? 0;
        parts.push(frame(file.subarray(at, at + length), isMasked));
        at += length;
      }
      return Buffer.concat(parts);
    };
    const [toServer, toClient] = [frames(true), frames(false)];
    const sent = Promise.all([client.send(toServer), far.write(toClient)]);
    const [down, up] = await Promise.all([
      client.readExactly(toClient.length),
      far.readExactly(toServer.length),
    ]);
    await sent;
    expect([down.equals(toClient), up.equals(toServer)]).toEqual([true, true]);
    client.end();
    far.end();
    expect(await running.record()).toMatchObject({ outcome: 'completed', zeroCopy: true });
  });

  test('of a WebSocket gets its Close between two frames when the proxy stops [RFC 6455 7.4.1]', async ({
    net,
  }) => {
    const { client, far, running } = await tunnel(net, 'websocket');
    const whole = frame(file, false);
    const half = whole.length - 1_000_000;
    await far.write(whole.subarray(0, half));
    const first = await client.readExactly(half);
    const closing = running.proxy.close();
    await far.write(whole.subarray(half));
    const rest = await client.readExactly(whole.length - half);
    expect(Buffer.concat([first, rest]).equals(whole)).toBe(true);
    expect([...(await client.readExactly(4))]).toEqual([0x88, 2, 0x03, 0xe9]);
    const close = await far.readExactly(8);
    expect(close[0]).toBe(0x88);
    far.destroy();
    client.close();
    await closing;
    expect(isSeeded('tunnel', 0, file)).toBe(true);
  });
});
