import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import type { WebSocket } from 'ws';
import { seededBytes, seededDigest } from '../support/content.js';
import { test } from '../support/fixture.js';
import { until } from '../support/until.js';
import { closing, echo, nextMessage, webSocketLine } from '../support/web-socket-line.js';

const MiB = 1024 * 1024;
const LARGE = 20 * MiB;
const DIGEST = seededDigest('large', LARGE);

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe.for([
  ['a WebSocket', false],
  ['a WebSocket over TLS', true],
] as const)('%s', ([_name, secure]) => {
  test('carries a message of 20 MiB there, and another back, with the right digests [ws]', async ({
    net,
  }) => {
    const digests: string[] = [];
    const { connect } = await webSocketLine(
      net,
      (socket) => {
        socket.on('message', (data: Buffer) => {
          digests.push(digest(data));
          socket.send(seededBytes('large', 0, LARGE));
        });
      },
      { secure },
    );
    const socket = await connect();
    socket.send(seededBytes('large', 0, LARGE));
    const { data } = await nextMessage(socket);
    expect([...digests, digest(data)]).toEqual([DIGEST, DIGEST]);
  });

  test('carries messages of many sizes, text and binary, in order, both ways [ws]', async ({ net }) => {
    const { connect } = await webSocketLine(net, echo, { secure });
    const socket = await connect();
    const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, MiB - 1, MiB + 1];
    const received: string[] = [];
    socket.on('message', (data: Buffer, isBinary) => received.push(`${isBinary} ${digest(data)}`));
    const sent: string[] = [];
    for (const size of sizes) {
      for (const binary of [true, false]) {
        const data = binary ? seededBytes(size, 0, size) : Buffer.alloc(size, 'text');
        socket.send(data, { binary });
        sent.push(`${binary} ${digest(data)}`);
      }
    }
    await until(() => received.length === sent.length, 'every message had come back');
    expect(received).toEqual(sent);
  });
});

