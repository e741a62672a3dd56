import { expect } from 'vitest';
import { limitMetrics, renderMetrics } from '../../src/metrics.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { nodeOrigin } from '../support/node-origin.js';
import { until } from '../support/until.js';

test('metrics of limits have what each rule does, by route and rule and never by key [Sluiceway]', async ({
  net,
}) => {
  const gate = new Gate();
  const origin = await nodeOrigin(net, async (_request, response) => {
    response.write('ab');
    await gate.opened;
    response.end('cd');
  });
  const running = await net.proxy({
    upstream: origin.url,
    limits: {
      rules: [
        { name: 'clients', transfers: 1, queue: { length: 1 }, match: { paths: ['/q'] } },
        { name: 'secret', by: { header: 'X-Key' }, requests: { count: 1, per: '1h' } },
      ],
    },
  });
  const text = () => renderMetrics(limitMetrics([{ route: 'files', limits: running.proxy.limits }]));
  const value = (name: string, labels: string) =>
    Number(
      new RegExp(`^sluiceway_limit_${name}\\{route="files",rule=${labels}\\} (\\S+)$`, 'm').exec(text())?.[1],
    );
  const send = async (target: string, key: string) => {
    const client = await net.client(running);
    await client.get(target, [`X-Key: ${key}`]);
    return client;
  };
  const first = await send('/q', 'k1');
  const head = await first.readHead();
  await first.readExactly(2);
  const second = await send('/q', 'k2');
  await until(() => value('queued_requests', '"clients"') === 1, 'a request waited');
  expect((await (await send('/q', 'k3')).readResponse()).head.status).toBe(429);
  expect((await (await send('/', 'k1')).readResponse()).head.status).toBe(429);
  expect(value('keys', '"clients"')).toBe(1);
  expect(value('active_keys', '"clients"')).toBe(1);
  expect(value('transfers_running', '"clients"')).toBe(1);
  expect(value('bytes_total', '"clients",direction="down"')).toBe(2);
  expect(value('refusals_total', '"clients",reason="transfers"')).toBe(1);
  expect(value('refusals_total', '"secret",reason="requests"')).toBe(1);
  expect(value('queue_waits_total', '"clients"')).toBe(0);
  gate.open();
  expect(head.status).toBe(200);
  expect((await second.readResponse()).head.status).toBe(200);
  await until(() => value('transfers_running', '"clients"') === 0, 'all were over');
  expect(value('queue_waits_total', '"clients"')).toBe(1);
  expect(value('queue_wait_seconds_total', '"clients"')).toBeGreaterThan(0);
  expect(value('bytes_total', '"clients",direction="down"')).toBe(8);
  expect(text()).not.toMatch(/k[123]/);
  expect(text()).not.toContain('127.0.0.1');
});
