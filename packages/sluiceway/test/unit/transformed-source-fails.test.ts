import { Duplex, PassThrough, Transform } from 'node:stream';
import { createGzip } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { collect, HeldSink, ManualSource } from '../support/exchange.js';
import { allClosed, transformed } from '../support/transforms.js';
import { until } from '../support/until.js';

describe('content that is broken off', () => {
  test('on the way in fails as it is, and no stream makes a proper end of it', async () => {
    const source = new ManualSource();
    const sink = new HeldSink();
    const streams: [Duplex, Duplex] = [createGzip(), new PassThrough()];
    const toError = (): Error => new Error('of the streams');
    transformed(source, streams, { toError }).start(sink);
    source.lend('hello');
    await until(() => source.returned === 1, 'the chunk was taken');
    source.sink?.fail(new Error('broken'));
    await allClosed(streams);
    expect(sink.events).toEqual(['chunk', 'fail']);
    expect(sink.error?.message).toBe('broken');
    // The beginning of a gzip file and nothing else.
    expect(sink.received).toHaveLength(10);
    expect(streams.map((stream) => stream.writableEnded)).toEqual([false, false]);
  });

  const BREAKS: Record<string, (streams: readonly Duplex[]) => void> = {
    'the first stream fails': ([first]) => first?.destroy(new Error('broken')),
    'the last stream fails': (streams) => streams.at(-1)?.destroy(new Error('broken')),
    'a stream in the middle fails': ([, middle]) => middle?.emit('error', new Error('broken')),
    'the first stream is closed': ([first]) => first?.destroy(),
    'a stream in the middle is closed': ([, middle]) => middle?.destroy(),
    'the last stream is closed': (streams) => streams.at(-1)?.destroy(),
    'the first stream ends before the content': ([first]) => first?.push(null),
    'a stream in the middle ends before the content': ([, middle]) => middle?.push(null),
    'the last stream ends before the content': (streams) => streams.at(-1)?.push(null),
  };

  test.each(Object.entries(BREAKS))('where %s fails, and everything is given up', async (_, breakOff) => {
    const source = new ManualSource();
    const sink = new HeldSink();
    const streams = [new PassThrough(), new PassThrough(), new PassThrough()] as const;
    const toError = (cause: Error): Error => new TypeError('translated', { cause });
    transformed(source, streams, { toError }).start(sink);
    source.lend('hello');
    await sink.event();
    breakOff(streams);
    await until(() => sink.isOver, 'the content had failed');
    await allClosed(streams);
    expect(sink.events).toEqual(['chunk', 'fail']);
    expect(sink.error).toBeInstanceOf(TypeError);
    expect(source).toMatchObject({ cancelled: 1, returned: 1 });
  });

  test('where a stream fails before the start, and where it is closed then, fails at the start', async () => {
    for (const error of [new Error('broken'), undefined]) {
      const source = new ManualSource();
      const streams = [new PassThrough(), new PassThrough()] as const;
      const through = transformed(source, streams);
      streams[0].destroy(error);
      await allClosed(streams);
      const sink = new HeldSink();
      through.start(sink);
      expect(sink.events).toEqual(['fail']);
      expect(sink.error?.message).toBe(error?.message ?? 'A stream was closed before its end');
      expect(source.cancelled).toBe(1);
      expect(source.sink).toBeNull();
    }
  });

  test.each(['at once', 'later'])(
    'where a stream throws as it is written to, %s, fails, and its writer sees nothing of it',
    async (when) => {
      const source = new ManualSource();
      const sink = new HeldSink();
      const throwing = new Transform({
        transform() {
          throw new Error('thrown');
        },
      });
      transformed(source, when === 'later' ? [createGzip(), throwing] : [throwing]).start(sink);
      source.lend('hello');
      await sink.event();
      expect(sink.error?.message).toBe('thrown');
      expect(source).toMatchObject({ cancelled: 1, returned: 1 });
    },
  );

  test('where a stream fails after it has ended what it gives fails', async () => {
    const source = new ManualSource();
    const sink = new HeldSink();
    const late = new Duplex({
      read() {},
      write(chunk, _, callback) {
        this.push(chunk);
        callback();
      },
      final(callback) {
        this.push(null);
        setTimeout(() => callback(new Error('not kept')), 20);
      },
    });
    transformed(source, [late]).start(sink);
    source.lend('hello');
    source.sink?.end();
    await until(() => sink.isOver, 'the content was over');
    expect(sink.events).toEqual(['chunk', 'fail']);
    expect(sink.error?.message).toBe('not kept');
  });
});

