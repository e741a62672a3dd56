import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { complete, decode } from '../support/decode-chunked.js';
import { times } from '../support/full-counts.js';
import { readWithNode } from '../support/node-parser.js';

test('what is encoded in any chunks with any extensions, and cut anywhere, is decoded as it was', () => {
  const chunk = fc.record({
    data: fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((bytes) => Buffer.from(bytes).toString('latin1')),
    zeros: fc.constantFrom('', '0', '000'),
    upper: fc.boolean(),
    extension: fc.oneof(fc.constant(''), fc.stringMatching(/^[ \t]?;[\t\x20-\x7e\x80-\xff]{0,12}$/)),
  });
  const trailers = fc.array(
    fc.tuple(fc.stringMatching(/^[A-Za-z-]{1,8}$/), fc.stringMatching(/^(?:[!-~](?:[ -~]{0,8}[!-~])?)?$/)),
    { maxLength: 4 },
  );
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 6 }),
      trailers,
      fc.string({ unit: 'binary-ascii', maxLength: 20 }),
      fc.array(fc.nat(400), { maxLength: 8 }),
      (chunks, lines, surplus, places) => {
        let wire = '';
        for (const { data, zeros, upper, extension } of chunks) {
          const size = data.length.toString(16);
          wire += `${zeros}${upper ? size.toUpperCase() : size}${extension}\r\n${data}\r\n`;
        }
        wire += `0\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
        const cuts = [...new Set(places)]
          .filter((at) => at > 0 && at < wire.length)
          .toSorted((a, b) => a - b);
        expect(decode(wire + surplus, cuts)).toEqual(
          complete(
            chunks.map(({ data }) => data).join(''),
            wire.length,
            lines.length === 0 ? null : lines.flat(),
          ),
        );
      },
    ),
    { seed: 71, numRuns: times(800, 300) },
  );
});

const HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

/**
 * What we read and Node refuses, mended as the standard says that we understand it:
 * - RFC 9112 section 7.1.1: unknown extensions are ignored, whatever they are made of;
 * - sizes that are filled up with spaces, as old servers do it, which every browser reads;
 * - RFC 9112 section 5, for trailers as for fields: white space around names and values, and folded lines.
 */
function mend(message: string): string {
  const sizeLine = /([0-9a-f]+)(?:[ \t]*;[^\r\n]*|[ \t]*)\r\n/iy;
  let mended = '';
  for (let size = -1; size !== 0; ) {
    const [, digits = ''] = sizeLine.exec(message) ?? [];
    size = Number.parseInt(digits, 16);
    const start = sizeLine.lastIndex;
    sizeLine.lastIndex += size === 0 ? 0 : size + 2;
    mended += `${digits}\r\n${message.slice(start, sizeLine.lastIndex)}`;
  }
  const trailers = message
    .slice(sizeLine.lastIndex)
    .replace(/(?:[ \t]*\r\n[ \t]+)+/g, ' ')
    .replace(/^([^\r\n: \t]+)[ \t]+:/gm, '$1:')
    .replace(/[ \t]+\r\n/g, '\r\n');
  return mended + trailers;
}

interface Line {
  size: string;
  extension: string;
  end: string;
}

interface Coded {
  chunks: (Line & { data: string; after: string })[];
  last: Line;
  /** Field lines with their line ends. */
  trailers: string;
}

const format = ({ chunks, last, trailers }: Coded): string =>
  [
    ...chunks.map(({ size, extension, end, data, after }) => size + extension + end + data + after),
    last.size + last.extension + last.end + trailers,
    '\r\n',
  ].join('');

/** One in so many line ends, sizes and extensions is a bad one. */
const mostly = (good: fc.Arbitrary<string>, ...bad: string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 25, arbitrary: good }, { weight: 1, arbitrary: fc.constantFrom(...bad) });

const lineEnd = mostly(fc.constant('\r\n'), '\n', '\r', '\r\r\n', '\n\r\n', '', '\r\n\r\n', ' \r\n');
const extension = mostly(
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('', '', ';a', ';a=b', ';a="b"') },
    { weight: 1, arbitrary: fc.constantFrom(' ;a', ';', ';a=', '; a = b', ';=b', '\t', '  ', ';a="b;\\"c"') },
  ),
  ';\0',
  ';\x7f',
  ';a\nb',
  ';a\rb',
  ';\xff',
  ',',
  '=a',
);
const bytes = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .map((codes) => Buffer.from(codes).toString('latin1'));
const data = fc.oneof(fc.constantFrom('\r\n', '0\r\n\r\n', '\n0'), bytes);
const chunk = fc
  .record({
    data,
    zeros: fc.constantFrom('', '', '0'),
    extension,
    end: lineEnd,
    after: lineEnd,
    wrong: fc.nat(40),
  })
  .map(({ zeros, wrong, ...rest }) => ({
    ...rest,
    size: zeros + (rest.data.length + (wrong === 0 ? 1 : wrong === 1 ? -1 : 0)).toString(16),
  }));
const coded: fc.Arbitrary<Coded> = fc.record({
  chunks: fc.array(chunk, { maxLength: 4 }),
  last: fc.record({
    size: mostly(fc.constantFrom('0', '000'), '', ' 0', '-0', '0x0'),
    extension,
    end: lineEnd,
  }),
  trailers: fc
    .array(
      mostly(
        fc.constantFrom('A: b', 'A: b', 'A:', 'b:\xa0', 'A : b', 'A: b\r\n c'),
        'A',
        ': b',
        'A: \0',
        ' A: b',
      ),
    )
    .map((lines) => lines.map((line) => `${line}\r\n`).join('')),
});

test('Node reads the same content and trailers in every chunked content that we accept', async () => {
  const numRuns = times(2500, 800);
  const seen = { refused: 0, alike: 0, mended: 0 };
  await fc.assert(
    fc.asyncProperty(coded, async (message) => {
      const wire = format(message);
      const ours = decode(wire);
      if (typeof ours === 'string' || !ours.complete) {
        seen.refused += 1;
        return;
      }
      const read = (text: string): ReturnType<typeof readWithNode> =>
        readWithNode([Buffer.from(HEAD + text, 'latin1')]);
      let text = wire.slice(0, ours.length);
      let node = await read(text);
      seen[typeof node === 'string' ? 'mended' : 'alike'] += 1;
      if (typeof node === 'string') {
        const mended = mend(text);
        expect(mended, `Node refuses with ${node}`).not.toBe(text);
        text = mended;
        node = await read(text);
      }
      expect(node).toMatchObject({ content: ours.content, trailers: ours.trailers ?? [], complete: true });
      // Neither of them takes a byte less for the end.
      expect(await read(text.slice(0, -1))).toMatchObject({ complete: false });
    }),
    { seed: 7, numRuns },
  );
  expect(seen.alike).toBeGreaterThan(numRuns / 12.5);
  expect(seen.mended).toBeGreaterThan(numRuns / 25);
  expect(seen.refused).toBeGreaterThan(numRuns / 5);
});
