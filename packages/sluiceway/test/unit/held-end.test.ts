import { describe, expect, test } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import type { ChunkSource } from '../../src/stream/chunk-source.js';
import { HeldEndSource } from '../../src/stream/held-end.js';
import { isBreak } from '../../src/upstream/resume/resume-policy.js';

/** Content that arrives in these pieces and then fails. */
const failing = (pieces: readonly string[], error: Error): ChunkSource => ({
  trailers: null,
  start(sink) {
    for (const piece of pieces) sink.chunk(Buffer.from(piece), () => {});
    sink.fail(error);
  },
  cancel() {},
});

function eventsOf(source: ChunkSource): string[] {
  const events: string[] = [];
  source.start({
    chunk(bytes, done) {
      events.push(Buffer.from(bytes).toString());
      done();
    },
    end: () => void events.push('end'),
    fail: (error) => void events.push((error as SluicewayError).code),
  });
  return events;
}

describe('content of a known length whose last chunk is held', () => {
  const cut = new SluicewayError('http_response_incomplete', 'cut');
  const wrong = new SluicewayError('http_protocol_error', 'wrong');

  test.for([
    ['a break behind its last byte delivers it', ['ab', 'cd'], cut, ['ab', 'cd', cut.code]],
    ['a break before its last byte delivers what has come', ['ab', 'c'], cut, ['ab', 'c', cut.code]],
    ['a framing error behind its last byte holds it back', ['ab', 'cd'], wrong, ['ab', wrong.code]],
    ['a byte too much holds it back', ['ab', 'cd', 'e'], cut, ['ab', wrong.code]],
  ] as const)('%s', ([, pieces, error, events]) => {
    expect(eventsOf(new HeldEndSource(failing(pieces, error), 4, undefined, isBreak))).toEqual(events);
  });

  test('no failure delivers its last byte where its trailers are awaited', () => {
    const held = new HeldEndSource(failing(['ab', 'cd'], cut), 4, () => null);
    expect(eventsOf(held)).toEqual(['ab', cut.code]);
  });
});
