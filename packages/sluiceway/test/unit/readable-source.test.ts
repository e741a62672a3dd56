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

describe('a stream whose pushes go to the sink directly', () => {
  /** As Node's requests: what comes is pushed; `asked` counts how often more is asked for. */
  class Pushed extends Readable {
    asked = 0;
    override _read(): void {
      this.asked += 1;
    }
  }

  /** A started source that has passed on its first chunk, which always goes through the stream. */
  async function start(sink: HeldSink): Promise<Pushed> {
    const stream = new Pushed();
    new ReadableSource(stream, { takesPushes: true, maxLentBytes: 3 * KiB }).start(sink);
    await nextTurn();
    stream.push(Buffer.alloc(KiB, 'a'));
    await nextTurn();
    return stream;
  }

  /** One letter for each KiB. */
  const text = (sink: HeldSink): string => sink.received.toString('latin1').replaceAll(/(.)\1{1023}/g, '$1');
  const chunks = (sink: HeldSink): number => sink.events.filter((event) => event === 'chunk').length;

  test('a chunk is lent before push returns, and the stream counts as read', async () => {
    const sink = new HeldSink();
    const stream = await start(sink);
    expect(stream.push(Buffer.alloc(KiB, 'b'))).toBe(true);
    expect([text(sink), stream.readableDidRead]).toEqual(['ab', true]);
  });

  test('push returns false while the limit is lent, and more is asked for, once, when chunks are back', async () => {
    const sink = new HeldSink();
    const stream = await start(sink);
    stream.push(Buffer.alloc(KiB, 'b'));
    expect(stream.push(Buffer.alloc(KiB, 'c'))).toBe(false);
    const asked = stream.asked;
    // What the parser had read already still comes.
    expect(stream.push(Buffer.alloc(KiB, 'd'))).toBe(false);
    await nextTurn();
    expect([text(sink), stream.asked]).toEqual(['abcd', asked]);
    sink.release();
    expect(stream.asked).toBe(asked + 1);
  });

  test('chunks that somebody has made the stream hold go first', async () => {
    const sink = new HeldSink();
    const stream = await start(sink);
    stream.pause();
    stream.push(Buffer.alloc(KiB, 'b'));
    stream.resume();
    stream.push(Buffer.alloc(KiB, 'c'));
    await until(() => chunks(sink) === 3, 'the chunks have come');
    expect(text(sink)).toBe('abc');
  });

  test('another listener gets the same chunks', async () => {
    const sink = new HeldSink();
    const stream = await start(sink);
    const seen: string[] = [];
    stream.on('data', (chunk: Buffer) => seen.push(chunk.toString('latin1', 0, 1)));
    stream.push(Buffer.alloc(KiB, 'b'));
    await until(() => chunks(sink) === 2, 'the chunks have come');
    expect([text(sink), seen]).toEqual(['ab', ['b']]);
  });

  test('the end comes behind the chunks, and the stream is as before', async () => {
    const sink = new HeldSink();
    const stream = await start(sink);
    stream.push(Buffer.alloc(KiB, 'b'));
    stream.push(null);
    await until(() => sink.isOver, 'the chunks have come');
    expect([text(sink), Object.hasOwn(stream, 'push')]).toEqual(['ab', false]);
  });

  test('nothing is asked for from a stream that was destroyed', async () => {
    const sink = new HeldSink();
    const stream = await start(sink);
    stream.push(Buffer.alloc(2 * KiB, 'b'));
    const asked = stream.asked;
    stream.destroy();
    sink.release();
    expect(stream.asked).toBe(asked);
  });

  test('a push that somebody has wrapped stays in place', async () => {
    const stream = new Pushed();
    const pushed: number[] = [];
    stream.push = (chunk: Buffer): boolean => {
      pushed.push(chunk.length);
      return Readable.prototype.push.call(stream, chunk);
    };
    const sink = new HeldSink();
    new ReadableSource(stream, { takesPushes: true }).start(sink);
    stream.push(Buffer.alloc(KiB));
    stream.push(Buffer.alloc(KiB));
    await until(() => chunks(sink) > 0, 'the chunks have come');
    expect(pushed).toEqual([KiB, KiB]);
  });
});
