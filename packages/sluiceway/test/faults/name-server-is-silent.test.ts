import { expect } from 'vitest';
import { BoundedLookup } from '../../src/net/system-lookup.js';
import { SystemResolver } from '../../src/net/system-resolver.js';
import { startDns } from '../support/dns-server.js';
import { test } from '../support/fixture.js';
import { startGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

test('many requests for names that no name server answers for hold up no other request [Sluiceway]', async ({
  net,
}) => {
  const dns = await startDns((name) => (name.endsWith('.silent.test') ? 'silence' : ['127.0.0.1']));
  net.cleanup(() => dns.stop());
  const resolver = new SystemResolver({
    files: { hosts: '/nonexistent', resolv: '/nonexistent', nsswitch: '/nonexistent' },
    servers: [dns.address],
    lookup: new BoundedLookup(() => Promise.reject(new Error('The operating system must not be asked'))),
    asksDns: true,
  });
  const origin = await net.origin(respondWith(sized('content')));
  const { gateway, running, records } = await startGateway(net, {
    unsigned: true,
    guard: { allowHosts: ['*.test'], allowAddresses: ['127.0.0.0/8'], allowPorts: 'any', resolver },
    timeouts: { connect: '3s' },
  });
  const link = (name: string): string =>
    `/download?url=${encodeURIComponent(`http://${name}:${origin.port}/`)}`;
  const silent = await Promise.all(
    Array.from({ length: 40 }, async (_, i) => {
      const client = await net.client(running);
      await client.get(link(`n${i}.silent.test`));
      return client;
    }),
  );
  await until(() => dns.asked.length >= 80, 'all names were asked for');
  for (let i = 0; i < 3; i += 1) {
    const client = await net.client(running);
    await client.get(link(`n${i}.fast.test`));
    expect(await client.readResponse()).toMatchObject({ head: { status: 200 }, complete: true });
  }
  expect(gateway.active).toBe(40);
  for (const client of silent) expect(await client.readResponse()).toMatchObject({ head: { status: 504 } });
  await expect.poll(() => records.filter(({ outcome }) => outcome === 'upstream_timeout')).toHaveLength(40);
});
