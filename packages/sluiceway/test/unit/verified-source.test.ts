import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DigestField, formatDigest, parseDigest } from '../../src/http/digest.js';
import { Fields } from '../../src/http/fields.js';
import {
  type ExpectedDigest,
  findMismatchOfNone,
  type Verification,
  VerifiedSource,
} from '../../src/stream/verified-source.js';
import { collect, HeldSink, ManualSource } from '../support/exchange.js';

type Algorithm = 'sha256' | 'sha512';

const digestOf = (text: string, algorithm: Algorithm = 'sha256'): ExpectedDigest => ({
  digest: parseDigest(`${algorithm}:${createHash(algorithm).update(text).digest('hex')}`),
  by: algorithm,
});

const verification = (
  expected: ExpectedDigest[],
  length: number | null,
  trailers: DigestField[] = [],
): Verification => ({
  expected,
  trailers,
  isWhole: true,
  length,
  toError: ({ by, digest }, actual) =>
    new Error(`${by} ${formatDigest(digest) === formatDigest(actual) ? 'is the same' : 'is another'}`),
});

/** Content of pieces, verified, with a sink that holds everything. */
function verified(expected: ExpectedDigest[], length: number | null, trailers: DigestField[] = []) {
  const source = new ManualSource();
  const sink = new HeldSink();
  new VerifiedSource(source, verification(expected, length, trailers)).start(sink);
  return { source, sink };
}

describe('content with the digest that it must have', () => {
  test.each<[pieces: string[], algorithms: Algorithm[]]>([
    [['0123456789'], ['sha256']],
    [['01234', '56789'], ['sha512']],
    [
      ['0', '', '123456789'],
      ['sha256', 'sha512'],
    ],
    [[], ['sha256']],
  ])('passes as it comes, of known length or not: %j by %j', async (pieces, algorithms) => {
    const text = pieces.join('');
    const expected = algorithms.map((algorithm) => digestOf(text, algorithm));
    for (const length of [text.length, null]) {
      const { source, sink } = verified(expected, length);
      for (const piece of pieces) {
        source.lend(piece);
        // Nothing is held back, not even the last chunk: its end is what tells that it is whole.
        expect(sink.events.at(-1)).toBe('chunk');
      }
      source.sink?.end();
      sink.release();
      expect(sink.events).toEqual([...pieces.map(() => 'chunk'), 'end']);
      expect(sink.received.toString()).toBe(text);
      expect(source).toMatchObject({ cancelled: 0, returned: pieces.length });
    }
  });

  test('lends its own chunks on, not copies', () => {
    const { source, sink } = verified([digestOf('content')], null);
    source.lend('content');
    expect(source.returned).toBe(0);
    sink.release();
    expect(source.returned).toBe(1);
  });

  test('fails as its source does, and is cancelled with it', async () => {
    const { source, sink } = verified([digestOf('content')], 7);
    source.lend('cont');
    source.sink?.fail(new Error('broken'));
    expect(sink.error?.message).toBe('broken');

    const other = new ManualSource();
    new VerifiedSource(other, verification([digestOf('')], 5)).cancel();
    expect(other.cancelled).toBe(1);
  });
});

describe('content with another digest', () => {
  test.each<[pieces: string[], passed: number]>([
    [['0123456789'], 0],
    [['01234', '56789'], 1],
    [['01234', '', '56789'], 2],
  ])('of known length fails before its last chunk: %j', (pieces, passed) => {
    const { source, sink } = verified([digestOf('something')], 10);
    for (const piece of pieces) source.lend(piece);
    expect(sink.events).toEqual([...Array.from({ length: passed }, () => 'chunk'), 'fail']);
    expect(sink.error?.message).toBe('sha256 is another');
    // The source is given up, and has back what nobody else holds.
    expect(source).toMatchObject({ cancelled: 1, returned: 1 });
    sink.release();
    expect(source.returned).toBe(pieces.length);
  });

  test.each<[string[]]>([[['01234', '56789']], [['x']], [[]]])(
    'of unknown length fails in place of its end: %j',
    (pieces) => {
      const { source, sink } = verified([digestOf('something')], null);
      for (const piece of pieces) source.lend(piece);
      source.sink?.end();
      expect(sink.events).toEqual([...pieces.map(() => 'chunk'), 'fail']);
      expect(sink.error?.message).toBe('sha256 is another');
    },
  );

  test('fails where only one of several is another', () => {
    const { source, sink } = verified([digestOf('content'), digestOf('another', 'sha512')], 7);
    source.lend('content');
    expect(sink.error?.message).toBe('sha512 is another');
  });

  test('fails where it ends before its length, and never passes what comes after it', () => {
    const short = verified([digestOf('content')], 7);
    short.source.lend('cont');
    short.source.sink?.end();
    expect(short.sink.events).toEqual(['chunk', 'fail']);

    const long = verified([digestOf('content')], 7);
    long.source.lend('content');
    long.source.lend('');
    long.source.lend('more');
    expect(long.sink.events).toEqual(['chunk', 'chunk', 'fail']);
    expect(long.sink.error?.message).toMatch(/longer/);
  });
});

