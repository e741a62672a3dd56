import { expect } from 'vitest';
import { test } from '../support/fixture.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

test.for(['end', 'reset', 'destroy'] as const)(
  'an idle connection that the origin server closes (%s) leaves the pool at once [RFC 9112 9.3.1; Node]',
  async (how, { net }) => {
    const { client, origin } = await through(net, async (connection) => {
      await connection.readHead();
      await connection.write(sized(`answer of ${connection.index}`));
      connection[how]();
      await connection.readAll();
    });
    for (let i = 0; i < 5; i++) {
      await client.get('/');
      expect((await client.readResponse()).content.toString()).toBe(`answer of ${i}`);
      await until(() => origin.open === 0, 'the closed connection was let go');
    }
  },
);

test('a connection is let go before the origin server said it would close it [undici; Node]', async ({
  net,
}) => {
  const { client, origin } = await through(net, async (connection) => {
    for (;;) {
      await connection.readHead();
      await connection.write(sized('x', ['Keep-Alive: timeout=1']));
    }
  });
  for (let i = 0; i < 3; i++) {
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(true);
  }
  expect(origin.total).toBe(3);
});

test('an idle connection is closed after the idle timeout [nginx]', async ({ net }) => {
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write(sized('x'));
    await connection.readAll();
  });
  const running = await net.proxy({ upstream: { url: origin.url, connections: { idleTimeout: 80 } } });
  const client = await net.client(running);
  await client.get('/');
  await client.readResponse();
  await until(() => origin.open === 0, 'the idle connection was closed');
});

test('a connection dialled in place of an expired one is used again, and closed with the proxy [Go ReverseProxy]', async ({
  net,
}) => {
  const { client, origin, running } = await through(net, async (connection) => {
    for (;;) {
      await connection.readHead();
      await connection.write(sized('x', connection.index === 0 ? ['Keep-Alive: timeout=1'] : []));
    }
  });
  for (let i = 0; i < 4; i++) {
    await client.get('/');
    await client.readResponse();
  }
  expect(origin.total).toBe(2);
  await running.proxy.close();
  await until(() => origin.open === 0, 'the idle connection was closed');
});
