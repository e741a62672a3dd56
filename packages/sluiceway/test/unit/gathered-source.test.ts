import { describe, expect, test } from 'vitest';
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
    expect(sink.events).toEqual([]);
    await turn();
    expect(sink.events).toEqual(['chunk']);
    expect(sink.received.toString()).toBe('abcdef');
    // What was copied is given back at once.
    expect(source.returned).toBe(3);
    source.lend('g');
    await turn();
    expect(sink.received.toString()).toBe('abcdefg');
    sink.release();
    expect(source.returned).toBe(4);
  });

  test('are lent on as they are where there is one, or where they are large [Sluiceway]', async () => {
    const { source, sink } = start();
    source.lend('alone');
    await turn();
    expect(source.returned).toBe(0);
    sink.release();
    expect(source.returned).toBe(1);
    source.lend(Buffer.alloc(32 * KiB, 'x'));
    source.lend('small');
    await turn();
    expect(sink.events).toEqual(['chunk', 'chunk', 'chunk']);
    expect(source.returned).toBe(1);
    sink.release();
    expect(source.returned).toBe(3);
  });

  test('do not wait for the turn to end where a block is full [Sluiceway]', () => {
    const { source, sink } = start();
    for (let i = 0; i < 32; i += 1) source.lend(Buffer.alloc(8 * KiB, i));
    expect(sink.events).toEqual(['chunk']);
    expect(sink.received.length).toBe(256 * KiB);
  });

  test('wait while the sink holds two, and go on in order as it gives back [Sluiceway]', async () => {
    const { source, sink } = start();
    let sent = '';
    for (let i = 0; i < 5; i += 1) {
      for (const letter of [`${i}a`, `${i}b`]) {
        source.lend(letter);
        sent += letter;
      }
      await turn();
    }
    expect(sink.events).toEqual(['chunk', 'chunk']);
    expect(source.returned).toBe(4);
    sink.release();
    expect(sink.events).toEqual(['chunk', 'chunk', 'chunk']);
    expect(source.returned).toBe(10);
    expect(sink.received.toString()).toBe(sent);
  });

  test('are all delivered before the end, which waits for those that wait [Sluiceway]', async () => {
    const { source, sink } = start();
    source.lend('a');
    source.sink?.end();
    expect(sink.events).toEqual(['chunk', 'end']);
    const second = start();
    for (const letter of ['a', 'b', 'c']) {
      second.source.lend(letter);
      await turn();
    }
    second.source.sink?.end();
    expect(second.sink.events).toEqual(['chunk', 'chunk']);
    second.sink.release();
    expect(second.sink.events).toEqual(['chunk', 'chunk', 'chunk', 'end']);
    expect(second.sink.received.toString()).toBe('abc');
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
      if (end === 'end') source.sink?.end();
      else if (end === 'fail') source.sink?.fail(new Error('broken'));
      else gathered.cancel();
      sink.release();
    }
    expect(pool.out.size).toBe(0);
  });

  test('have the trailers of their source [Sluiceway]', () => {
    const { source, gathered } = start();
    expect(gathered.trailers).toBe(source.trailers);
  });
});
