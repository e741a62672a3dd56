import { describe, expect } from 'vitest';
import { type Entry, servingFiles, sumLine } from '../support/checksum-files.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { ended, hexOf, MISMATCH, memberOf } from '../support/digests.js';
import { test } from '../support/fixture.js';
import { startGateway, throughGateway } from '../support/gateway.js';
import { nodeOrigin } from '../support/node-origin.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized } from '../support/through.js';
import { until } from '../support/until.js';

const SIZE = 100_000;
const content = seededBytes('linked', 0, SIZE);
const FRAMINGS = [
  { framing: 'a Content-Length', wire: sized(content) },
  { framing: 'chunks', wire: chunked([content]) },
];

describe('a link that says the digest of its file', () => {
  test.for(FRAMINGS)(
    'lets that file pass with $framing, at the rate and size of the link [RFC 9530 3; Sluiceway]',
    async ({ wire }, { net }) => {
      const { client, link, records } = await throughGateway(net, respondWith(wire));
      await client.get(link('/a', { digest: hexOf(content), rate: '1GiB', maxBytes: SIZE }));
      const response = await client.readResponse();
      expect(response.complete && isSeeded('linked', 0, response.content)).toBe(true);
      expect(response.head.get('repr-digest')).toBe(memberOf(content));
      expect(await ended(records)).toMatchObject([{ outcome: 'completed' }]);
    },
  );

  test.for(FRAMINGS)(
    'never lets another look complete, with $framing [Sluiceway]',
    async ({ wire }, { net }) => {
      const { client, link, records } = await throughGateway(net, respondWith(wire));
      await client.get(link('/a', { digest: memberOf('the file', 'sha512'), rate: '1GiB' }));
      expect((await client.readResponse()).complete).toBe(false);
      expect(await ended(records)).toMatchObject([MISMATCH]);
    },
  );

  test('gives the whole for a range, and a part unverified where the gateway allows it [RFC 9110 14.2; Sluiceway]', async ({
    net,
  }) => {
    const origin = respondWith((head) =>
      head.has('range')
        ? sized('part', [`Content-Range: bytes 0-3/${SIZE}`], 'HTTP/1.1 206 Partial Content')
        : sized(content),
    );
    for (const [ranges, status] of [
      ['whole', 200],
      ['unverified', 206],
    ] as const) {
      const { client, link } = await throughGateway(net, origin, { digests: { ranges } });
      await client.get(link('/a', { digest: hexOf(content) }), ['Range: bytes=0-3']);
      const { head, complete } = await client.readResponse();
      expect([head.status, complete, head.get('repr-digest')]).toEqual([status, true, memberOf(content)]);
    }
  });

  test('may be read, and is written as a member of Repr-Digest whatever was given [Sluiceway]', async ({
    net,
  }) => {
    const { gateway, link } = await throughGateway(net, respondWith(sized('')));
    const { grant } = gateway.verify(link('/a', { digest: hexOf('a') }), { clientAddress: null });
    expect(grant.digest).toBe(memberOf('a'));
    expect(gateway.verify(link('/a'), { clientAddress: null }).grant.digest).toBeNull();
  });
});

describe('a link that names the checksum file of its file', () => {
  const files = { '/d/a': content, '/d/a.sha256': sumLine(content, 'a'), '/d/SUMS': sumLine('other', 'a') };

  test('lets only the listed file pass [RFC 9530 3; Sluiceway]', async ({ net }) => {
    const origin = await nodeOrigin(net, servingFiles(files));
    const { gateway, running, records } = await startGateway(net);
    for (const [digestSidecar, complete] of [
      ['{name}.sha256', true],
      [`${origin.url}/{path}.sha256`, true],
      ['SUMS', false],
    ] as const) {
      const client = await net.client(running);
      await client.get(gateway.sign({ url: `${origin.url}/d/a`, expires: '1h', digestSidecar }), [
        'Range: bytes=9-',
      ]);
      const response = await client.readResponse();
      expect([response.head.status, response.complete]).toEqual([200, complete]);
    }
    await until(() => records.length === 3, 'the transfers had ended');
    expect(records).toMatchObject([{ outcome: 'completed' }, { outcome: 'completed' }, MISMATCH]);
  });

  test('is refused with 502 if the file is not listed, with a redirect to it too [Sluiceway]', async ({
    net,
  }) => {
    const origin = await nodeOrigin(
      net,
      servingFiles({
        ...files,
        '/moved': (_, response) => response.writeHead(302, { Location: '/d/a' }).end(),
      }),
    );
    const { gateway, running } = await startGateway(net);
    for (const path of ['/d/a', '/moved']) {
      const client = await net.client(running);
      await client.get(gateway.sign({ url: `${origin.url}${path}`, expires: '1h', digestSidecar: 'none' }));
      expect((await client.readResponse()).head.status).toBe(502);
    }
  });

  test('follows redirects of the checksum file [RFC 9110 15.4]', async ({ net }) => {
    const moved: Entry = (_, response) => response.writeHead(302, { Location: '/d/a.sha256' }).end();
    const origin = await nodeOrigin(net, servingFiles({ ...files, '/d/latest': moved }));
    const { gateway, running } = await startGateway(net, { digests: { sidecar: 'latest' } });
    const client = await net.client(running);
    await client.get(gateway.sign({ url: `${origin.url}/d/a`, expires: '1h' }));
    expect((await client.readResponse()).head.get('repr-digest')).toBe(memberOf(content));
  });

  test('never leads to a server that the guard refuses [Sluiceway]', async ({ net }) => {
    const origin = await nodeOrigin(
      net,
      servingFiles({
        ...files,
        '/d/moved': (_, response) => response.writeHead(302, { Location: `${inside.url}/sums` }).end(),
      }),
    );
    const inside = await nodeOrigin(net, servingFiles({ '/sums': sumLine(content, 'a') }));
    const denied = `${inside.url.replace('127.0.0.1', 'localhost')}/sums`;
    const { gateway, running } = await startGateway(net, {
      guard: { allowAddresses: ['127.0.0.0/8'], allowPorts: [Number(new URL(origin.url).port)] },
    });
    for (const digestSidecar of [`${inside.url}/sums`, denied, 'moved']) {
      const client = await net.client(running);
      await client.get(gateway.sign({ url: `${origin.url}/d/a`, expires: '1h', digestSidecar }));
      expect((await client.readResponse()).head.status).toBe(502);
    }
    expect(inside.requests).toEqual([]);
  });
});
