import { expect } from 'vitest';
import { seededBytes } from '../../sluiceway/test/support/content.js';
import { test } from '../../sluiceway/test/support/fixture.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { sluicewayServe } from './support/program.js';

test('a reload changes the limits of running transfers, and keeps the counts; rules with a mistake change nothing [Sluiceway]', async ({
  net,
}) => {
  const size = 2_000_000;
  const origin = await net.origin(respondWith(sized(seededBytes('file', 0, size))));
  const config = (download: string) => ({
    listeners: [{ address: '127.0.0.1:0' }],
    routes: [
      {
        proxy: {
          upstream: origin.url,
          limits: { rules: [{ name: 'a', download, requests: { count: 1, per: '1h' } }] },
        },
      },
    ],
  });
  const program = await sluicewayServe(net, config('1kB'));
  const client = await net.client(program);
  await client.get('/');
  await client.readHead();
  await client.readExactly(50);
  expect(await program.reload(config('fast'))).toContain('limits.rules[0].download');
  expect(await program.reload(config('1GB'))).toContain('SIGHUP: reloaded');
  // At the first rate this would take half an hour.
  expect((await client.readExactly(size - 50)).length).toBe(size - 50);
  const second = await net.client(program);
  await second.get('/');
  expect((await second.readResponse()).head.status).toBe(429);
});
