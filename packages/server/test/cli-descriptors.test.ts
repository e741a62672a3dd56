import { expect } from 'vitest';
import { test } from '../../sluiceway/test/support/fixture.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { until } from '../../sluiceway/test/support/until.js';
import { LOOPBACK } from './support/gateway-program.js';
import { sluicewayGatewayWith } from './support/program.js';

test.skipIf(process.platform === 'win32')(
  'a client that names a new host with each request does not use up the descriptors [HAProxy]',
  async ({ net }) => {
    const origin = await net.origin(respondWith(sized('content')));
    const program = await sluicewayGatewayWith(
      net,
      128,
      '--unsigned',
      '--allow-host',
      '*.localhost',
      ...LOOPBACK,
    );
    for (let i = 0; i < 150; i += 1) {
      const client = await net.client(program);
      const url = `http://h${i}.localhost:${origin.port}/`;
      await client.get(`/download?url=${encodeURIComponent(url)}`);
      expect(await client.readResponse(), `request ${i}`).toMatchObject({
        head: { status: 200 },
        complete: true,
      });
      client.close();
    }
    await until(() => origin.open <= 32, 'a quarter of the descriptors was left to idle connections');
    expect(origin.total).toBe(150);
  },
);
