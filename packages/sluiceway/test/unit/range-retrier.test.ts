import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import { Fields } from '../../src/http/fields.js';
import { emptySource } from '../../src/stream/chunk-source.js';
import { RangeRetrier } from '../../src/upstream/resume/range-retrier.js';
import type { ResumePoint } from '../../src/upstream/resume/resume-point.js';
import { ResumeTargets } from '../../src/upstream/resume/resume-targets.js';
import { toTarget } from '../../src/upstream/target.js';
import type { Transport, TransportRequest } from '../../src/upstream/transport.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const KiB = 1024;
const SIZE = 1024 ** 3;
const part: ResumePoint = {
  validator: { field: 'ETag', value: '"v1"', strength: 'strong' },
  etag: '"v1"',
  modified: undefined,
  coding: '',
  total: SIZE,
  start: 0,
  end: SIZE,
};

/** Has every rest at once. */
const generous: Transport = {
  send: ({ headers }) => {
    const first = Number(/\d+/.exec(headers.get('range') ?? '')?.[0]);
    const range = `bytes ${first}-${SIZE - 1}/${SIZE}`;
    return {
      response: Promise.resolve({
        httpVersion: '1.1',
        status: 206,
        statusText: '',
        headers: new Fields(['ETag', '"v1"', 'Content-Range', range]),
        contentLength: SIZE - first,
        content: emptySource,
        tunnel: null,
      }),
      abort: () => {},
    };
  },
  close: () => Promise.resolve(),
  destroy: () => {},
};

const NONE = Buffer.alloc(0);

const noop = (): void => {};

function finderFor(minRate: number): RangeRetrier {
  const target = toTarget('http://origin.test/file');
  const request: TransportRequest = {
    destination: target.base,
    method: 'GET',
    path: target.path,
    headers: new Fields(['Host', 'origin.test']),
    content: null,
    upgrade: null,
    expectContinue: false,
    onInterim: noop,
    onRequestSent: noop,
  };
  const place = { target, request };
  return new RangeRetrier({
    transport: generous,
    settings: { attempts: 3, timeoutMs: 60_000 },
    part,
    proof: 'validator',
    route: new ResumeTargets(place, place, []),
    send: { maxRedirects: 0, onAttempt: noop },
    limits: { responseHeadMs: 0, upstreamIdleMs: 0, minRate },
    readDigests: null,
    refresh: null,
    avoidsServer: () => false,
    onBroken: noop,
    onResumed: noop,
  });
}

const slow = (): SluicewayError => new SluicewayError('connection_read_timeout', 'slow');
const cut = (): SluicewayError => new SluicewayError('http_response_incomplete', 'cut');

/** Breaks the content again and again, `bytes` further each time, `ms` after it came. Returns how often, and for how long. */
async function breakAgain(
  finder: RangeRetrier,
  { times, bytes, ms, error }: { times: number; bytes: number; ms: number; error: () => SluicewayError },
): Promise<{ continued: number; passedMs: number }> {
  const began = performance.now();
  for (let time = 0; time < times; time += 1) {
    vi.advanceTimersByTime(ms);
    const gap = {
      position: (time + 1) * bytes,
      isStuck: false,
      error: error(),
      delivered: NONE,
      silentMs: null,
    };
    const found = finder.find(gap).then(
      () => true,
      () => false,
    );
    await vi.runAllTimersAsync();
    if (!(await found)) return { continued: time, passedMs: performance.now() - began };
  }
  return { continued: times, passedMs: performance.now() - began };
}

test('content that stays below the minimum rate wherever it comes from is given up', async () => {
  const below = { times: 20, bytes: 250 * KiB, ms: 5000, error: slow };
  expect((await breakAgain(finderFor(100 * KiB), below)).continued).toBeLessThan(6);
  expect((await breakAgain(finderFor(0), below)).continued).toBe(20);
  const above = { ...below, bytes: 600 * KiB };
  expect((await breakAgain(finderFor(100 * KiB), above)).continued).toBe(20);
});

test('an origin server that gives one byte at a time is asked more and more seldom', async () => {
  const finder = finderFor(0);
  const few = await breakAgain(finder, { times: 10, bytes: 1, ms: 0, error: cut });
  expect(few.continued).toBe(10);
  expect(few.passedMs).toBeLessThan(1000);
  const many = await breakAgain(finderFor(0), { times: 100, bytes: 1, ms: 0, error: cut });
  expect(many.continued).toBe(100);
  expect(many.passedMs).toBeGreaterThan(100_000);
});

test('an origin server whose every connection brings much, and ends soon, is asked without long pauses', async () => {
  const { continued, passedMs } = await breakAgain(finderFor(0), {
    times: 100,
    bytes: 1024 * KiB,
    ms: 0,
    error: cut,
  });
  expect(continued).toBe(100);
  expect(passedMs).toBeLessThan(10_000);
});
