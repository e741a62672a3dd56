import { PassThrough, Transform } from 'node:stream';
import { createGunzip, createGzip, gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import type { ChunkSource } from '../../src/stream/chunk-source.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { collect, HeldSink, ManualSource } from '../support/exchange.js';
import { allClosed, transformed, upperCase } from '../support/transforms.js';
import { until } from '../support/until.js';

const KiB = 1024;

/** A source that lends one block again and again, each time with other bytes in it, and at most once at a time. */
function reusing(size: number, block: number): ChunkSource & { cancelled: boolean; lent: boolean } {
  const memory = Buffer.alloc(block);
  const source = {
    trailers: null,
    cancelled: false,
    lent: false,
    start(sink: Parameters<ChunkSource['start']>[0]) {
      let at = 0;
      const next = (): void => {
        if (source.cancelled) return;
        if (at === size) {
          sink.end();
          return;
        }
        const bytes = memory.subarray(0, Math.min(block, size - at));
        bytes.set(seededBytes('transformed', at, bytes.length));
        at += bytes.length;
        source.lent = true;
        sink.chunk(bytes, () => {
          source.lent = false;
          memory.fill(0xff);
          setImmediate(next);
        });
      };
      next();
    },
    cancel() {
      source.cancelled = true;
    },
  };
  return source;
}

describe('content comes out as the streams make it', () => {
  test('through one stream', async () => {
    const source = new ManualSource();
    const collected = collect(transformed(source, [upperCase()]));
    source.lend('hello, ');
    source.lend('');
    source.lend('world');
    source.sink?.end();
    expect((await collected).content.toString()).toBe('HELLO, WORLD');
    expect(source).toMatchObject({ returned: 3, cancelled: 0 });
  });

  test('through several, in order', async () => {
    const source = new ManualSource();
    const collected = collect(
      transformed(source, [upperCase(), createGzip(), createGunzip(), new PassThrough()]),
    );
    source.lend('hello');
    source.sink?.end();
    expect((await collected).content.toString()).toBe('HELLO');
  });

  test('through a stream that has more to give at the end', async () => {
    const source = new ManualSource();
    const framed = new Transform({
      construct(callback) {
        this.push('<');
        callback();
      },
      transform(chunk, _, callback) {
        callback(null, chunk);
      },
      flush(callback) {
        this.push('>');
        callback();
      },
    });
    const collected = collect(transformed(source, [framed]));
    source.lend('hello');
    source.sink?.end();
    expect((await collected).content.toString()).toBe('<hello>');
  });

  test('of no bytes at all', async () => {
    const source = new ManualSource();
    const collected = collect(transformed(source, [createGzip()]));
    source.sink?.end();
    expect(gunzipSync((await collected).content)).toHaveLength(0);
  });

  test.each([
    [1, KiB],
    [64 * KiB, 64 * KiB],
    [64 * KiB + 1, 64 * KiB + 1],
    [5_000_000, 1024 * KiB],
    [300_000, 1000],
  ])('%d bytes that are overwritten once they are given back, in blocks of %d', async (size, block) => {
    const { content } = await collect(
      transformed(reusing(size, block), [createGzip({ level: 1 }), createGunzip()]),
    );
    expect(content).toHaveLength(size);
    expect(isSeeded('transformed', 0, content)).toBe(true);
  });

  test('in order, where several large chunks are lent at a time', async () => {
    const source = new ManualSource();
    const collected = collect(transformed(source, [new PassThrough()]));
    for (let at = 0; at < 1_000_000; at += 200_000) source.lend(seededBytes('transformed', at, 200_000));
    source.sink?.end();
    const { content } = await collected;
    expect(content).toHaveLength(1_000_000);
    expect(isSeeded('transformed', 0, content)).toBe(true);
    expect(source.returned).toBe(5);
  });

  test('at once, while the rest is still to come', async () => {
    const source = new ManualSource();
    const sink = new HeldSink();
    transformed(source, [upperCase(), new PassThrough()]).start(sink);
    source.lend('x');
    await sink.event();
    expect(sink.received.toString()).toBe('X');
    source.sink?.end();
    await until(() => sink.isOver, 'the end had come');
    expect(sink.events).toEqual(['chunk', 'end']);
  });

  test('with its trailers', async () => {
    const source = new ManualSource();
    const collected = collect(transformed(source, [new PassThrough()]));
    source.trailers = new Fields(['A', 'b']);
    source.sink?.end();
    expect((await collected).trailers?.raw).toEqual(['A', 'b']);
  });
});

describe('backpressure', () => {
  test('a sink that gives nothing back makes the source wait, with little in between', async () => {
    const source = reusing(100_000_000, 1024 * KiB);
    const sink = new HeldSink();
    const through = transformed(source, [new PassThrough(), new PassThrough()]);
    through.start(sink);
    await until(() => sink.received.length >= 256 * KiB, 'the sink held all that it may');
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    // What the sink holds, one piece at its edge, and what two streams hold.
    expect(sink.received.length).toBeLessThan(512 * KiB);
    expect(source.lent).toBe(true);
    through.cancel();
    expect(source).toMatchObject({ cancelled: true, lent: false });
  });

  test('a stream that takes nothing makes the source wait', async () => {
    const source = reusing(100_000_000, 64 * KiB);
    let taken = 0;
    const stuck = new Transform({
      transform() {
        taken += 1;
      },
    });
    const through = transformed(source, [stuck]);
    through.start(new HeldSink());
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(taken).toBe(1);
    through.cancel();
    expect(source).toMatchObject({ cancelled: true, lent: false });
    await allClosed([stuck]);
  });
});
