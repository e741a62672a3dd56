import { expect } from 'vitest';
import { test } from '../../../sluiceway/test/support/fixture.js';
import { describeWith, requireTool } from '../../../sluiceway/test/support/requirements.js';
import { runDoctor, startEchoOrigin, startProxy } from './start-chain.js';

const nginx = requireTool('nginx');
const haproxy = requireTool('haproxy');

describeWith(nginx, haproxy)('doctor with HAProxy in front of nginx', () => {
  test('names the timeout of HAProxy, and the setting of nginx for what only shows behind HAProxy [HAProxy; nginx]', async ({
    net,
  }) => {
    const origin = await startEchoOrigin(net);
    const behind = await startProxy(net, nginx, 'nginx', origin, ['proxy_read_timeout 30s']);
    const front = await startProxy(net, haproxy, 'haproxy', behind, ['timeout server 2s']);
    const { report } = await runDoctor(
      net,
      `http://127.0.0.1:${front}/`,
      ...['--hop', `http://127.0.0.1:${behind}/`, '--quick', '--silence', '40s'],
      ...['--only', 'head-silence', '--only', 'redirects'],
    );
    const found = report.findings.map(({ id, hop: { url, product }, settings }) => ({
      id,
      hop: `${product} at ${url}`,
      products: settings.map((each) => each.product),
    }));
    const hop = `HAProxy at http://127.0.0.1:${front}/`;
    expect(found).toEqual([
      { id: 'location-internal', hop, products: ['nginx'] },
      { id: 'head-silence', hop, products: ['HAProxy'] },
    ]);
  });
});
