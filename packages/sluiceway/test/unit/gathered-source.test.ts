import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import { BufferPool } from '../../src/stream/buffer-pool.js';
import { GatheredSource } from '../../src/stream/gathered-source.js';
import { CountingPool } from '../support/counting-pool.js';
import { HeldSink, ManualSource } from '../support/exchange.js';

const KiB = 1024;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function start(): { source: ManualSource; sink: HeldSink; gathered: GatheredSource } {
  const source = new ManualSource();
  const sink = new HeldSink();
  const gathered = new GatheredSource(source, new BufferPool());
  gathered.start(sink);
  return { source, sink, gathered };
}

describe('chunks that are gathered', () => {
  test('come as one where they came within a turn of the event loop, and in that turn [Sluiceway]', async () => {
    const { source, sink } = start();
    for (const piece of ['a', 'bc', 'def']) source.lend(piece);
    // What was copied is given back at once.
    expect(source.returned).toBe(3);
    expect(sink.events).toEqual([]);
    await turn();
    expect(sink.events).toEqual(['chunk']);
    expect(sink.received.toString()).toBe('abcdef');
    sink.release();
    source.lend('g');
    await turn();
    expect(sink.received.toString()).toBe('abcdefg');
  });

  test('are lent on as they are where they are large, and nothing is to go before [Sluiceway]', async () => {
    const { source, sink } = start();
    source.lend(Buffer.alloc(32 * KiB, 'x'));
    expect(sink.events).toEqual(['chunk']);
    expect(source.returned).toBe(0);
    sink.release();
    expect(source.returned).toBe(1);
    source.lend('small');
    source.lend(Buffer.alloc(32 * KiB, 'y'));
    await turn();
    expect(sink.received.toString('latin1', 32 * KiB, 32 * KiB + 6)).toBe('smally');
  });

  test('do not wait for the turn to end where a block is full [Sluiceway]', () => {
    const { source, sink } = start();
    for (let i = 0; i < 4; i += 1) source.lend(Buffer.alloc(8 * KiB, i));
    expect(sink.events).toEqual([]);
    source.lend('more');
    expect(sink.events).toEqual(['chunk']);
    expect(sink.received.length).toBe(32 * KiB);
    expect(source.returned).toBe(5);
  });

  test('come in larger blocks where a sink that keeps up fills the small ones [Sluiceway]', async () => {
    const { source, sink } = start();
    for (let i = 0; i < 200; i += 1) {
      source.lend(Buffer.alloc(8 * KiB, i));
      sink.release();
    }
    await turn();
    sink.release();
    expect(sink.received.length).toBe(200 * 8 * KiB);
    expect(sink.events.length).toBeLessThan(10);
  });

  test('wait while the sink holds two and a block is full, and go on in order as it gives back [Sluiceway]', async () => {
    const { source, sink } = start();
    for (const piece of ['first', 'second']) {
      source.lend(piece);
      await turn();
    }
    const pieces = Array.from({ length: 8 }, (_, i) => Buffer.alloc(8 * KiB, String(i)));
    for (const piece of pieces) source.lend(piece);
    await turn();
    expect(sink.events).toEqual(['chunk', 'chunk']);
    // Those that the other block has no room for are still lent.
    expect(source.returned).toBe(6);
    for (let i = 0; i < 3; i += 1) {
      sink.release();
      await turn();
    }
    expect(source.returned).toBe(10);
    expect(sink.received.equals(Buffer.concat([Buffer.from('firstsecond'), ...pieces]))).toBe(true);
  });

  test('are split where a block has room for a part [Sluiceway]', async () => {
    const { source, sink } = start();
    source.lend('x');
    const large = Buffer.alloc(70 * KiB, 'y');
    source.lend(large);
    source.sink?.end();
    for (let i = 0; i < 5; i += 1) {
      sink.release();
      await turn();
    }
    expect(sink.events.at(-1)).toBe('end');
    expect(sink.received.equals(Buffer.concat([Buffer.from('x'), large]))).toBe(true);
    expect(source.returned).toBe(2);
  });

  test('are all delivered before the end, which waits for those that wait [Sluiceway]', async () => {
    const { source, sink } = start();
    source.lend('a');
    source.sink?.end();
    expect(sink.events).toEqual(['chunk', 'end']);
    const second = start();
    for (const piece of ['a', 'b']) {
      second.source.lend(piece);
      await turn();
    }
    for (let i = 0; i < 5; i += 1) second.source.lend(Buffer.alloc(8 * KiB, 'c'));
    second.source.sink?.end();
    expect(second.sink.events).toEqual(['chunk', 'chunk']);
    second.sink.release();
    expect(second.sink.events).toEqual(['chunk', 'chunk', 'chunk', 'chunk', 'end']);
    expect(second.sink.received.length).toBe(2 + 40 * KiB);
  });

  test('are dropped and given back when the content fails or is cancelled, and the sink hears nothing more [Sluiceway]', async () => {
    const { source, sink } = start();
    source.lend('a');
    source.sink?.fail(new Error('broken'));
    expect(sink.events).toEqual(['fail']);
    expect(source.returned).toBe(1);
    const other = start();
    other.source.lend('a');
    other.gathered.cancel();
    await turn();
    expect(other.sink.events).toEqual([]);
    expect(other.source).toMatchObject({ returned: 1, cancelled: 1 });
  });

  test('leave no block behind, whoever ends it [Sluiceway]', async () => {
    const pool = new CountingPool();
    for (const end of ['end', 'fail', 'cancel'] as const) {
      const source = new ManualSource();
      const sink = new HeldSink();
      const gathered = new GatheredSource(source, pool);
      gathered.start(sink);
      for (const piece of ['a', 'b']) source.lend(piece);
      await turn();
      source.lend('c');
      if (end === 'end') source.sink?.end();
      else if (end === 'fail') source.sink?.fail(new Error('broken'));
      else gathered.cancel();
      sink.release();
    }
    expect(pool.out.size).toBe(0);
  });

  test('have the trailers of their source [Sluiceway]', () => {
    const { source, gathered } = start();
    source.trailers = new Fields(['x-end', '1']);
    expect(gathered.trailers).toBe(source.trailers);
  });
});
