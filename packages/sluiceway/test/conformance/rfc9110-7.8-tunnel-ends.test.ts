import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect } from 'vitest';
import { loopbackCertificate } from '../support/certificates.js';
import { isSeeded, seededBytes, seededViews } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RunningProxy } from '../support/servers.js';
import { through } from '../support/through.js';
import { startTlsServer } from '../support/tls-server.js';
import { until } from '../support/until.js';
import type { Wire } from '../support/wire.js';

const REQUEST = 'GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n';
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n';

const content = seededBytes('ends', 0, 3_000_000);

interface Peers {
  running: RunningProxy;
  client: Socket;
  origin: Socket;
}

/** A tunnel that is secure on both sides, between sockets that know half-close. */
async function openSecureTunnel(net: Network): Promise<Peers> {
  const certificate = await loopbackCertificate();
  const { cert, key, ca } = certificate;
  const server = await startTlsServer(net, { cert, key, allowHalfOpen: true }, (socket) => {
    socket.once('data', () => socket.write(SWITCHING));
  });
  const running = await net.proxy({ upstream: { url: server.url, tls: { ca } } }, { tls: certificate });
  // Node's types leave `allowHalfOpen` out.
  const options = { port: running.port, host: 'localhost', ca, allowHalfOpen: true };
  const client = connectTls(options);
  net.cleanup(() => client.destroy());
  client.on('error', () => {});
  client.write(REQUEST);
  await once(client, 'data');
  return { running, client, origin: server.connections[0] as Socket };
}

/** Everything that a socket gets up to the announced end. */
async function readAll(socket: Socket): Promise<Buffer> {
  const parts: Buffer[] = [];
  socket.on('data', (bytes: Buffer) => parts.push(bytes));
  await once(socket, 'end');
  return Buffer.concat(parts);
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

  test.for([
    ['client', 'origin'],
    ['origin', 'client'],
  ] as const)(
    'over TLS of which the %s has ended its half still carries all that the %s sends [RFC 8446 6.1; Go ReverseProxy]',
    async ([first, second], { net }) => {
      const peers = await openSecureTunnel(net);
      const heard = readAll(peers[second]);
      const answer = readAll(peers[first]);
      peers[first].end('last words');
      expect((await heard).toString()).toBe('last words');
      peers[second].end(content);
      expect((await answer).equals(content)).toBe(true);
      expect(await peers.running.record()).toMatchObject({ outcome: 'completed', status: 101 });
    },
  );

  test.for(['client', 'origin'] as const)(
    'of which both halves have ended stays until the %s has taken the last byte [Go ReverseProxy]',
    async (slow, { net }) => {
      const size = 24 * 1024 * 1024;
      const goOn = new Gate();
      let moved = (): string => '';
      /** Takes nothing until it may go on, then all of it, never so fast that nothing is on its way. */
      const takeAll = async (wire: Wire): Promise<number> => {
        wire.pause();
        await goOn.opened;
        wire.resume();
        let at = 0;
        while (true) {
          const bytes = await wire.readSome();
          if (bytes === null) return at;
          expect(isSeeded('ends', at, bytes)).toBe(true);
          at += bytes.length;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      };
      const giveAll = async (wire: Wire): Promise<void> => {
        for (const view of seededViews('ends', 0, size)) void wire.write(view);
        wire.end();
      };
      let taken = Promise.resolve(0);
      const { client, running } = await through(
        net,
        async (connection) => {
          await connection.readHead();
          await connection.write(SWITCHING);
          if (slow === 'client') {
            await connection.readAll();
            return giveAll(connection);
          }
          connection.end();
          taken = takeAll(connection);
          await taken;
        },
        {
          observers: [
            { onTransferStart: (live) => void (moved = () => `${live.bytesUp} ${live.bytesDown}`) },
          ],
        },
      );
      await client.send(REQUEST);
      await client.readHead();
      if (slow === 'client') {
        client.end();
        taken = takeAll(client);
      } else {
        expect((await client.readUntilClose()).ended).toBe('fin');
        void giveAll(client);
      }
      let before = '';
      let since = Date.now();
      await until(() => {
        if (moved() !== before || moved() === '0 0') since = Date.now();
        before = moved();
        return Date.now() - since > 50;
      }, 'nothing moved any more');
      expect(running.proxy.active).toBe(1);
      goOn.open();
      expect(await taken).toBe(size);
      expect(await running.record()).toMatchObject({ outcome: 'completed', status: 101 });
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

describe('a tunnel of a protocol that is not known', () => {
  const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: own/1\r\n\r\n';
  const request = 'GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: own/1\r\n\r\n';

  test('is reset towards the client when the origin server resets it, since an end could look like the end of a file [RFC 9112 8; Node]', async ({
    net,
  }) => {
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(switching);
      await connection.writeSeeded('reset', 0, 1_000_000);
      connection.reset();
    });
    await client.send(request);
    await client.readHead();
    await client.readUntilClose();
    expect(await client.closed).toBe('reset');
  });

  test('is reset towards the origin server when the client resets it [RFC 9112 8; Node]', async ({ net }) => {
    const { client, origin } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(switching);
      await connection.readUntilClose();
    });
    await client.send(request);
    await client.readHead();
    await client.send('abc');
    client.reset();
    expect(await origin.connections[0]?.closed).toBe('reset');
  });
});