describe('a digest among the trailers', () => {
  const trailer = (text: string, algorithm: Algorithm) =>
    new Fields(['Repr-Digest', formatDigest(digestOf(text, algorithm).digest)]);

  test.each<[Fields | null, 'end' | 'fail']>([
    [trailer('content', 'sha256'), 'end'],
    [trailer('content', 'sha512'), 'end'],
    [trailer('another', 'sha256'), 'fail'],
    [trailer('another', 'sha512'), 'fail'],
    [new Fields(['Content-Digest', trailer('another', 'sha256').get('repr-digest') ?? '']), 'end'],
    [new Fields(['Repr-Digest', 'sha-256=:AAAA:']), 'end'],
    [null, 'end'],
  ])('counts where it is asked for: %o', (trailers, last) => {
    const { source, sink } = verified([], null, ['Repr-Digest']);
    source.lend('content');
    source.trailers = trailers;
    source.sink?.end();
    expect(sink.events).toEqual(['chunk', last]);
    if (last === 'fail') expect(sink.error?.message).toBe('the trailer Repr-Digest is another');
  });

  test('passes on', async () => {
    const source = new ManualSource();
    const collected = collect(new VerifiedSource(source, verification([], null, ['Repr-Digest'])));
    source.trailers = trailer('', 'sha256');
    source.sink?.end();
    expect((await collected).trailers).toBe(source.trailers);
  });
});

test('no content has the digest of no bytes', () => {
  expect(findMismatchOfNone(verification([digestOf('')], 0))).toBeNull();
  expect(findMismatchOfNone(verification([digestOf('x')], 0))?.message).toBe('sha256 is another');
});

test('content of any bytes, in any pieces, ends exactly where it has the digest, and is cut where a bit is another', () => {
  const pieces = fc.array(fc.uint8Array({ minLength: 0, maxLength: 40 }), { maxLength: 12 });
  const property = fc.property(
    pieces,
    fc.nat(),
    fc.boolean(),
    fc.boolean(),
    (given, where, flips, isSized) => {
      const whole = Buffer.concat(given);
      const sent = given.map((piece) => Buffer.from(piece));
      const hash = createHash('sha256').update(whole).digest('hex');
      const isChanged = flips && whole.length > 0;
      if (isChanged) flip(sent, where % (whole.length * 8));
      const { source, sink } = verified(
        [{ digest: parseDigest(`sha256:${hash}`), by: 'sha256' }],
        isSized ? whole.length : null,
      );
      for (const piece of sent) if (!sink.isOver) source.lend(piece);
      if (!sink.isOver) source.sink?.end();
      sink.release();
      expect(sink.events.at(-1)).toBe(isChanged ? 'fail' : 'end');
      expect(Buffer.concat(sent).subarray(0, sink.received.length).equals(sink.received)).toBe(true);
      if (isSized) expect(sink.received.length < whole.length).toBe(isChanged);
    },
  );
  fc.assert(property, { numRuns: 300 });
});

function flip(pieces: readonly Buffer[], bit: number): void {
  let at = bit >> 3;
  for (const piece of pieces) {
    if (at < piece.length) {
      piece.writeUInt8(piece.readUInt8(at) ^ (1 << (bit & 7)), at);
      return;
    }
    at -= piece.length;
  }
}
