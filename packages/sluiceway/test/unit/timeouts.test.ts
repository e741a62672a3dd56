import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { WaitsFor } from '../../src/stream/idle-error.js';
import type { TimeoutSettings } from '../../src/stream/timeout-settings.js';
import { TransferTimeouts } from '../../src/stream/timeouts.js';
import { DEFAULTS, type WatchedTimeouts, watchTimeouts } from '../support/watched-timeouts.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const advance = (ms: number): unknown => vi.advanceTimersByTime(ms);

describe('whoever alone holds the transfer up', () => {
  test.each<[string, WaitsFor, WaitsFor, string, number]>([
    ['the client sends no request content', 'client', 'nobody', 'client_stalled', 600_000],
    ['the origin server takes no request content', 'upstream', 'nobody', 'connection_write_timeout', 60_000],
    ['the request is sent and no head comes', 'nobody', 'head', 'http_response_timeout', 30_000],
    ['no response content comes', 'nobody', 'upstream', 'connection_read_timeout', 60_000],
    ['the client takes no response content', 'nobody', 'client', 'client_stalled', 600_000],
    ['a tunnel is silent', 'nobody', 'either', 'connection_read_timeout', 3_600_000],
    ['both: the client sends and reads nothing', 'client', 'client', 'client_stalled', 600_000],
    [
      'both: the origin server takes and sends nothing',
      'upstream',
      'upstream',
      'connection_write_timeout',
      60_000,
    ],
    ['each direction another: the client has the say', 'client', 'upstream', 'client_stalled', 600_000],
    ['and the other way round', 'upstream', 'client', 'client_stalled', 600_000],
  ])('%s', (_, request, response, code, limit) => {
    const { timeouts, expired } = watchTimeouts({ responseHeadMs: 30_000 });
    timeouts.requestWaitsFor(request);
    timeouts.responseWaitsFor(response);
    advance(limit - 1);
    expect(expired).toEqual([]);
    advance(1);
    expect(expired).toEqual([[code, limit]]);
    advance(10 * limit);
    expect(expired).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a silent tunnel has ended well, all others have not', () => {
    const outcomes = new Map<WaitsFor, string>();
    for (const whom of ['either', 'head', 'upstream', 'client'] as const) {
      const timeouts = new TransferTimeouts(DEFAULTS, ({ outcome }) => {
        outcomes.set(whom, outcome);
        return false;
      });
      timeouts.responseWaitsFor(whom);
    }
    advance(3_600_000);
    expect(Object.fromEntries(outcomes)).toEqual({
      either: 'completed',
      head: 'upstream_timeout',
      upstream: 'upstream_stalled',
      client: 'client_stalled',
    });
  });

  test('waiting for nobody, nothing expires', () => {
    const { timeouts, expired } = watchTimeouts({});
    expect(vi.getTimerCount()).toBe(0);
    timeouts.responseWaitsFor('upstream');
    timeouts.responseWaitsFor('nobody');
    advance(7_200_000);
    expect(expired).toEqual([]);
  });
});

describe('content that has broken', () => {
  test('leaves the client its idle timeout, and the origin server has none while the rest is looked for', () => {
    const { timeouts, expired } = watchTimeouts({});
    timeouts.responseWaitsFor('client');
    timeouts.contentBroken();
    timeouts.responseWaitsFor('upstream');
    advance(3_600_000);
    expect(expired).toEqual([]);
    timeouts.responseWaitsFor('client');
    advance(600_000);
    expect(expired).toEqual([['client_stalled', 4_200_000]]);
  });

  test('leaves a client without a time of its own no way to hold a transfer for ever, where the rate was the reason', () => {
    const { timeouts, expired } = watchTimeouts({ minRate: 1000, clientIdleMs: 30_000 }, true);
    timeouts.responseWaitsFor('upstream');
    advance(4000);
    timeouts.progress(1);
    timeouts.responseWaitsFor('client');
    timeouts.watchClientQueue(() => 0);
    advance(2000);
    timeouts.responseWaitsFor('upstream');
    timeouts.responseWaitsFor('client');
    advance(1000);
    expect(expired.map(([code]) => code)).toEqual(['connection_read_timeout']);
    advance(31_000);
    expect(expired.at(-1)?.[0]).toBe('client_stalled');
  });

  test('has its total time kept after a timeout that it survives', () => {
    const { timeouts, expired } = watchTimeouts({ totalMs: 100_000 }, true);
    timeouts.responseWaitsFor('upstream');
    advance(60_000);
    timeouts.contentBroken();
    advance(100_000);
    expect(expired).toEqual([
      ['connection_read_timeout', 60_000],
      ['total_timeout', 100_000],
    ]);
  });

  test('gives the origin server its whole time from when it goes on', () => {
    const { timeouts, expired } = watchTimeouts({});
    timeouts.responseWaitsFor('upstream');
    advance(50_000);
    timeouts.contentBroken();
    advance(50_000);
    timeouts.contentGoesOn();
    advance(59_999);
    expect(expired).toEqual([]);
    advance(1);
    expect(expired).toEqual([['connection_read_timeout', 160_000]]);
  });
});

