import { describe, expect } from 'vitest';
import { attach, mount, stripPrefix } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { startGateway, throughGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { sized } from '../support/through.js';

describe('the path of a link', () => {
  test.for([
    ['/download', 200],
    ['/download/', 200],
    ['/download/any%2Fname.zip', 200],
    ['/download/..', 200],
    ['/download/%2e%2e', 200],
    ['/download/a/b', 404],
    ['/download/../download', 404],
    ['/download/..%2f', 200],
    ['/Download', 404],
    ['/downloads', 404],
    ['//download', 404],
    ['/%64ownload', 404],
    ['/', 404],
  ] as const)(
    '%s gets %i: what follows is only a name, and leads nowhere [Sluiceway]',
    async ([path, status], { net }) => {
      const { client, link } = await throughGateway(
        net,
        respondWith((head) => sized(head.target)),
      );
      const query = link('/file').slice('/download'.length);
      await client.get(path + query);
      const { head, content } = await client.readResponse();
      expect(head.status).toBe(status);
      if (status === 200) expect(content.toString()).toBe('/file');
    },
  );

  test('in a record ends where the name of the file would begin [Sluiceway]', async ({ net }) => {
    const { client, link, records } = await throughGateway(net, respondWith(sized('x')));
    for (const target of [
      link('/', { filename: 'secret.zip' }),
      '/download/secret.zip',
      '/download',
      '/favicon.ico',
    ]) {
      await client.get(target);
      await client.readResponse();
    }
    await expect
      .poll(() => records.map(({ path }) => path))
      .toEqual(['/download/…?…', '/download/…', '/download', '/favicon.ico']);
  });
});

describe('a gateway under a prefix', () => {
  test('serves the links that it signs, whether or not the prefix is taken off [nginx]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('file')));
    for (const [strips, path] of [
      [true, '/api/files'],
      [false, '/api/files'],
      [true, '/files'],
    ] as const) {
      const { gateway } = await startGateway(net, { path });
      const running = await startServer();
      net.cleanup(() => running.stop());
      attach(running.server, mount({ '/api': strips ? stripPrefix('/api', gateway) : gateway }));
      const client = await net.client(running);
      const link = gateway.sign({ url: `${origin.url}/`, expires: '1h', filename: 'a b.zip' });
      await client.get(path === '/files' ? `/api${link}` : link);
      expect((await client.readResponse()).content.toString()).toBe('file');
      await client.get(link.replace('/files', '/file'));
      expect((await client.readResponse()).head.status).toBe(404);
    }
  });
});
