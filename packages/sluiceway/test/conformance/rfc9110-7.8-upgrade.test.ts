import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RequestHead } from '../support/message-head.js';
import { StoppedTime } from '../support/stopped-time.js';
import { through } from '../support/through.js';

const REQUEST = 'GET /chat HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';
const SIZE = 3 * 1024 * 1024;

describe('a tunnel', () => {
  test('opens for the protocol that both sides name, in whatever case, with their other end-to-end fields spelled as they came [RFC 9110 7.8; Go ReverseProxy; Caddy]', async ({
    net,
  }) => {
    let seen: RequestHead | undefined;
    const { client } = await through(
      net,
      async (connection) => {
        seen = await connection.readHead();
        await connection.write(
          'HTTP/1.1 101 Go ahead\r\nconnection: upgrade\r\nupgrade: WebSocket\r\nSec-WebSocket-Accept: \xe4\r\n' +
            'Keep-Alive: 5\r\nAlt-Svc: h3\r\nX-Hop: 1\r\nConnection: X-Hop\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\r\n',
        );
        await connection.readAll();
      },
      { name: 'us' },
    );
    await client.send(`${REQUEST}Sec-WebSocket-KEY: k\r\nX-Hop: 1\r\nConnection: x-hop\r\n\r\n`);
    const head = await client.readHead();
    expect(head.startLine).toBe('HTTP/1.1 101 Go ahead');
    expect(head.lines).toEqual([
      'Connection: Upgrade',
      'Upgrade: WebSocket',
      'Sec-WebSocket-Accept: \xe4',
      'Set-Cookie: a=1',
      'Set-Cookie: b=2',
      'Via: 1.1 us',
    ]);
    expect(seen?.lines).toContain('Sec-WebSocket-KEY: k');
    expect(seen?.getAll('connection')).toEqual(['Upgrade']);
    expect(seen?.getAll('upgrade')).toEqual(['websocket']);
    expect(seen?.has('x-hop')).toBe(false);
  });

  test('opens for one of several protocols, and the client is told which [RFC 9110 7.8]', async ({ net }) => {
    const { client } = await through(net, async (connection) => {
      expect((await connection.readHead()).get('upgrade')).toBe('foo/2, websocket');
      await connection.write(`${SWITCHING}\r\n`);
      await connection.readAll();
    });
    await client.send(
      'GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: foo/2\r\nUpgrade: websocket\r\n\r\n',
    );
    expect((await client.readHead()).get('upgrade')).toBe('websocket');
  });

  test('carries bytes both ways at once [Go ReverseProxy]', async ({ net }) => {
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(`${SWITCHING}\r\n`);
      const sending = connection.writeSeeded('down', 0, SIZE);
      expect(isSeeded('up', 0, await connection.readExactly(SIZE))).toBe(true);
      await sending;
      connection.end();
    });
    await client.send(`${REQUEST}\r\n`);
    await client.readHead();
    void client.send(seededBytes('up', 0, SIZE));
    expect(isSeeded('down', 0, await client.readExactly(SIZE))).toBe(true);
    expect(await client.closed).toBe('fin');
    client.end();
    expect(await running.record()).toMatchObject({
      outcome: 'completed',
      status: 101,
      bytesUp: SIZE,
      bytesDown: SIZE,
      error: null,
    });
  });

  test('delivers what both sides sent together with their heads [nginx; Go ReverseProxy]', async ({
    net,
  }) => {
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(`${SWITCHING}\r\nglued to the 101`);
      expect((await connection.readExactly(17)).toString()).toBe('glued to the head');
      await connection.write(', and more');
      await connection.readAll();
    });
    await client.send(`${REQUEST}\r\nglued to the head`);
    await client.readHead();
    expect((await client.readExactly(26)).toString()).toBe('glued to the 101, and more');
  });

  test('of which the client has ended its half still carries the other [Go ReverseProxy]', async ({
    net,
  }) => {
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(`${SWITCHING}\r\n`);
      expect((await connection.readAll()).toString()).toBe('last words');
      await connection.writeSeeded('half', 0, SIZE);
      connection.end();
    });
    await client.send(`${REQUEST}\r\n`);
    await client.readHead();
    await client.send('last words');
    client.end();
    const { bytes, ended } = await client.readUntilClose();
    expect(bytes.length).toBe(SIZE);
    expect(isSeeded('half', 0, bytes)).toBe(true);
    expect(ended).toBe('fin');
    expect(await running.record()).toMatchObject({ outcome: 'completed' });
  });

  test('of which the origin server has ended its half still carries the other [Go ReverseProxy]', async ({
    net,
  }) => {
    let received: Buffer = Buffer.alloc(0);
    const all = new Gate();
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(`${SWITCHING}\r\nbye`);
      connection.end();
      received = await connection.readAll();
      all.open();
    });
    await client.send(`${REQUEST}\r\n`);
    await client.readHead();
    const { bytes, ended } = await client.readUntilClose();
    expect(bytes.toString()).toBe('bye');
    expect(ended).toBe('fin');
    await client.send(seededBytes('half', 0, SIZE));
    client.end();
    await all.opened;
    expect(received.length).toBe(SIZE);
    expect(isSeeded('half', 0, received)).toBe(true);
    expect(await running.record()).toMatchObject({ outcome: 'completed', bytesUp: SIZE });
  });

  test('comes after interim responses as well [RFC 9110 15.2]', async ({ net }) => {
    const { client } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${SWITCHING}\r\nhi`);
      await connection.readAll();
    });
    await client.send(`${REQUEST}\r\n`);
    expect((await client.readHead()).status).toBe(103);
    expect((await client.readHead()).status).toBe(101);
    expect((await client.readExactly(2)).toString()).toBe('hi');
  });

  test.for(['client', 'origin server'] as const)(
    'ends when the %s resets it [RFC 9110 7.8]',
    async (side, { net }) => {
      const open = new Gate();
      const { client, running, origin } = await through(net, async (connection) => {
        await connection.readHead();
        await connection.write(`${SWITCHING}\r\nopen`);
        if (side === 'origin server') {
          await open.opened;
          connection.reset();
        } else await connection.readAll();
      });
      await client.send(`${REQUEST}\r\n`);
      await client.readHead();
      await client.readExactly(4);
      if (side === 'client') client.reset();
      open.open();
      await client.closed;
      await origin.connections[0]?.closed;
      expect(await running.record()).toMatchObject({ status: 101 });
    },
  );

  test('ends when nothing has moved for tunnelIdle, not before [nginx; Envoy]', async ({ net }) => {
    const time = new StoppedTime(net);
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(`${SWITCHING}\r\n`);
        for (let i = 0; i < 12; i++) {
          await connection.write(await connection.readExactly(1));
        }
        await connection.readAll();
      },
      { timeouts: { tunnelIdle: 250, upstreamIdle: 100, clientIdle: 100 } },
    );
    await client.send(`${REQUEST}\r\n`);
    await client.readHead();
    for (let i = 0; i < 12; i++) {
      await time.pass(240);
      await client.send('x');
      expect((await client.readExactly(1)).toString()).toBe('x');
    }
    await time.pass(240);
    expect(running.proxy.active).toBe(1);
    await time.pass(10);
    await client.closed;
    expect(await running.record()).toMatchObject({ status: 101, outcome: 'completed' });
  });
});
