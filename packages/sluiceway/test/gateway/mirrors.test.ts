import { describe, expect } from 'vitest';
import { seededBytes } from '../support/content.js';
import { hexOf } from '../support/digests.js';
import { test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import { rangedOrigin } from '../support/ranged-origin.js';
import type { OriginScript } from '../support/raw-origin.js';
import { sized } from '../support/through.js';

const SIZE = 200_000;
const file = seededBytes('mirrored', 0, SIZE);
const lie = seededBytes('lie', 0, SIZE);

/** Dies in the middle of the file, and never comes back. */
const dying = (): OriginScript =>
  rangedOrigin(file, ({ index }) =>
    index === 0 ? { bytes: 60_000, ending: 'end' } : sized('', [], 'HTTP/1.1 404 Not Found'),
  );

describe('a link with mirrors', () => {
  test.for([
    ['the same strong entity tag', ['ETag: "v1"'], undefined],
    ['another entity tag, where the link says the digest of the file', ['ETag: "mirror"'], hexOf(file)],
    ['no validator at all, where the link says the digest of the file', ['X-None: 1'], hexOf(file)],
  ] as const)(
    'moves in the middle of the file to one that has %s [RFC 9530 3; Sluiceway]',
    async ([, fields, digest], { net }) => {
      const mirror = await net.origin(rangedOrigin(file, () => 'whole', fields));
      const { client, link, records } = await throughGateway(net, dying());
      const options = { mirrors: [`${mirror.url}/other`], headers: { 'X-Secret': 'of the first' } };
      await client.get(link('/file', { ...options, ...(digest !== undefined && { digest }) }));
      const response = await client.readResponse();
      expect(response.complete).toBe(true);
      expect(response.content.equals(file)).toBe(true);
      await expect.poll(() => records).toMatchObject([{ outcome: 'completed', resumes: 1 }]);
    },
  );

  test('never makes a file out of two: a mirror that lies about its entity tag is caught by the bytes before the break [Sluiceway]', async ({
    net,
  }) => {
    const mirror = await net.origin(rangedOrigin(lie, () => 'whole'));
    const { client, link, records } = await throughGateway(net, dying());
    await client.get(link('/file', { mirrors: [mirror.url], digest: hexOf(file) }));
    const response = await client.readResponse();
    expect(response.complete).toBe(false);
    expect(response.contentLength).toBeLessThan(SIZE);
    await expect
      .poll(() => records)
      .toMatchObject([{ outcome: 'upstream_truncated', error: 'http_response_incomplete' }]);
  });

  test('does not give them the fields that were meant for the first server, and judges them as it judges that one [Sluiceway]', async ({
    net,
  }) => {
    const seen: boolean[] = [];
    const mirror = await net.origin(
      rangedOrigin(file, ({ head }) => {
        seen.push(head.has('x-secret'));
        return 'whole';
      }),
    );
    const { client, link } = await throughGateway(net, dying(), {
      guard: { allowAddresses: ['127.0.0.1'], allowPorts: 'any' },
    });
    const blocked = mirror.url.replace('127.0.0.1', '127.0.0.3');
    await client.get(link('/file', { mirrors: [blocked], headers: { 'X-Secret': 'a' } }));
    expect((await client.readResponse()).complete).toBe(false);
    expect(mirror.total).toBe(0);
    const second = await throughGateway(
      net,
      rangedOrigin(file, () => sized('', [], 'HTTP/1.1 500 No')),
    );
    await second.client.get(second.link('/file', { mirrors: [mirror.url], headers: { 'X-Secret': 'a' } }));
    expect((await second.client.readResponse()).content.equals(file)).toBe(true);
    expect(seen).toEqual([false]);
  });
});
