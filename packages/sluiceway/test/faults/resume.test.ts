import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { rangedOrigin } from '../support/ranged-origin.js';

const SIZE = 300_000;
const file = seededBytes('resume', 0, SIZE);

describe('content that breaks', () => {
  test.for(['end', 'reset'] as const)(
    '(%s) goes on with a range request for the exact rest, on its strong validator [RFC 9110 13.1.5; RFC 9110 15.3.7]',
    async (ending, { net }) => {
      const asked: (string | undefined)[][] = [];
      const origin = await net.origin(
        rangedOrigin(file, ({ index, head }) => {
          asked.push([head.get('range'), head.get('if-range')]);
          return index < 3 ? { bytes: 70_000, ending } : 'whole';
        }),
      );
      const running = await net.proxy({ upstream: origin.url });
      const client = await net.client(running);
      await client.get('/');
      const response = await client.readResponse();
      expect(response.complete).toBe(true);
      expect(response.contentLength).toBe(SIZE);
      expect(isSeeded('resume', 0, response.content)).toBe(true);
      expect(asked[0]).toEqual([undefined, undefined]);
      expect(
        asked.slice(1).every(([range, ifRange]) => /^bytes=\d+-$/.test(range ?? '') && ifRange === '"v1"'),
      ).toBe(true);
      expect(await running.record()).toMatchObject({
        outcome: 'completed',
        resumes: 3,
        attempts: 4,
        bytesDown: SIZE,
      });
    },
  );
});
