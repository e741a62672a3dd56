import { describe, expect } from 'vitest';
import type { WebSocket } from 'ws';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { until } from '../support/until.js';
import { closing, echo, nextMessage, type WebSocketLine, webSocketLine } from '../support/web-socket-line.js';

const MiB = 1024 * 1024;

const theServers = ({ sockets }: WebSocketLine): WebSocket => [...sockets.clients][0] as WebSocket;

describe('the close of a WebSocket', () => {
  test.for([
    [1000, 'done'],
    [1001, ''],
    [1011, 'failed'],
    [3000, 'registered'],
    [4999, 'ä'.repeat(61)],
  ] as const)(
    'with code %s passes from each side to the other [ws; RFC 6455 7.4]',
    async ([code, reason], { net }) => {
      const line = await webSocketLine(net, echo);
      const first = await line.connect();
      const atServer = closing(theServers(line));
      first.close(code, reason);
      expect(await atServer).toEqual([code, reason]);
      await until(() => line.sockets.clients.size === 0, 'the first was gone');

      const second = await line.connect();
      const atClient = closing(second);
      theServers(line).close(code, reason);
      expect(await atClient).toEqual([code, reason]);
      await until(() => line.origin.open === 0 && line.running.open === 0, 'no socket was left');
    },
  );

  test('without a code passes as one without a code [ws; RFC 6455 7.1.5]', async ({ net }) => {
    const line = await webSocketLine(net, echo);
    const socket = await line.connect();
    const atServer = closing(theServers(line));
    socket.close();
    expect(await atServer).toEqual([1005, '']);
  });

  test('lets a message that the other side sends meanwhile arrive [ws; RFC 6455 5.5.1]', async ({ net }) => {
    const content = seededBytes('last', 0, 5 * MiB);
    const { connect } = await webSocketLine(net, (socket) => {
      socket.on('message', () => {
        socket.send(content);
        socket.close(1000);
      });
    });
    const socket = await connect();
    const message = nextMessage(socket);
    const closed = closing(socket);
    socket.send('go');
    expect((await message).data.equals(content)).toBe(true);
    expect((await closed)[0]).toBe(1000);
  });
});

describe('WebSockets broken off', () => {
  test.for([
    ['the client', 'while nothing is sent'],
    ['the client', 'in the middle of a message'],
    ['the server', 'while nothing is sent'],
    ['the server', 'in the middle of a message'],
  ] as const)(
    'by %s, %s, end at the other side, and no socket is left [ws]',
    async ([side, when], { net }) => {
      const line = await webSocketLine(net, () => {});
      const client = await line.connect();
      const server = theServers(line);
      const [breaker, other] = side === 'the client' ? [client, server] : [server, client];
      if (when !== 'while nothing is sent') {
        // Nobody reads at the other end: most of it is still on the way.
        other.pause();
        breaker.send(Buffer.alloc(64 * MiB));
        await until(() => line.running.proxy.active === 1 && breaker.bufferedAmount > 0, 'it was on the way');
      }
      const atOther = closing(other);
      breaker.terminate();
      other.resume();
      expect(await atOther).toEqual([1006, '']);
      await until(() => line.origin.open === 0 && line.running.open === 0, 'no socket was left');
      await until(() => line.running.proxy.active === 0, 'the transfer had ended');
    },
  );

  test('100 at once, half of them by each side, are all gone afterwards [ws]', async ({ net }) => {
    const line = await webSocketLine(net, echo);
    const clients = await Promise.all(Array.from({ length: 100 }, () => line.connect()));
    for (const client of clients) client.send('busy');
    const servers = [...line.sockets.clients];
    const closed = Promise.all(clients.map(closing));
    // The two lists are in no common order, so that some lose both ends at once.
    for (const client of clients.slice(0, 50)) client.terminate();
    for (const server of servers.slice(0, 50)) server.terminate();
    for (const server of servers.slice(50)) server.close(1000);
    const codes = new Set((await closed).map(([code]) => code));
    expect([...codes].every((code) => code === 1000 || code === 1006)).toBe(true);
    await until(() => line.origin.open === 0 && line.running.open === 0, 'no socket was left');
    await line.running.records(100);
  });
});
