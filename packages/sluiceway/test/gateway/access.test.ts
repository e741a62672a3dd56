import { describe, expect } from 'vitest';
import { bearer } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { startGateway, throughGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const TOKEN = 'aaaaaaaaaaaaaaaa';
const AUTHORIZED = [`Authorization: Bearer ${TOKEN}`];
const access = bearer({ [TOKEN]: 'anna' });

describe('a gateway with an access policy', () => {
  test('asks it before it looks at the link, valid or not', async ({ net }) => {
    const { client, link, origin, records } = await throughGateway(net, respondWith(sized('file')), {
      access,
    });
    for (const path of [link('/'), '/download?link=forged', '/elsewhere']) {
      await client.get(path);
      const { head } = await client.readResponse();
      expect([head.status, head.get('www-authenticate')]).toEqual([401, 'Bearer realm="restricted"']);
    }
    expect(origin.total).toBe(0);
    await client.get('/download?link=forged', AUTHORIZED);
    expect((await client.readResponse()).head.status).toBe(403);
    await client.get(link('/'), AUTHORIZED);
    expect((await client.readResponse()).content.toString()).toBe('file');
    await until(() => records.length === 5, 'all transfers had ended');
    expect(records.map(({ identity }) => identity)).toEqual([null, null, null, 'anna', 'anna']);
  });

  test('may serve URLs without a signature, with no list of hosts', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('file')));
    const { running } = await startGateway(net, {
      unsigned: true,
      access,
      guard: { allowAddresses: ['127.0.0.0/8'], allowPorts: 'any' },
    });
    const client = await net.client(running);
    const path = `/download?url=${encodeURIComponent(`${origin.url}/a`)}`;
    await client.get(path);
    expect((await client.readResponse()).head.status).toBe(401);
    expect(origin.total).toBe(0);
    await client.get(path, AUTHORIZED);
    expect((await client.readResponse()).content.toString()).toBe('file');
  });
});
