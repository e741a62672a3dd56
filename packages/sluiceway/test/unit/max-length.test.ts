import { describe, expect, test } from 'vitest';
import { MaxLengthSource } from '../../src/stream/max-length.js';
import { collect, HeldSink, ManualSource } from '../support/exchange.js';

const limited = (source: ManualSource, maxBytes: number): MaxLengthSource =>
  new MaxLengthSource(source, maxBytes, () => new Error('too long'));

describe('content of at most so many bytes', () => {
  test.each([
    [10, ['0123456789']],
    [10, ['01234', '56789']],
    [10, []],
    [10, ['', '0']],
    [0, ['']],
  ])('of up to %d bytes passes: %j', async (maxBytes, pieces) => {
    const source = new ManualSource();
    const collected = collect(limited(source, maxBytes));
    for (const piece of pieces) source.lend(piece);
    source.sink?.end();
    expect((await collected).content.toString()).toBe(pieces.join(''));
    expect(source).toMatchObject({ cancelled: 0, returned: pieces.length });
  });

  test.each([
    [10, ['01234567890'], 0],
    [10, ['0123456789', 'x'], 1],
    [0, ['x'], 0],
  ])('beyond %d bytes fails at once, and none of the last chunk passes: %j', (maxBytes, pieces, passed) => {
    const source = new ManualSource();
    const sink = new HeldSink();
    limited(source, maxBytes).start(sink);
    for (const piece of pieces) source.lend(piece);
    expect(sink.events).toEqual([...Array.from({ length: passed }, () => 'chunk'), 'fail']);
    expect(sink.error?.message).toBe('too long');
    // The source is given up, and has back what nobody else holds.
    expect(source).toMatchObject({ cancelled: 1, returned: 1 });
  });

  test('fails as its source does', async () => {
    const source = new ManualSource();
    const collected = collect(limited(source, 10));
    source.lend('01234');
    source.sink?.fail(new Error('broken'));
    await expect(collected).rejects.toThrow('broken');
  });

  test('is cancelled with its source', () => {
    const source = new ManualSource();
    limited(source, 10).cancel();
    expect(source.cancelled).toBe(1);
  });
});
