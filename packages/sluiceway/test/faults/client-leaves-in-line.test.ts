import { expect } from 'vitest';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

test('clients that leave in the queue for a connection take their requests along [Caddy]', async ({
  net,
}) => {
  const finish = new Gate();
  const targets: string[] = [];
  const origin = await net.origin(async (connection) => {
    for (;;) {
      targets.push((await connection.readHead()).target);
      await finish.opened;
      await connection.write(sized('x'));
    }
  });
  const running = await net.proxy({ upstream: { url: origin.url, connections: { max: 1 } } });
  const first = await net.client(running);
  await first.get('/first');
  await until(() => targets.length === 1, 'the only connection was taken');
  const others = await Promise.all(['/a', '/b', '/c'].map(() => net.client(running)));
  for (const [index, other] of others.entries()) await other.get(`/queued-${index}`);
  await until(() => running.proxy.active === 4, 'all requests were there');
  for (const other of others) other.reset();
  await until(() => running.proxy.active === 1, 'those who waited had gone');
  finish.open();
  expect((await first.readResponse()).complete).toBe(true);
  expect(targets).toEqual(['/first']);
});

test('a client that leaves with requests pipelined leaves no transfer behind [RFC 9112 9.3.2]', async ({
  net,
}) => {
  const { client, running, origin } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.readAll();
  });
  await client.send([0, 1, 2, 3].map((i) => `GET /${i} HTTP/1.1\r\nHost: test\r\n\r\n`).join(''));
  await until(() => running.proxy.active === 4, 'every request was read');
  client.reset();
  for (const record of await running.records(4)) expect(record.outcome).toBe('client_aborted');
  expect(origin.total).toBe(1);
});
