import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatGoingAway, WebSocketFrameScanner } from '../../src/http/web-socket-frames.js';

interface Frame {
  opcode: number;
  masked: boolean;
  payload: Uint8Array;
}

function encode({ opcode, masked, payload }: Frame): Buffer {
  const { length } = payload;
  const bit = masked ? 0x80 : 0;
  const extended = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8);
  if (extended.length === 2) extended.writeUInt16BE(length);
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length));
  const short = extended.length === 0 ? length : extended.length === 2 ? 126 : 127;
  const key = masked ? [1, 2, 3, 4] : [];
  return Buffer.concat([Buffer.of(0x80 | opcode, bit | short), extended, Buffer.from(key), payload]);
}

const frame = fc.record({
  opcode: fc.constantFrom(0, 1, 2, 9, 10),
  masked: fc.boolean(),
  payload: fc.oneof(
    fc.uint8Array({ maxLength: 10 }),
    fc.constantFrom(125, 126, 127, 65_535, 65_536, 70_000).map((length) => new Uint8Array(length)),
  ),
});

/** Splits bytes at the given places, which may repeat. */
function split(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const cuts = [0, ...places.map((place) => Math.floor(place * bytes.length)), bytes.length].toSorted(
    (a, b) => a - b,
  );
  return cuts.slice(1).map((cut, i) => bytes.subarray(cuts[i], cut));
}

describe('WebSocketFrameScanner', () => {
  test('finds the end of every frame, however frames are cut into chunks [RFC 6455 5.2]', () => {
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true })),
        (frames, places) => {
          const encoded = frames.map(encode);
          let position = 0;
          const expected = encoded.map(({ length }) => (position += length));
          const scanner = new WebSocketFrameScanner();
          const found: number[] = [];
          let offset = 0;
          for (const chunk of split(Buffer.concat(encoded), places)) {
            let at = 0;
            while (at < chunk.length) {
              at = scanner.takeFrame(chunk, at);
              if (scanner.isBetweenFrames) found.push(offset + at);
            }
            offset += chunk.length;
          }
          expect(found).toEqual(expected);
          expect(scanner.hasClosed).toBe(false);
        },
      ),
    );
  });

  test('knows that a Close has passed only when all of it has [RFC 6455 5.5.1]', () => {
    const scanner = new WebSocketFrameScanner();
    const close = encode({ opcode: 8, masked: true, payload: Uint8Array.of(3, 232) });
    scanner.takeFrame(close.subarray(0, 7), 0);
    expect(scanner.hasClosed).toBe(false);
    scanner.takeFrame(close.subarray(7), 0);
    expect(scanner.hasClosed).toBe(true);
  });

  test('takes a length that no number holds for one without end [RFC 6455 5.2]', () => {
    const scanner = new WebSocketFrameScanner();
    const head = Buffer.from([0x82, 127, 255, 255, 255, 255, 255, 255, 255, 255]);
    scanner.takeFrame(head, 0);
    expect(scanner.takeFrame(new Uint8Array(1000), 0)).toBe(1000);
    expect(scanner.isBetweenFrames).toBe(false);
  });
});

test('a Close for going away has the code 1001, masked towards a server [RFC 6455 7.4.1]', () => {
  expect([...formatGoingAway(null)]).toEqual([0x88, 2, 3, 0xe9]);
  expect([...formatGoingAway(Uint8Array.of(1, 2, 3, 4))]).toEqual([0x88, 0x82, 1, 2, 3, 4, 3 ^ 1, 0xe9 ^ 2]);
});
