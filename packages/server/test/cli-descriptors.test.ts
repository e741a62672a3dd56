import { expect } from 'vitest';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { requireTool, testWith } from '../../sluiceway/test/support/requirements.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { until } from '../../sluiceway/test/support/until.js';
import { LOOPBACK } from './support/gateway-program.js';
import { sluicewayGatewayWith } from './support/process.js';

const bash = requireTool('bash');

testWith(bash)(
  'a client that names a new host with each request does not use up the descriptors [HAProxy]',
  async ({ net }) => {
    const origin = await net.origin(respondWith(sized('content')));
    const program = await sluicewayGatewayWith(
      net,
      bash,
      256,
      '--unsigned',
      '--allow-host',
      '*.localhost',
      ...LOOPBACK,
    );
    for (let i = 0; i < 300; i += 1) {
      const client = await net.client(program);
      const url = `http://h${i}.localhost:${origin.port}/`;
      await client.get(`/download?url=${encodeURIComponent(url)}`);
      expect(await client.readResponse(), `request ${i}`).toMatchObject({
        head: { status: 200 },
        complete: true,
      });
      client.close();
    }
    await until(() => origin.open <= 64, 'a quarter of the descriptors was left to idle connections');
    expect(origin.total).toBe(300);
  },
);
