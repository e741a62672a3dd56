import { describe, expect } from 'vitest';
import { TAIL_BYTES } from '../../src/upstream/resume/delivered-tail.js';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { type Delivery, type FileRequest, rangedOrigin } from '../support/ranged-origin.js';
import { sized } from '../support/through.js';
import { ways } from '../support/ways.js';

const SIZE = 300_000;
const CUT = 100_000;
const file = seededBytes('ways', 0, SIZE);

/** Validators of the kinds that prove a rest in different ways. */
const VALIDATORS: readonly (readonly [kind: string, lines: readonly string[]])[] = [
  ['a strong entity tag', ['ETag: "v1"']],
  ['an old date', ['Last-Modified: Wed, 25 Nov 2026 09:00:00 GMT', 'Date: Wed, 25 Nov 2026 10:00:00 GMT']],
  ['an entity tag without quotes', ['ETag: v1']],
];

/** Another file of the same length, which differs in the byte before the break. */
const other = Buffer.from(file);
other.writeUInt8(file.readUInt8(CUT - 1) ^ 1, CUT - 1);

const partOf = (bytes: Buffer, { first, end }: FileRequest, lines: readonly string[]): Buffer =>
  sized(
    bytes.subarray(first, end),
    [`Content-Range: bytes ${first}-${end - 1}/${SIZE}`, ...lines],
    'HTTP/1.1 206 Partial Content',
  );

describe.for(ways)('through %s', ([, open]) => {
  describe.for(VALIDATORS)('from an origin server that sends %s', ([, lines]) => {
    test.for(['end', 'reset'] as const)(
      'a download whose connection breaks by %s continues from the exact byte [RFC 9110 14.2; Sluiceway]',
      async (ending, { net }) => {
        const asked: FileRequest[] = [];
        const origin = await net.origin(
          rangedOrigin(
            file,
            (request) => {
              asked.push(request);
              return request.index === 0 ? { bytes: CUT, ending } : 'whole';
            },
            lines,
          ),
        );
        const way = await open(net, origin.url, {});
        const got = await way.get();
        expect(got.status).toBe(200);
        expect(got.complete).toBe(true);
        expect(got.content.equals(file)).toBe(true);
        // A reset can take bytes with it that were on their way.
        const from = asked[1]?.first ?? 0;
        if (ending === 'end') expect(from).toBe(CUT - TAIL_BYTES);
        else expect(from).toBeLessThanOrEqual(CUT - TAIL_BYTES);
        await expect.poll(() => way.records.at(-1)).toMatchObject({ outcome: 'completed', resumes: 1 });
      },
    );

    test('a rest that differs in a byte that was delivered is not taken: the break is visible [Sluiceway]', async ({
      net,
    }) => {
      const origin = await net.origin(
        rangedOrigin(
          file,
          (request) => (request.index === 0 ? { bytes: CUT, ending: 'end' } : partOf(other, request, lines)),
          lines,
        ),
      );
      const way = await open(net, origin.url, {});
      const got = await way.get();
      expect(got.complete).toBe(false);
      expect(got.content.equals(file.subarray(0, got.content.length))).toBe(true);
      expect(got.content.length).toBeLessThanOrEqual(CUT);
      await expect
        .poll(() => way.records.at(-1))
        .toMatchObject({ outcome: 'upstream_truncated', resumes: 0 });
    });

    test('a silent response is continued by a second request, and the first connection is given up [Sluiceway]', async ({
      net,
    }) => {
      const stall: Delivery = { bytes: CUT, ending: 'stall' };
      let isGivenUp = false;
      const origin = await net.origin(
        rangedOrigin(
          file,
          ({ index, connection }) => {
            if (index > 0) return 'whole';
            void connection.closed.then(() => {
              isGivenUp = true;
            });
            return stall;
          },
          lines,
        ),
      );
      const way = await open(net, origin.url, { resume: { hedgeAfter: 50 } });
      const got = await way.get();
      expect(got.complete).toBe(true);
      expect(got.content.equals(file)).toBe(true);
      await expect.poll(() => way.records.at(-1)).toMatchObject({ outcome: 'completed', resumes: 1 });
      await expect.poll(() => isGivenUp).toBe(true);
    });

    test('a second request that brings other bytes changes nothing: the silent response is given up in time [Sluiceway]', async ({
      net,
    }) => {
      const origin = await net.origin(
        rangedOrigin(
          file,
          (request) =>
            request.index === 0 ? { bytes: CUT, ending: 'stall' } : partOf(other, request, lines),
          lines,
        ),
      );
      const way = await open(net, origin.url, {
        resume: { hedgeAfter: 50 },
        timeouts: { upstreamIdle: 300 },
      });
      const got = await way.get();
      expect(got.complete).toBe(false);
      expect(got.content.equals(file.subarray(0, got.content.length))).toBe(true);
      await expect.poll(() => way.records.at(-1)?.outcome).toBe('upstream_stalled');
    });
  });
});
