import { describe, expect, test } from 'vitest';
import { type ErrorCode, SluicewayError } from '../../src/errors.js';
import { type ChunkSink, type ChunkSource, singleChunk } from '../../src/stream/chunk-source.js';
import { ReplayableContent } from '../../src/upstream/group/replayable-content.js';
import { RetryBudget } from '../../src/upstream/group/retry-budget.js';
import { backoffMs, mayRetry } from '../../src/upstream/group/retry-policy.js';

describe('a retry', () => {
  const failed = (code: ErrorCode, retryable: boolean) => new SluicewayError(code, 'failed', { retryable });
  const refused = failed('connection_refused', true);
  const reset = failed('connection_terminated', false);
  const stale = failed('connection_terminated', true);

  test.each([
    ['a POST whose connection was refused', 'POST', refused, false, true, true],
    ['a POST whose content is used up', 'POST', refused, false, false, false],
    ['a GET whose connection was reset', 'GET', reset, true, true, true],
    ['a PUT whose connection was reset, and whose content is kept', 'PUT', reset, true, true, true],
    ['a PUT whose connection was reset, and whose content is used up', 'PUT', reset, true, false, false],
    ['a POST whose connection was reset', 'POST', reset, true, true, false],
    ['a POST on a kept connection that was closed', 'POST', stale, true, true, false],
    [
      'a POST that waited for a connection in vain',
      'POST',
      failed('connection_limit_reached', false),
      false,
      true,
      true,
    ],
    ['a GET that the client has left', 'GET', failed('client_aborted', false), true, true, false],
    [
      'a GET to an address that is not allowed',
      'GET',
      failed('destination_ip_prohibited', false),
      false,
      true,
      false,
    ],
  ] as const)(
    'of %s is decided by what was sent [RFC 9110 9.2.2; Caddy]',
    (_, method, error, wasConnected, isContentKept, expected) => {
      expect(mayRetry(error, { method, wasConnected, isContentKept, isResolved: false })).toBe(expected);
    },
  );

  test('of a request to an address that is not allowed is decided by who has chosen the address [Sluiceway]', () => {
    const prohibited = failed('destination_ip_prohibited', false);
    const attempt = { method: 'POST', wasConnected: false, isContentKept: true };
    expect(mayRetry(prohibited, { ...attempt, isResolved: true })).toBe(true);
    expect(mayRetry(prohibited, { ...attempt, isResolved: false })).toBe(false);
  });

  test('waits twice as long each time, half of it at random, up to a second [Envoy]', () => {
    expect([1, 2, 3].map((round) => backoffMs(round, () => 1))).toEqual([25, 50, 100]);
    expect(backoffMs(1, () => 0)).toBe(12.5);
    expect(backoffMs(40, () => 1)).toBe(1000);
  });
});

describe('the budget of retries', () => {
  test('is a share of the requests of the last ten seconds, and a minimum [Envoy]', () => {
    const budget = new RetryBudget({ share: 0.2, minPerSecond: 1 });
    for (let index = 0; index < 100; index += 1) budget.request(50_000);
    const taken = Array.from({ length: 40 }, () => budget.take(50_000)).filter(Boolean).length;
    expect(taken).toBe(30);
    expect(budget.take(59_000)).toBe(false);
    const later = Array.from({ length: 40 }, () => budget.take(61_000)).filter(Boolean).length;
    expect(later).toBe(10);
  });

  test('of nothing allows no retry [Sluiceway]', () => {
    const budget = new RetryBudget({ share: 0, minPerSecond: 0 });
    budget.request(0);
    expect(budget.take(0)).toBe(false);
  });
});

/** Content that arrives when the test says so. */
class Manual implements ChunkSource {
  readonly trailers = null;
  sink: ChunkSink | null = null;
  starts = 0;
  isCancelled = false;

  start(sink: ChunkSink): void {
    this.starts += 1;
    this.sink = sink;
  }

  cancel(): void {
    this.isCancelled = true;
  }

  give(text: string): void {
    this.sink?.chunk(Buffer.from(text), () => {});
  }
}

class Collected implements ChunkSink {
  text = '';
  ending = '';

  chunk(bytes: Uint8Array, done: () => void): void {
    this.text += Buffer.from(bytes).toString();
    done();
  }

  end(): void {
    this.ending = 'end';
  }

  fail(error: Error): void {
    this.ending = error.message;
  }
}

const silent = { onReplay: () => {}, onReplayed: () => {} };

describe('request content for several attempts', () => {
  test('comes again from its first byte, with what has arrived between two attempts [Envoy; Sluiceway]', () => {
    const source = new Manual();
    const content = new ReplayableContent(source, 10, silent);
    const first = content.attempt();
    first.start(new Collected());
    source.give('abc');
    first.cancel();
    source.give('de');
    const sink = new Collected();
    content.attempt().start(sink);
    source.give('f');
    source.sink?.end();
    expect(sink).toMatchObject({ text: 'abcdef', ending: 'end' });
    expect(source).toMatchObject({ starts: 1, isCancelled: false });
    expect(content.isKept).toBe(true);
  });

  test('is used up once more was read than is kept [Sluiceway]', () => {
    const source = new Manual();
    const content = new ReplayableContent(source, 4, silent);
    const first = content.attempt();
    first.start(new Collected());
    source.give('abcd');
    expect(content.isKept).toBe(true);
    source.give('e');
    expect(content.isKept).toBe(false);
    first.cancel();
    expect(source.isCancelled).toBe(true);
  });

  test('is not cancelled by an attempt that has not read it [Caddy]', () => {
    const content = new ReplayableContent(singleChunk(Buffer.from('all')), 0, silent);
    content.attempt().cancel();
    const sink = new Collected();
    content.attempt().start(sink);
    expect(sink).toMatchObject({ text: 'all', ending: 'end' });
  });

  test('is cancelled with the last attempt [Sluiceway]', () => {
    const early = new Manual();
    const first = new ReplayableContent(early, 10, silent);
    first.attempt().cancel();
    expect(early.isCancelled).toBe(false);
    first.settle();
    expect(early.isCancelled).toBe(true);
    const late = new Manual();
    const second = new ReplayableContent(late, 10, silent);
    const attempt = second.attempt();
    attempt.start(new Collected());
    second.settle();
    expect(late.isCancelled).toBe(false);
    attempt.cancel();
    expect(late.isCancelled).toBe(true);
  });

  test('that has failed is not sent again [Sluiceway]', () => {
    const source = new Manual();
    const content = new ReplayableContent(source, 10, silent);
    const sink = new Collected();
    content.attempt().start(sink);
    source.sink?.fail(new Error('the client left'));
    expect(sink.ending).toBe('the client left');
    expect(content.isKept).toBe(false);
  });
});
