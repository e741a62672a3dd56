import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import { ReadableSource } from '../../src/stream/readable-source.js';
import { collect, HeldSink } from '../support/exchange.js';
import { until } from '../support/until.js';

const KiB = 1024;
const closed = (stream: Readable): Promise<unknown> =>
  new Promise((resolve) => stream.once('close', resolve));
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const endless = (): Readable =>
  new Readable({
    read() {
      this.push(Buffer.alloc(64 * KiB));
    },
  });

describe('delivery', () => {
  test.each<[string, () => Readable, string]>([
    ['bytes', () => Readable.from([Buffer.from('he'), Buffer.from('llo')]), 'hello'],
    ['strings, as UTF-8', () => Readable.from(['h\u00e9', 'llo']), 'h\u00c3\u00a9llo'],
    ['nothing', () => Readable.from([]), ''],
  ])('%s', async (_, make, expected) => {
    const { content, trailers } = await collect(new ReadableSource(make()));
    expect(content.toString('latin1')).toBe(expected);
    expect(trailers).toBeNull();
  });

  test('trailers are asked for once the stream has ended', async () => {
    const stream = new PassThrough();
    let ended = false;
    stream.once('end', () => {
      ended = true;
    });
    const trailers = (): Fields => new Fields(['A', String(ended)]);
    stream.end('x');
    expect((await collect(new ReadableSource(stream, { trailers }))).trailers?.raw).toEqual(['A', 'true']);
  });

  test('a stream that somebody has paused before is read all the same', async () => {
    const stream = Readable.from(['hello']);
    stream.pause();
    expect((await collect(new ReadableSource(stream))).content.toString()).toBe('hello');
  });

  test('a stream that has ended unread, and empty, is empty content', async () => {
    const stream = Readable.from([]);
    stream.resume();
    await closed(stream);
    expect((await collect(new ReadableSource(stream))).content).toHaveLength(0);
  });

  test('a stream that somebody else has read to its end fails', async () => {
    const stream = Readable.from(['hello']);
    stream.resume();
    await closed(stream);
    await expect(collect(new ReadableSource(stream))).rejects.toThrow(/read/);
  });
});

describe('backpressure', () => {
  test('reading stops at 512 chunks lent, however small, and goes on when they are given back', async () => {
    const tiny = new Readable({
      read() {
        this.push('x');
      },
    });
    const sink = new HeldSink();
    new ReadableSource(tiny).start(sink);
    await until(() => tiny.isPaused(), 'reading had stopped');
    expect(sink.received.length).toBe(512);
    sink.release();
    await until(() => tiny.isPaused() && sink.received.length > 512, 'it had gone on and stopped again');
    expect(sink.received.length).toBe(1024);
  });

  test('reading stops at 256 KiB lent and goes on when bytes are given back', async () => {
    const stream = endless();
    const source = new ReadableSource(stream);
    const sink = new HeldSink();
    source.start(sink);
    await until(() => stream.isPaused(), 'the stream is paused');
    expect(sink.received).toHaveLength(256 * KiB);
    for (let turn = 0; turn < 10; turn += 1) await nextTurn();
    expect(sink.received).toHaveLength(256 * KiB);
    sink.release();
    await until(() => stream.isPaused(), 'the stream is paused again');
    expect(sink.received).toHaveLength(512 * KiB);
    source.cancel();
  });

  test('a piece larger than the limit passes whole', async () => {
    const large = Buffer.alloc(1024 * KiB, 'x');
    expect((await collect(new ReadableSource(Readable.from([large])))).content.equals(large)).toBe(true);
  });
});

describe('failures', () => {
  test('an error of the stream reaches the sink once, after the bytes before it', async () => {
    const stream = new PassThrough();
    const sink = new HeldSink();
    new ReadableSource(stream).start(sink);
    stream.write('he');
    await sink.event();
    stream.destroy(new Error('broken'));
    await closed(stream);
    expect([sink.events, sink.error?.message]).toEqual([['chunk', 'fail'], 'broken']);
  });

  test('an error is translated', async () => {
    const stream = new PassThrough();
    const toError = (cause: Error): Error => new TypeError('translated', { cause });
    const collected = collect(new ReadableSource(stream, { toError }));
    stream.destroy(new Error('broken'));
    await expect(collected).rejects.toThrow(TypeError);
  });

  test('a stream that is closed before its end fails', async () => {
    const stream = new PassThrough();
    const collected = collect(new ReadableSource(stream));
    stream.write('he');
    stream.destroy();
    await expect(collected).rejects.toThrow('closed before its end');
  });

  test.each([
    ['with an error', new Error('broken'), 'broken'],
    ['without one', undefined, 'closed before its end'],
  ])('a stream that was destroyed %s before the start fails at once', async (_, error, expected) => {
    const stream = new PassThrough().on('error', () => {});
    stream.destroy(error);
    await closed(stream);
    const sink = new HeldSink();
    new ReadableSource(stream).start(sink);
    expect(sink.error?.message).toContain(expected);
  });
});

describe('cancel', () => {
  test('destroys the stream, and the sink hears no more', async () => {
    const stream = endless();
    const source = new ReadableSource(stream);
    const sink = new HeldSink();
    source.start(sink);
    await sink.event();
    source.cancel();
    expect(stream.destroyed).toBe(true);
    const events = sink.events.length;
    sink.release();
    await closed(stream);
    await nextTurn();
    expect(sink.events).toHaveLength(events);
  });

  test('leaves the stream alone where asked to, paused, for somebody else to read', async () => {
    const stream = new PassThrough();
    const source = new ReadableSource(stream, { destroyOnCancel: false });
    const sink = new HeldSink();
    source.start(sink);
    stream.write('a');
    await sink.event();
    source.cancel();
    stream.end('b');
    sink.release();
    await nextTurn();
    expect([stream.destroyed, stream.isPaused(), sink.events]).toEqual([false, true, ['chunk']]);
    const [rest] = (await once(stream.resume(), 'data')) as [Buffer];
    expect(rest.toString()).toBe('b');
  });

  test('from within a chunk is heard at once', async () => {
    const stream = Readable.from(['a', 'b', 'c']);
    const source = new ReadableSource(stream);
    let chunks = 0;
    source.start({
      chunk(_bytes, done) {
        chunks += 1;
        source.cancel();
        done();
      },
      end: () => expect.unreachable(),
      fail: () => expect.unreachable(),
    });
    await closed(stream);
    expect(chunks).toBe(1);
  });

  test.each([true, false])('an error that comes after it does no harm, started: %s', async (started) => {
    const stream = new PassThrough();
    const source = new ReadableSource(stream, { destroyOnCancel: false });
    const sink = new HeldSink();
    if (started) source.start(sink);
    source.cancel();
    stream.destroy(new Error('late'));
    await closed(stream);
    expect(sink.events).toEqual([]);
  });

  test('after the end does nothing: the writing half of a duplex stream lives on', async () => {
    const stream = new PassThrough({ allowHalfOpen: true, autoDestroy: false });
    const source = new ReadableSource(stream);
    const collected = collect(source);
    stream.push('x');
    stream.push(null);
    await collected;
    source.cancel();
    expect(stream.destroyed).toBe(false);
  });
});
