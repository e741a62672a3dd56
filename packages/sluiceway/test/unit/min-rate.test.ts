import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { SluicewayError } from '../../src/errors.js';
import { RATE_WINDOW_MS, TransferTimeouts } from '../../src/stream/timeouts.js';

const KiB = 1024;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const advance = (ms: number): unknown => vi.advanceTimersByTime(ms);

/** A transfer with a minimum of 10 KiB/s and idle timeouts of a minute. */
class Transfer {
  readonly errors: SluicewayError[] = [];
  queued = 0;
  readonly timeouts = new TransferTimeouts(
    {
      responseHeadMs: 60_000,
      upstreamIdleMs: 60_000,
      clientIdleMs: 60_000,
      tunnelIdleMs: 0,
      silenceMs: 0,
      totalMs: 0,
      minRate: 10 * KiB,
    },
    (error) => {
      this.errors.push(error);
      return false;
    },
  );

  constructor() {
    this.timeouts.watchClientQueue(() => this.queued);
    this.timeouts.responseWaitsFor('upstream');
  }

  /** The origin server has sent a chunk, which waits for the client from now on. */
  lend(bytes: number): void {
    if (this.errors.length > 0) return;
    this.timeouts.progress(bytes);
    this.timeouts.responseWaitsFor('client');
    this.queued += bytes;
  }

  giveBack(): void {
    if (this.errors.length > 0) return;
    this.queued = 0;
    this.timeouts.responseWaitsFor('upstream');
  }

  get codes(): string[] {
    return this.errors.map(({ code }) => code);
  }
}

describe('an origin server', () => {
  test.each([
    [9 * KiB, ['connection_read_timeout']],
    [11 * KiB, []],
  ])('that sends %i bytes a second of 10 KiB', (bytes, expected) => {
    const transfer = new Transfer();
    for (let second = 0; second < 60; second += 1) {
      advance(1000);
      transfer.lend(bytes);
      transfer.giveBack();
    }
    expect(transfer.codes).toEqual(expected);
    if (transfer.errors[0]) expect(transfer.errors[0].message).toContain('10240 bytes per second');
  });

  test('that stops sending falls below the rate before its idle timeout', () => {
    const transfer = new Transfer();
    transfer.lend(100);
    transfer.giveBack();
    advance(2 * RATE_WINDOW_MS);
    expect(transfer.codes).toEqual(['connection_read_timeout']);
  });

  test('that has not answered yet is under no rate', () => {
    const transfer = new Transfer();
    transfer.timeouts.responseWaitsFor('head');
    advance(59_999);
    expect(transfer.codes).toEqual([]);
  });
});

describe('a client', () => {
  test.each([
    [9 * KiB, ['client_stalled']],
    [11 * KiB, []],
  ])('that takes %i bytes a second in chunks of 64 KiB', (rate, expected) => {
    const transfer = new Transfer();
    for (let chunk = 0; chunk < 20; chunk += 1) {
      transfer.lend(64 * KiB);
      advance((64 * KiB * 1000) / rate);
      transfer.giveBack();
    }
    expect(transfer.codes).toEqual(expected);
  });

  test.each([
    [9 * KiB, ['client_stalled']],
    [11 * KiB, []],
  ])('that takes %i bytes a second of one chunk of 1 MiB', (rate, expected) => {
    const transfer = new Transfer();
    transfer.lend(1024 * KiB);
    for (let step = 0; step < 900; step += 1) {
      advance(100);
      transfer.queued -= rate / 10;
    }
    expect(transfer.codes).toEqual(expected);
  });

  test('whose kernel takes a megabyte every 20 seconds is fast enough', () => {
    const transfer = new Transfer();
    for (let lump = 0; lump < 10; lump += 1) {
      for (let chunk = 0; chunk < 16; chunk += 1) {
        transfer.lend(64 * KiB);
        if (chunk === 15) advance(20_000);
        transfer.giveBack();
      }
    }
    expect(transfer.codes).toEqual([]);
  });

  test('that takes nothing at all is left to its idle timeout', () => {
    const transfer = new Transfer();
    transfer.lend(64 * KiB);
    advance(59_999);
    expect(transfer.codes).toEqual([]);
    advance(1);
    expect(transfer.codes).toEqual(['client_stalled']);
  });

  test('that sends its request too slowly is below the rate, and so is one that stops', () => {
    const slow = new Transfer();
    slow.timeouts.responseWaitsFor('nobody');
    for (let second = 0; second < 30 && slow.errors.length === 0; second += 1) {
      slow.timeouts.requestWaitsFor('client');
      advance(1000);
      slow.timeouts.progress(9 * KiB);
      slow.timeouts.requestWaitsFor('upstream');
    }
    expect(slow.codes).toEqual(['client_stalled']);
    const stopped = new Transfer();
    stopped.timeouts.responseWaitsFor('nobody');
    stopped.timeouts.requestWaitsFor('client');
    advance(2 * RATE_WINDOW_MS);
    expect(stopped.codes).toEqual(['client_stalled']);
  });
});

test('the side that held the transfer up for longer is to blame', () => {
  const blamed = (upstreamMs: number, clientMs: number): string[] => {
    const transfer = new Transfer();
    for (let round = 0; round < 30; round += 1) {
      advance(upstreamMs);
      transfer.lend(KiB);
      advance(clientMs);
      transfer.giveBack();
    }
    return transfer.codes;
  };
  expect(blamed(700, 300)).toEqual(['connection_read_timeout']);
  expect(blamed(300, 700)).toEqual(['client_stalled']);
});

test('a window is judged by itself: what was fast before does not count', () => {
  const transfer = new Transfer();
  for (let second = 0; second < 20; second += 1) {
    advance(1000);
    transfer.lend(1024 * KiB);
    transfer.giveBack();
  }
  expect(transfer.codes).toEqual([]);
  for (let second = 0; second < 3 * (RATE_WINDOW_MS / 1000); second += 1) {
    advance(1000);
    transfer.lend(KiB);
    transfer.giveBack();
  }
  expect(transfer.codes).toEqual(['connection_read_timeout']);
});