test('a transfer that ends by what is done about a timeout waits for the client from then on, not for the origin server', () => {
  const expired: string[] = [];
  const timeouts: TransferTimeouts = new TransferTimeouts(DEFAULTS, ({ code }) => {
    expired.push(code);
    timeouts.responseWaitsFor('client');
    return true;
  });
  timeouts.responseWaitsFor('upstream');
  advance(60_000 + 599_999);
  expect(expired).toEqual(['connection_read_timeout']);
});

describe('time of one side is never charged to the other', () => {
  test('a pause of the client leaves the origin server its whole time', () => {
    const { timeouts, expired } = watchTimeouts({});
    timeouts.responseWaitsFor('upstream');
    for (let round = 0; round < 20; round += 1) {
      advance(59_000);
      timeouts.responseWaitsFor('client');
      advance(599_000);
      timeouts.responseWaitsFor('upstream');
    }
    expect(expired).toEqual([]);
    advance(60_000);
    expect(expired).toEqual([['connection_read_timeout', 20 * 658_000 + 60_000]]);
  });

  test('the time for the head begins when the request is sent', () => {
    const { timeouts, expired } = watchTimeouts({});
    timeouts.requestWaitsFor('client');
    for (let minute = 0; minute < 60; minute += 1) {
      advance(30_000);
      timeouts.requestWaitsFor('upstream');
      advance(30_000);
      timeouts.requestWaitsFor('client');
    }
    timeouts.requestWaitsFor('nobody');
    timeouts.responseWaitsFor('head');
    advance(59_999);
    expect(expired).toEqual([]);
    advance(1);
    expect(expired).toEqual([['http_response_timeout', 3_660_000]]);
  });

  test('bytes through a tunnel start its time anew', () => {
    const { timeouts, expired } = watchTimeouts({ tunnelIdleMs: 10_000 });
    timeouts.tunnelProgress();
    for (let round = 0; round < 10; round += 1) {
      advance(9999);
      timeouts.tunnelProgress();
    }
    expect(expired).toEqual([]);
    advance(10_000);
    expect(expired).toHaveLength(1);
  });
});

/** A side that has been lent a chunk, whose bytes enter its queue only when they are written. */
function lend(
  side: 'client' | 'upstream',
  settings: Partial<TimeoutSettings>,
  bytes: number,
): WatchedTimeouts & { take(taken: number): void } {
  let queued = 0;
  const watched = watchTimeouts(settings);
  const { timeouts } = watched;
  timeouts.watchClientQueue(() => (side === 'client' ? queued : 0));
  timeouts.watchUpstreamQueue(() => (side === 'upstream' ? queued : 0));
  if (side === 'client') timeouts.responseWaitsFor('upstream');
  else timeouts.requestWaitsFor('client');
  timeouts.progress(bytes);
  if (side === 'client') timeouts.responseWaitsFor('client');
  else timeouts.requestWaitsFor('upstream');
  queued = bytes;
  return { ...watched, take: (taken) => (queued -= taken) };
}

describe.each([
  ['client', 'client_stalled'],
  ['upstream', 'connection_write_timeout'],
] as const)('a receiver (%s) that takes a large chunk step by step', (side, code) => {
  const limits = { clientIdleMs: 10_000, upstreamIdleMs: 10_000 };

  test('is not idle while its queue shrinks', () => {
    const { expired, take } = lend(side, limits, 1_000_000);
    for (let step = 0; step < 100; step += 1) {
      advance(9000);
      take(1000);
    }
    expect(expired).toEqual([]);
  });

  test('is not idle where it takes something just before its time is up, for the first time', () => {
    const { expired, take } = lend(side, limits, 1_000_000);
    advance(9999);
    take(1);
    advance(1);
    expect(expired).toEqual([]);
  });

  test('is not idle where its queue has grown, since what had waited behind a chunk takes its place', () => {
    const { expired, take } = lend(side, limits, 1000);
    advance(9000);
    take(900);
    advance(9000);
    take(-10_000);
    advance(9000);
    expect(expired).toEqual([]);
  });

  test('is idle from when its queue has stopped shrinking', () => {
    const { expired, take } = lend(side, limits, 1_000_000);
    advance(5000);
    take(1000);
    advance(60_000);
    const [[found, ms] = []] = expired;
    expect(found).toBe(code);
    // What is polled is seen at the next look at the queue.
    expect(ms).toBeGreaterThanOrEqual(15_000);
    expect(ms).toBeLessThanOrEqual(20_000);
  });

  test('is idle after its time where the queue cannot be seen', () => {
    const { timeouts, expired } = watchTimeouts(limits);
    timeouts.watchClientQueue(() => null);
    timeouts.watchUpstreamQueue(() => null);
    timeouts.progress(1000);
    if (side === 'client') timeouts.responseWaitsFor('client');
    else timeouts.requestWaitsFor('upstream');
    advance(60_000);
    expect(expired).toEqual([[code, 10_000]]);
  });
});

test('a sender is not excused by what is queued the other way', () => {
  const { timeouts, expired } = watchTimeouts({ clientIdleMs: 10_000, upstreamIdleMs: 10_000 });
  let queued = 1000;
  timeouts.watchClientQueue(() => (queued -= 1));
  timeouts.watchUpstreamQueue(() => (queued -= 1));
  timeouts.requestWaitsFor('client');
  advance(60_000);
  expect(expired).toEqual([['client_stalled', 10_000]]);
});