describe('content whose length has to stay', () => {
  const pass = (change: (chunk: Buffer) => Buffer | string): Transform =>
    new Transform({
      transform(chunk: Buffer, _, callback) {
        callback(null, change(chunk));
      },
    });

  test('passes through streams that keep it, however they cut it', async () => {
    const source = new ManualSource();
    const halves = new Transform({
      transform(chunk: Buffer, _, callback) {
        this.push(chunk.subarray(0, 2));
        this.push(chunk.subarray(2));
        callback();
      },
    });
    const collected = collect(transformed(source, [halves], { keepsLength: true }));
    source.lend('hello');
    source.sink?.end();
    expect((await collected).content.toString()).toBe('hello');
  });

  test('fails before anything too much comes out', async () => {
    const source = new ManualSource();
    const sink = new HeldSink();
    transformed(source, [pass((chunk) => `${chunk.toString()}!`)], { keepsLength: true }).start(sink);
    source.lend('hello');
    await sink.event();
    expect(sink.events).toEqual(['fail']);
    expect(source.cancelled).toBe(1);
  });

  test('fails where something is missing at the end', async () => {
    const source = new ManualSource();
    const sink = new HeldSink();
    transformed(source, [pass((chunk) => chunk.subarray(1))], { keepsLength: true }).start(sink);
    source.lend('hello');
    source.sink?.end();
    await until(() => sink.isOver, 'the content was over');
    expect(sink.events).toEqual(['chunk', 'fail']);
    expect(sink.error?.message).toContain('4 of 5 bytes');
  });
});

describe('content whose length has been announced', () => {
  test('has its last byte kept until the streams have ended', async () => {
    for (const pieces of [['hello'], ['hell', 'o'], ['h', 'e', 'l', 'l', 'o']]) {
      const source = new ManualSource();
      const sink = new HeldSink();
      let end: () => void = () => {};
      const stream = new Transform({
        transform: (chunk, _, callback) => callback(null, chunk),
        flush: (callback) => void (end = callback),
      });
      transformed(source, [stream], { keepsLength: true, announced: 5 }).start(sink);
      for (const piece of pieces) source.lend(piece);
      source.sink?.end();
      await until(() => source.returned === pieces.length, 'everything was taken');
      await until(() => sink.received.length === 4, 'all but the last byte had come');
      expect(sink.received.toString()).toBe('hell');
      end();
      await until(() => sink.isOver, 'the content was over');
      expect(sink.received.toString()).toBe('hello');
      expect(sink.events.at(-1)).toBe('end');
    }
  });

  test('stays without its last byte where a stream fails at the end', async () => {
    const source = new ManualSource();
    const sink = new HeldSink();
    const stream = new Transform({
      transform: (chunk, _, callback) => callback(null, chunk),
      flush: (callback) => callback(new Error('refused')),
    });
    transformed(source, [stream], { keepsLength: true, announced: 5 }).start(sink);
    source.lend('hello');
    source.sink?.end();
    await until(() => sink.isOver, 'the content was over');
    expect(sink.received.toString()).toBe('hell');
    expect(sink.error?.message).toBe('refused');
  });
});

describe('cancel', () => {
  test('destroys the streams, gives up the source, and the sink hears no more', async () => {
    const source = new ManualSource();
    const sink = new HeldSink();
    const streams = [new PassThrough(), createGzip(), new PassThrough()] as const;
    const through = transformed(source, streams);
    through.start(sink);
    source.lend(Buffer.alloc(1024 * 1024));
    await sink.event();
    const { length } = sink.events;
    through.cancel();
    through.cancel();
    await allClosed(streams);
    sink.release();
    expect(sink.events).toHaveLength(length);
    expect(source).toMatchObject({ cancelled: 1, returned: 1 });
  });

  test('without a start destroys the streams and gives up the source', async () => {
    const source = new ManualSource();
    const streams = [new PassThrough(), new PassThrough()] as const;
    transformed(source, streams).cancel();
    await allClosed(streams);
    expect(source.cancelled).toBe(1);
  });

  test('is survived by streams that fail as they are destroyed', async () => {
    const source = new ManualSource();
    const failing = new PassThrough({
      destroy(_, callback) {
        callback(new Error('at the end'));
      },
    });
    const through = transformed(source, [failing, new PassThrough()]);
    through.start(new HeldSink());
    through.cancel();
    await allClosed([failing]);
    failing.emit('error', new Error('once more'));
  });

  test('does nothing after the end', async () => {
    const source = new ManualSource();
    const through = transformed(source, [new PassThrough()]);
    const collected = collect(through);
    source.lend('hello');
    source.sink?.end();
    expect((await collected).content.toString()).toBe('hello');
    through.cancel();
    expect(source.cancelled).toBe(0);
  });
});
