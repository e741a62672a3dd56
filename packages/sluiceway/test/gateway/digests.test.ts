import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { ended, hexOf, MISMATCH, memberOf } from '../support/digests.js';
import { test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized } from '../support/through.js';

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
