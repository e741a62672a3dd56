import { describe, expect } from 'vitest';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import type { OriginScript } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { ways } from '../support/ways.js';

const SIZE = 100_000;
const HALF = SIZE / 2;

/** A state of the file: its content, and the validators that the server sends for it. */
interface State {
  content: Buffer;
  lines: readonly string[];
}

const DATES = ['Wed, 25 Nov 2026 09:00:00 GMT', 'Wed, 25 Nov 2026 10:30:00 GMT'] as const;
const DATE = 'Date: Wed, 25 Nov 2026 11:00:00 GMT';

/** Servers that ignore `If-Range`, with the validators of two states of a file, in the form in which they send them. */
const SERVERS: readonly (readonly [
  name: string,
  tags: readonly [string, string] | null,
  isDated: boolean,
])[] = [
  ['h2o 2.2.5', ['"6b0e54b3-186a0"', '"6b0e7d1f-186a0"'], true],
  ['busybox 1.35', ['"6b0e54e0-186a0"', '"6b0e7d4c-186a0"'], true],
  ['civetweb 1.15', ['"6b0e54e0.100000"', '"6b0e7d4c.100000"'], true],
  ['twisted 22.4', null, true],
  ['tornado 6.2', [`"${'ea18170e'.repeat(16)}"`, `"${'c80a8c62'.repeat(16)}"`], true],
  ['bottle 0.12.23', null, true],
  ['WhiteNoise 6.0', ['"6b0e54e0-186a0"', '"6b0e7d4c-186a0"'], true],
  ['CherryPy 18.8', null, true],
  [
    'serve 14.2.7',
    ['"5f0a2bd39c6ae7a4d7b9e6a0cf0a1d9c6b6d2f51"', '"1c9a7b3e5d2f8a6c4b0e9d7f3a5c1b8e6d4f2a0c"'],
    false,
  ],
  ['hono 4.13.19', null, true],
  ['vite 8.4', ['W/"100000-1764565311000"', 'W/"100000-1764575711000"'], true],
  ['Azurite 3.35', ['"0x1D6F8A1B2C3D4E0"', '"0x2A7E9B3C4D5E6F0"'], true],
];

/** Sends the range that is asked for of the current state of the file, whatever `If-Range` says. */
function serving(state: () => State): OriginScript {
  return async (connection) => {
    for (;;) {
      const head = await connection.readHead();
      const { content, lines } = state();
      const [, first] = /^bytes=(\d+)-$/.exec(head.get('range') ?? '') ?? [];
      const fields = [...lines, DATE, 'Accept-Ranges: bytes'];
      const range = `Content-Range: bytes ${first}-${SIZE - 1}/${SIZE}`;
      await connection.write(
        first === undefined
          ? sized(content, fields)
          : sized(content.subarray(Number(first)), [range, ...fields], 'HTTP/1.1 206 Partial Content'),
      );
    }
  };
}

/** What a client can send in `If-Range`: a strong entity tag, otherwise the date (RFC 9110 section 13.1.5). */
const conditionOf = (tag: string | undefined, date: string | undefined): string =>
  tag?.startsWith('"') ? tag : (date ?? '');

describe.for(ways)('through %s', ([, open]) => {
  test.for(SERVERS)(
    'a client that resumes with If-Range gets the file as it is now, after it has changed at %s [RFC 9110 13.1.5]',
    async ([, tags, isDated], { net }) => {
      const [before, after] = ([0, 1] as const).map(
        (index): State => ({
          content: seededBytes(`state ${index}`, 0, SIZE),
          lines: [
            ...(tags === null ? [] : [`ETag: ${tags[index]}`]),
            ...(isDated ? [`Last-Modified: ${DATES[index]}`] : []),
          ],
        }),
      ) as [State, State];
      let state = before;
      const origin = await net.origin(serving(() => state));
      const way = await open(net, origin.url, {});

      const first = await way.get();
      expect(first.content.equals(before.content)).toBe(true);
      const asked = {
        Range: `bytes=${HALF}-`,
        'If-Range': conditionOf(first.field('etag'), first.field('last-modified')),
      };
      const unchanged = await way.get(asked);
      expect(unchanged.status).toBe(206);
      expect(unchanged.content.equals(before.content.subarray(HALF))).toBe(true);

      state = after;
      const changed = await way.get(asked);
      expect(changed.status).toBe(200);
      expect(changed.complete).toBe(true);
      expect(changed.content.equals(after.content)).toBe(true);
      expect(changed.field('content-range')).toBeUndefined();
    },
  );
});
