import { expect, test } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import type { ChunkSink, ChunkSource } from '../../src/stream/chunk-source.js';
import type { ResumePoint } from '../../src/upstream/resume/resume-point.js';
import { type RestFinder, ResumedContent } from '../../src/upstream/resume/resumed-content.js';

const broken = (): SluicewayError => new SluicewayError('http_response_incomplete', 'cut');

const part: ResumePoint = {
  validator: null,
  etag: undefined,
  modified: undefined,
  coding: '',
  total: 100,
  start: 0,
  end: 100,
};

/** Delivers what a test tells it to. */
class ManualSource implements ChunkSource {
  readonly trailers = null;
  sink: ChunkSink | null = null;
  isCancelled = false;

  start(sink: ChunkSink): void {
    this.sink = sink;
  }

  cancel(): void {
    this.isCancelled = true;
  }

  /** Returns the callback that came with the chunk's bytes. */
  deliver(bytes: number): void {
    this.sink?.chunk(Buffer.alloc(bytes), () => {});
  }
}

class KeepingSink implements ChunkSink {
  readonly chunks: [Uint8Array, () => void][] = [];
  words: string[] = [];

  chunk(bytes: Uint8Array, done: () => void): void {
    this.chunks.push([bytes, done]);
  }

  end(): void {
    this.words.push('end');
  }

  fail(error: Error): void {
    this.words.push(error.message);
  }
}

/** Gives sources in turn; `found` counts. */
function finderOf(...sources: ManualSource[]): RestFinder & { found: number } {
  const finder = {
    found: 0,
    find: async () => {
      const content = sources[finder.found];
      finder.found += 1;
      if (content === undefined) throw broken();
      return { content, end: 100, check: null };
    },
    stop: () => {},
  };
  return finder;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('content that does not break passes as the same chunks, with the same callbacks, one call each: resuming allocates nothing for a chunk', () => {
  const source = new ManualSource();
  const sink = new KeepingSink();
  new ResumedContent(source, part, () => finderOf()).start(sink);
  const lent: [Uint8Array, () => void][] = Array.from({ length: 10 }, () => [Buffer.alloc(10), () => {}]);
  for (const [bytes, done] of lent) source.sink?.chunk(bytes, done);
  source.sink?.end();
  expect(sink.chunks).toHaveLength(10);
  for (const [i, [bytes, done]] of lent.entries()) {
    expect(sink.chunks[i]?.[0]).toBe(bytes);
    expect(sink.chunks[i]?.[1]).toBe(done);
  }
  expect(sink.words).toEqual(['end']);
});

test('a sink that returns nothing is lent the chunks of two sources at the most, however often content breaks', async () => {
  const [first, second, third] = [new ManualSource(), new ManualSource(), new ManualSource()];
  const sink = new KeepingSink();
  const finder = finderOf(second, third);
  new ResumedContent(first, part, () => finder).start(sink);
  first.deliver(10);
  first.sink?.fail(broken());
  await turn();
  second.deliver(10);
  second.sink?.fail(broken());
  await turn();
  expect(finder.found).toBe(1);
  for (const [, done] of sink.chunks) done();
  await turn();
  expect(finder.found).toBe(2);
  third.deliver(80);
  third.sink?.end();
  expect(sink.words).toEqual(['end']);
});

test('content that ends before its end is broken, and what is longer than announced fails', async () => {
  const short = new ManualSource();
  const sink = new KeepingSink();
  const finder = finderOf();
  new ResumedContent(short, part, () => finder).start(sink);
  short.deliver(99);
  short.sink?.end();
  await turn();
  expect(finder.found).toBe(1);
  expect(sink.words).toEqual(['cut']);

  const long = new ManualSource();
  const other = new KeepingSink();
  new ResumedContent(long, part, () => finder).start(other);
  long.deliver(101);
  expect(other.chunks).toEqual([]);
  expect(long.isCancelled).toBe(true);
  expect(other.words).toEqual(['The content is longer than announced']);
});

test('a rest that is found after the content was cancelled is cancelled too', async () => {
  const [first, second] = [new ManualSource(), new ManualSource()];
  const sink = new KeepingSink();
  const content = new ResumedContent(first, part, () => finderOf(second));
  content.start(sink);
  first.sink?.fail(broken());
  content.cancel();
  await turn();
  expect(second.isCancelled || second.sink === null).toBe(true);
  expect(sink.words).toEqual([]);
});
