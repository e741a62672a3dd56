import { expect } from 'vitest';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { OriginScript } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const GET = 'GET /slow HTTP/1.1\r\nHost: test\r\n\r\n';
const UPGRADE = 'GET /up HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n';
const CONNECT = 'CONNECT example.com:443 HTTP/1.1\r\nHost: test\r\n\r\n';

const answering =
  (slow: Gate): OriginScript =>
  async (connection) => {
    for (;;) {
      const { target } = await connection.readHead();
      if (target === '/up') {
        await connection.write('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n');
        await connection.write(await connection.readExactly(5));
        return;
      }
      await slow.opened;
      await connection.write(sized('x'.repeat(300_000)));
    }
  };

test('an upgrade behind requests that are under way waits for them, then opens [RFC 9112 9.3.2; Node]', async ({
  net,
}) => {
  const slow = new Gate();
  const { client, origin } = await through(net, answering(slow));
  await client.send(`${GET}${GET}${UPGRADE}hello`);
  await until(() => origin.total === 1, 'the first request was under way');
  slow.open();
  for (let i = 0; i < 2; i++)
    expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: 300_000 });
  expect((await client.readHead()).status).toBe(101);
  expect((await client.readExactly(5)).toString()).toBe('hello');
});

test('a CONNECT behind a request that is under way is refused after its response [RFC 9112 9.3.2; Node]', async ({
  net,
}) => {
  const slow = new Gate();
  const { client, origin } = await through(net, answering(slow));
  await client.send(GET + CONNECT);
  await until(() => origin.total === 1, 'the first request was under way');
  slow.open();
  expect((await client.readResponse()).complete).toBe(true);
  expect((await client.readResponse()).head.status).toBe(405);
  expect(await client.closed).toBe('fin');
});

test.for(['reset', 'close'] as const)(
  'a client that leaves (%s) with an upgrade in line leaves nothing behind [Node]',
  async (how, { net }) => {
    const slow = new Gate();
    const { client, running, origin } = await through(net, answering(slow));
    await client.send(GET + UPGRADE);
    await until(() => origin.total === 1, 'the first request was under way');
    client[how]();
    if (how === 'close') slow.open();
    await until(() => running.open === 0, 'the socket was let go');
    slow.open();
    expect(origin.total).toBe(1);
  },
);

test('a request behind an upgrade belongs to the other protocol [RFC 9110 7.8]', async ({ net }) => {
  const received: string[] = [];
  const { client } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n');
    received.push((await connection.readExactly(GET.length)).toString());
    connection.end();
  });
  await client.send(UPGRADE + GET);
  expect((await client.readHead()).status).toBe(101);
  await client.readUntilClose();
  expect(received).toEqual([GET]);
});
