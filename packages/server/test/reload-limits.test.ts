import { createLinks } from 'sluiceway/gateway';
import { expect } from 'vitest';
import { seededBytes } from '../../sluiceway/test/support/content.js';
import { test } from '../../sluiceway/test/support/fixture.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { adminOf } from './support/admin.js';
import { key, writeKeys } from './support/gateway-program.js';
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

test('a reload that replaces a route keeps blocked keys and revoked links [Sluiceway]', async ({ net }) => {
  const origin = await net.origin(respondWith(sized('a file')));
  const file = writeKeys(net);
  const config = (connect: string) => ({
    listeners: [{ address: '127.0.0.1:0' }],
    admin: { address: '127.0.0.1:0' },
    routes: [
      {
        path: '/download',
        gateway: {
          keys: { file },
          timeouts: { connect },
          guard: { allowAddresses: ['127.0.0.0/8'], allowPorts: 'any' },
        },
      },
      {
        proxy: {
          upstream: origin.url,
          timeouts: { connect },
          limits: { rules: [{ name: 'users', by: { header: 'user' }, transfers: 1 }] },
        },
      },
    ],
  });
  const program = await sluicewayServe(net, config('5s'));
  const admin = await adminOf(net, program);
  const target = createLinks({ keys: [key], path: '/download' }).sign({
    url: `${origin.url}/a`,
    expires: '1h',
  });
  expect(
    (await admin.post('/api/links/revoke', { url: `http://127.0.0.1:${program.port}${target}` })).status,
  ).toBe(200);
  for (const user of ['one', 'two'])
    expect(
      (await admin.post('/api/limits/users/block', { key: user, ...(user === 'two' && { for: '1h' }) }))
        .status,
    ).toBe(200);
  expect(await program.reload(config('6s'))).toContain('SIGHUP: reloaded');
  const statusOf = async (path: string, user: string): Promise<number> => {
    const client = await net.client(program);
    await client.get(path, [`User: ${user}`]);
    return (await client.readResponse()).head.status;
  };
  expect(await statusOf(target, 'one')).toBe(410);
  expect([await statusOf('/', 'one'), await statusOf('/', 'two'), await statusOf('/', 'three')]).toEqual([
    403, 403, 200,
  ]);
});
