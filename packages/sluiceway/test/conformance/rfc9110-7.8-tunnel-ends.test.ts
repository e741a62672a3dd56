import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { describe, expect } from 'vitest';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RunningProxy } from '../support/servers.js';
import { through } from '../support/through.js';

const REQUEST = 'GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n';
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n';

interface Peers {
  running: RunningProxy;
  client: Socket;
  origin: Socket;
}

/** A tunnel between sockets as programs usually have them: one that is told the end ends its own direction too. */
async function openTunnel(net: Network): Promise<Peers> {
  const accepted: Socket[] = [];
  const server = createServer((socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.write(SWITCHING));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  net.cleanup(() => server.close());
  const running = await net.proxy({ upstream: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  const client = connect(running.port, '127.0.0.1');
  client.on('error', () => {});
  client.write(REQUEST);
  await once(client, 'data');
  return { running, client: client.resume(), origin: (accepted[0] as Socket).resume() };
}

describe('a tunnel', () => {
  test.for(['client', 'origin'] as const)(
    'between peers that know no half-close ends on both sides when the %s ends [Go ReverseProxy; nginx]',
    async (side, { net }) => {
      const peers = await openTunnel(net);
      const other = side === 'client' ? peers.origin : peers.client;
      const closed = once(other, 'close');
      peers[side].end('last words');
      expect((await once(other, 'data')).join('')).toBe('last words');
      await closed;
      expect(await peers.running.record()).toMatchObject({ outcome: 'completed', status: 101 });
    },
  );

  test('is closed on both sides by destroy(), and nothing that is said then arrives [Go ReverseProxy]', async ({
    net,
  }) => {
    const destroyed = new Gate();
    const { client, running, origin } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(`${SWITCHING}open`);
      await destroyed.opened;
      await connection.write('too late');
      await connection.readAll();
    });
    await client.send(REQUEST);
    await client.readHead();
    expect((await client.readExactly(4)).toString()).toBe('open');
    running.proxy.destroy();
    destroyed.open();
    expect((await client.readUntilClose()).bytes.toString()).toBe('');
    await origin.connections[0]?.closed;
    expect(await running.record()).toMatchObject({ outcome: 'shutdown', status: 101 });
  });

  test('that the origin server resets gives the client its bytes and no response besides [Go ReverseProxy]', async ({
    net,
  }) => {
    const seen = new Gate();
    let asked = 0;
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(`${SWITCHING}open`);
        await seen.opened;
        connection.reset();
      },
      {
        onError: () => {
          asked += 1;
          return { status: 500, content: 'error text' };
        },
      },
    );
    await client.send(REQUEST);
    await client.readHead();
    expect((await client.readExactly(4)).toString()).toBe('open');
    seen.open();
    expect((await client.readUntilClose()).bytes.toString()).toBe('');
    expect(asked).toBe(0);
    expect(await running.record()).toMatchObject({ status: 101, bytesDown: 4 });
  });
});