describe('a WebSocket', () => {
  test('carries a fragmented message in both directions, with a ping between fragments [ws; RFC 6455 5.4]', async ({
    net,
  }) => {
    const inFragments = (socket: WebSocket, data: Buffer): void => {
      for (let at = 0; at < data.length; at += 10_000) {
        const fin = at + 10_000 >= data.length;
        socket.send(data.subarray(at, at + 10_000), { binary: true, fin });
        if (at === 50_000) socket.ping('between');
      }
    };
    const pings: string[] = [];
    const { connect } = await webSocketLine(net, (socket) => {
      socket.on('ping', (data) => pings.push(`server ${data.toString()}`));
      socket.on('message', (data: Buffer) => inFragments(socket, data));
    });
    const socket = await connect();
    socket.on('ping', (data) => pings.push(`client ${data.toString()}`));
    const content = seededBytes('fragments', 0, 300_000);
    inFragments(socket, content);
    expect(await nextMessage(socket)).toEqual({ data: content, isBinary: true });
    expect(pings).toEqual(['server between', 'client between']);
  });

  test("passes pings and pongs with their data, the client's and the server's [ws; RFC 6455 5.5]", async ({
    net,
  }) => {
    const serverPongs: string[] = [];
    const clientPongs: string[] = [];
    const { connect } = await webSocketLine(net, (socket) => {
      socket.on('pong', (data) => serverPongs.push(data.toString()));
      socket.ping('of the server');
    });
    const socket = await connect();
    socket.on('pong', (data) => clientPongs.push(data.toString()));
    socket.ping('of the client');
    socket.ping();
    await until(() => serverPongs.length === 1 && clientPongs.length === 2, 'all pongs had come');
    expect({ serverPongs, clientPongs }).toEqual({
      serverPongs: ['of the server'],
      clientPongs: ['of the client', ''],
    });
  });

  test('gets what the server sends right after its 101, in order [ws]', async ({ net }) => {
    const { connect, running } = await webSocketLine(net, (socket) => {
      for (let index = 0; index < 100; index++) socket.send(String(index));
      socket.close(1000);
    });
    for (let round = 0; round < 20; round++) {
      const received: string[] = [];
      const socket = await connect([], {
        // Before the handshake is over: no message is missed.
        finishRequest(request, self) {
          self.on('message', (data: Buffer) => received.push(data.toString()));
          request.end();
        },
      });
      if (socket.readyState !== socket.CLOSED) await closing(socket);
      expect(received).toEqual(Array.from({ length: 100 }, (_, index) => String(index)));
    }
    await running.records(20);
  });

  test('has its first frame delivered that came with the handshake in one piece [ws]', async ({ net }) => {
    const received: string[] = [];
    const { running } = await webSocketLine(net, (socket) => {
      socket.on('message', (data: Buffer) => received.push(data.toString()));
    });
    const client = await net.client(running);
    const handshake = [
      'GET /chat HTTP/1.1',
      'Host: test',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ].join('\r\n');
    // Masked with zeros.
    await client.send(`${handshake}\r\n\r\n\x81\x85\0\0\0\0early`);
    const head = await client.readHead();
    expect(head.status).toBe(101);
    expect(head.get('sec-websocket-accept')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
    await until(() => received.length === 1, 'the frame had come');
    expect(received).toEqual(['early']);
  });

  test('passes the subprotocol that the server chooses [ws; RFC 6455 4.2.2]', async ({ net }) => {
    const { connect } = await webSocketLine(net, echo, { handleProtocols: () => 'second' });
    expect((await connect(['first', 'second'])).protocol).toBe('second');
  });

  test('negotiates permessage-deflate end to end, and its frames pass as they are [ws; RFC 7692]', async ({
    net,
  }) => {
    const { connect, running, sockets } = await webSocketLine(net, echo, { perMessageDeflate: true });
    const socket = await connect([], { perMessageDeflate: true });
    expect(socket.extensions).toBe('permessage-deflate');
    expect([...sockets.clients].map(({ extensions }) => extensions)).toEqual(['permessage-deflate']);
    const text = Buffer.alloc(10 * MiB, 'the same again, ');
    socket.send(text, { binary: false });
    expect((await nextMessage(socket)).data.equals(text)).toBe(true);
    const closed = closing(socket);
    socket.close();
    await closed;
    const { bytesUp, bytesDown } = await running.record();
    expect(Math.max(bytesUp, bytesDown)).toBeLessThan(MiB);
  });

  test('without permessage-deflate at the server goes without it [ws; RFC 7692]', async ({ net }) => {
    const { connect } = await webSocketLine(net, echo);
    expect((await connect([], { perMessageDeflate: true })).extensions).toBe('');
  });

  test('that the server refuses with a 401 is refused with it [ws]', async ({ net }) => {
    const { connect, running } = await webSocketLine(net, echo, { verifyClient: () => false });
    await expect(connect()).rejects.toThrow('Unexpected server response: 401');
    expect(await running.record()).toMatchObject({ status: 401, outcome: 'completed' });
  });

  test('works 200 times at once, and none is left afterwards [ws]', async ({ net }) => {
    const { connect, origin, running } = await webSocketLine(net, echo);
    const sockets = await Promise.all(Array.from({ length: 200 }, () => connect()));
    expect(origin.open).toBe(200);
    await Promise.all(
      sockets.map(async (socket, index) => {
        const content = seededBytes(index, 0, 50_000 + index);
        const echoed = nextMessage(socket);
        socket.send(content);
        expect((await echoed).data.equals(content)).toBe(true);
      }),
    );
    const closed = Promise.all(sockets.map(closing));
    for (const socket of sockets) socket.close(1000);
    expect(new Set((await closed).map(([code]) => code))).toEqual(new Set([1000]));
    await until(() => origin.open === 0 && running.open === 0, 'no socket was left');
    expect(new Set((await running.records(200)).map(({ outcome }) => outcome))).toEqual(
      new Set(['completed']),
    );
  });
});
