import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { OriginScript } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const SPLIT = 'HTTP/1.1 200 Split\r\nContent-Length: 5\r\n\r\nsplit';

const ANSWERS: Record<string, string> = {
  'a sized response': 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright',
  'a response of 0 bytes': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  'a chunked response': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nright\r\n0\r\n\r\n',
  'a chunked response with trailers':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nright\r\n0\r\nX-T: 1\r\n\r\n',
  'a 204': 'HTTP/1.1 204 No Content\r\n\r\n',
  'a 304': 'HTTP/1.1 304 Not Modified\r\n\r\n',
};

describe.each(Object.entries(ANSWERS))('what comes after %s', (_name, answer) => {
  const expectRightTwice = async (
    net: Parameters<typeof through>[0],
    script: OriginScript,
  ): Promise<void> => {
    const { client, origin } = await through(net, script);
    for (let i = 0; i < 2; i++) {
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.raw).not.toContain('Split');
      expect(['right', '']).toContain(response.content.toString());
      expect(response).toMatchObject({ complete: true, ended: undefined });
      await until(() => origin.connections[i]?.ending !== undefined, 'its connection was closed');
    }
    expect(origin.total).toBe(2);
    expect(client.bytesRead).toBeLessThan(1000);
  };

  test('in the same piece reaches no client, and the connection is not used again [nginx; RFC 9112 6.3]', async ({
    net,
  }) => {
    await expectRightTwice(net, async (connection) => {
      await connection.readHead();
      await connection.write(answer + SPLIT);
      await connection.readAll();
    });
  });

  test('a while later reaches no client, and the connection is not used again [nginx; RFC 9112 6.3]', async ({
    net,
  }) => {
    await expectRightTwice(net, async (connection) => {
      await connection.readHead();
      await connection.write(answer);
      await new Promise((resolve) => setTimeout(resolve, 20));
      await connection.write(SPLIT);
      await connection.readAll();
    });
  });
});

test('1 MB after a Content-Length of 5 is not read [nginx]', async ({ net }) => {
  const { client, origin } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright${'x'.repeat(1_000_000)}`);
    await connection.readAll();
  });
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('right');
  await origin.connections[0]?.closed;
});

test('a connection on which the origin server speaks unasked is closed, and the next request gets its own [RFC 9112 9.2; Node]', async ({
  net,
}) => {
  const idle = new Gate();
  const { client, origin } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write(sized(`answer of ${connection.index}`));
    await idle.opened;
    await connection.write('HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
    await connection.readAll();
  });
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('answer of 0');
  idle.open();
  await origin.connections[0]?.closed;
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('answer of 1');
});
