import { once } from 'node:events';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { describe, expect } from 'vitest';
import { acceptKey } from '../../src/downstream/http2/websocket-handshake.js';
import { attach, bearer } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { Flag, Frames, fieldOf, PREFACE } from '../support/frames.js';
import { openHttp2 } from '../support/http2-client.js';
import type { RequestHead } from '../support/message-head.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized, through } from '../support/through.js';

const TOKEN = 'aaaaaaaaaaaaaaaa';
const authorization = `Bearer ${TOKEN}`;
const CHALLENGE = 'Bearer realm="restricted"';

async function guarded(net: Network, script: OriginScript) {
  const line = await through(net, script, { access: bearer({ [TOKEN]: 'anna' }) });
  const server = createServer();
  attach(server, line.running.proxy);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const client = await openHttp2(port);
  net.cleanup(() => {
    client.close();
    server.close();
  });
  return { ...line, client, port };
}

describe('over HTTP/2', () => {
  test('a request needs access too, and the origin server does not get its credentials [RFC 9113 8.3]', async ({
    net,
  }) => {
    let seen: RequestHead | undefined;
    const { client, origin, running } = await guarded(
      net,
      respondWith((head) => {
        seen = head;
        return sized('secret');
      }),
    );
    const refused = await client.get('/');
    expect(refused).toMatchObject({ status: 401, fields: { 'www-authenticate': CHALLENGE }, complete: true });
    expect(origin.total).toBe(0);
    const response = await client.get('/', { authorization });
    expect([response.status, response.content.toString()]).toEqual([200, 'secret']);
    expect(seen?.has('authorization')).toBe(false);
    expect((await running.record(1)).identity).toBe('anna');
  });

  test('several Authorization fields let nobody in [RFC 9113 8.2]', async ({ net }) => {
    const { port } = await guarded(net, respondWith(sized('')));
    const client = await net.client(port);
    const frames = new Frames(client);
    await client.send(PREFACE);
    await frames.settings([]);
    await frames.headers(
      1,
      [
        [':method', 'GET'],
        [':scheme', 'http'],
        [':authority', 'test'],
        [':path', '/'],
        ['authorization', authorization],
        ['authorization', authorization],
      ],
      Flag.END_HEADERS | Flag.END_STREAM,
    );
    const { lines } = await frames.readSection();
    expect(fieldOf(lines, ':status')).toBe('401');
  });

  test('an upload without access is answered, and its content goes nowhere [RFC 9113 8.1]', async ({
    net,
  }) => {
    const time = new StoppedTime(net);
    const { client, origin, running } = await guarded(net, respondWith(sized('')));
    const request = client.request('/', {
      headers: { ':method': 'PUT', expect: '100-continue' },
      content: Buffer.alloc(1_000_000),
    });
    // The rest of its content is refused a while after the answer.
    const response = await time.passUntil(request, 100);
    expect(response).toMatchObject({ status: 401, fields: { 'www-authenticate': CHALLENGE }, interim: [] });
    expect(await running.record()).toMatchObject({ status: 401, bytesUp: 0 });
    expect(origin.total).toBe(0);
  });

  test('a WebSocket needs access too [RFC 8441 5]', async ({ net }) => {
    let handshake: RequestHead | undefined;
    const { client, origin } = await guarded(net, async (connection) => {
      handshake = await connection.readHead();
      const accept = acceptKey(handshake.get('sec-websocket-key') ?? '');
      await connection.write(
        `HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      await connection.readAll();
    });
    const headers = { ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http' };
    expect(await client.request('/chat', { headers, content: Buffer.alloc(0) })).toMatchObject({
      status: 401,
    });
    expect(origin.total).toBe(0);

    const tunnel = { headers: { ...headers, authorization }, content: Buffer.alloc(0) };
    expect(await client.request('/chat', tunnel)).toMatchObject({ status: 200 });
    expect(handshake?.get('upgrade')).toBe('websocket');
    expect(handshake?.has('authorization')).toBe(false);
  });
});
