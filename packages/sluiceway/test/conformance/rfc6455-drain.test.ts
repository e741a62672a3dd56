import { once } from 'node:events';
import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { through } from '../support/through.js';
import { until } from '../support/until.js';
import { webSocketLine } from '../support/web-socket-line.js';

const REQUEST = 'GET /chat HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
/** Close with 1001, as a server says it. */
const GOING_AWAY = Buffer.from([0x88, 2, 3, 0xe9]);

/** The code of a Close frame as a client says it. */
function unmask(frame: Buffer): number {
  expect([...frame.subarray(0, 2)]).toEqual([0x88, 0x82]);
  const bytes = frame.subarray(6, 8).map((byte, i) => byte ^ (frame[2 + i] ?? 0));
  return Buffer.from(bytes).readUInt16BE();
}

describe('a WebSocket when the proxy is closed', () => {
  test('is closed with 1001 on both sides, and the proxy has ended with it [RFC 6455 7.4.1; Caddy]', async ({
    net,
  }) => {
    const codes: Promise<unknown[]>[] = [];
    const { running, connect } = await webSocketLine(net, (socket) => codes.push(once(socket, 'close')));
    codes.push(once(await connect(), 'close'));
    await running.proxy.close();
    expect((await Promise.all(codes)).map(([code]: unknown[]) => code)).toEqual([1001, 1001]);
    expect(await running.record()).toMatchObject({ outcome: 'completed', status: 101, error: null });
  });

  test('hears of it only behind the frame that is under way, and nothing after it passes [RFC 6455 5.5.1]', async ({
    net,
  }) => {
    const rest = new Gate();
    const { client, running, origin } = await through(net, async (connection) => {
      await connection.readHead();
      // Half a frame, whose payload looks like a frame of its own.
      await connection.write(`${SWITCHING}\x82\x04\x82\x00`);
      await rest.opened;
      await connection.write('\x82\x00\x82\x01!');
      const up = await connection.readExactly(6 + 3 + 8);
      expect(up.subarray(0, 9).toString('latin1')).toBe('\x81\x83\x00\x00\x00\x00abc');
      expect(unmask(up.subarray(9))).toBe(1001);
      await connection.write('\x88\x02\x03\xe9');
      expect(await connection.readAll()).toEqual(Buffer.alloc(0));
    });
    await client.send(REQUEST);
    await client.readHead();
    await client.send('\x81\x83\x00\x00\x00\x00a');
    expect(await client.readExactly(4)).toEqual(Buffer.from('\x82\x04\x82\x00', 'latin1'));
    await until(() => running.proxy.active === 1, 'the tunnel was there');

    const closing = running.proxy.close();
    rest.open();
    // The rest of the frame, the Close, and not the frame behind it.
    expect(await client.readExactly(6)).toEqual(Buffer.concat([Buffer.from([0x82, 0]), GOING_AWAY]));
    await client.send('bc\x81\x83\x00\x00\x00\x00def\x88\x82\x00\x00\x00\x00\x03\xe9');
    expect(await client.closed).toBe('fin');
    await closing;
    expect(origin.failures).toEqual([]);
  });

  test('goes on for the time of tunnelDrain before [Caddy]', async ({ net }) => {
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(SWITCHING);
        for (;;) await connection.write(await connection.readExactly(9));
      },
      { timeouts: { tunnelDrain: '300ms' } },
    );
    await client.send(REQUEST);
    await client.readHead();
    const closing = running.proxy.close();
    const frame = '\x81\x83\x00\x00\x00\x00abc';
    await client.send(frame);
    expect(await client.readExactly(9)).toEqual(Buffer.from(frame, 'latin1'));
    expect(await client.readExactly(4)).toEqual(GOING_AWAY);
    await client.send('\x88\x82\x00\x00\x00\x00\x03\xe9');
    client.close();
    await closing;
  });

  test('that is said good-bye already hears it once [RFC 6455 5.5.1]', async ({ net }) => {
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(SWITCHING);
      expect(unmask(await connection.readExactly(8))).toBe(1000);
      // Answered when the proxy has begun to drain.
      await until(() => running.proxy.active === 1, 'the tunnel was there');
      void running.proxy.close();
      await connection.write('\x88\x02\x03\xe8');
      connection.end();
    });
    await client.send(REQUEST);
    await client.readHead();
    await client.send('\x88\x82\x00\x00\x00\x00\x03\xe8');
    const said = await client.readUntilClose();
    // One Close, with the code of whoever was first.
    expect([...said.bytes.subarray(0, 3)]).toEqual([0x88, 2, 3]);
    expect(said.bytes.length).toBe(4);
  });
});

test('a tunnel of another protocol goes on until the proxy is destroyed, since it cannot be told [nginx]', async ({
  net,
}) => {
  const { client, running } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own/1\r\n\r\n',
    );
    for (;;) await connection.write(await connection.readExactly(3));
  });
  await client.send('GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: own/1\r\n\r\n');
  await client.readHead();
  void running.proxy.close();
  await client.send('abc');
  expect((await client.readExactly(3)).toString()).toBe('abc');
  running.proxy.destroy();
  await client.closed;
  expect(await running.record()).toMatchObject({ outcome: 'shutdown' });
});
