import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Block, ReadBuffer } from '../../src/stream/read-buffer.js';
import { CountingPool } from '../support/counting-pool.js';

let now = 0;
beforeEach(() => {
  now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  vi.restoreAllMocks();
});

/** The byte at a position of an endless stream in which no two windows are alike. */
const byteAt = (at: number): number => (at * 31 + (at >> 8) * 17 + (at >> 16) * 7) & 0xff;

const overlap = (a: Uint8Array, b: Uint8Array): boolean =>
  a.buffer === b.buffer && a.byteOffset < b.byteOffset + b.length && b.byteOffset < a.byteOffset + a.length;

interface Lent {
  block: Block;
  view: Buffer;
  copy: Buffer;
}

/** A connection with its socket around one read buffer; each step is checked. */
class Simulation {
  readonly pool = new CountingPool({ largeBytes: 2 * 1024 * 1024, keptBytes: 512 * 1024 });
  readonly buffer: ReadBuffer;
  readonly tls: boolean;
  readonly lent: Lent[] = [];
  /** What the connection says of the message at the next read. */
  expected = 0;
  isContent = false;
  /** Null within a read callback, and after the end. */
  #space: Buffer | null;
  #read = 0;
  #taken = 0;

  constructor(tls: boolean) {
    this.tls = tls;
    this.buffer = new ReadBuffer(this.pool, tls);
    this.#space = this.buffer.space();
  }

  get unread(): number {
    return this.#read - this.#taken;
  }

  /** Reading has been stopped: TCP delivers nothing then, TLS what it has decrypted already. */
  get isStopped(): boolean {
    return this.buffer.isContent && this.buffer.expected > 0 && this.lent.length > 0;
  }

  /** A read; `inCallback` is what the connection does with the bytes before it says where the next ones go. */
  read(n: number, inCallback: () => void): void {
    if (this.isStopped && !this.tls) return;
    if (this.isContent && this.unread > 300_000) return;
    const space = this.#space;
    if (space === null) return;
    const length = Math.min(n, space.length, this.tls ? 16 * 1024 : Number.POSITIVE_INFINITY);
    for (let i = 0; i < length; i += 1) space[i] = byteAt(this.#read + i);
    this.#read += length;
    this.buffer.filled(length);
    this.#space = null;
    inCallback();
    this.buffer.expected = this.expected;
    this.buffer.isContent = this.isContent;
    this.#space = this.buffer.space();
    this.check();
  }

  /** Takes a part of the oldest unread bytes, lent or not. Only one chunk of a message is lent at a time. */
  take(share: number, lend: boolean): void {
    const { bytes, start, end } = this.buffer.front;
    const position = start + Math.ceil((end - start) * share);
    if (position === start || (lend && (this.lent.length > 0 || !this.isContent))) return;
    const view = bytes.subarray(start, position);
    const expected = Uint8Array.from(view, (_, i) => byteAt(this.#taken + i));
    expect(view.equals(expected), `bytes from ${this.#taken} on are in order`).toBe(true);
    if (lend) this.lent.push({ block: this.buffer.lend(view.length), view, copy: Buffer.from(view) });
    this.buffer.take(position);
    this.#taken += view.length;
    this.check();
  }

  giveBack(): void {
    const lent = this.lent.shift();
    if (lent === undefined) return;
    expect(lent.copy.equals(lent.view), 'lent bytes are as they were').toBe(true);
    this.buffer.returned(lent.block);
    this.check();
  }

  check(): void {
    const space = this.#space;
    if (space === null) return;
    expect(this.buffer.unread).toBe(this.unread);
    expect(space.length).toBeGreaterThan(0);
    const { bytes, start, end } = this.buffer.front;
    expect(overlap(space, bytes.subarray(start, end)), 'reads are clear of unread bytes').toBe(false);
    const mayRead = this.tls || !this.isStopped;
    const hit = mayRead && this.lent.some(({ view }) => overlap(space, view));
    expect(hit, 'reads are clear of lent bytes').toBe(false);
  }

  /** The connection closes, and what is lent comes back. */
  end(): void {
    this.#space = null;
    this.buffer.dispose();
    this.buffer.dispose();
    while (this.lent.length > 0) this.giveBack();
    expect(this.pool.out.size).toBe(0);
  }
}

type Command = fc.Command<object, Simulation>;
const command = (name: string, run: (simulation: Simulation) => void): Command => ({
  check: () => true,
  run: (_, simulation) => run(simulation),
  toString: () => name,
});

const size = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.integer({ min: 1, max: 20_000 }),
  fc.constant(2 ** 20),
);
const share = fc.constantFrom(0.01, 0.5, 1, 1, 1);
const steps = fc.commands<object, Simulation>(
  [
    size.map((n) => command(`read ${n}`, (s) => s.read(n, () => {}))),
    fc
      .tuple(size, share)
      .map(([n, part]) => command(`read ${n}, lend ${part}`, (s) => s.read(n, () => s.take(part, true)))),
    fc.tuple(size, share).map(([n, part]) =>
      command(`read ${n}, lend ${part} and have it back at once`, (s) =>
        s.read(n, () => {
          if (s.lent.length > 0) return;
          s.take(part, true);
          s.giveBack();
        }),
      ),
    ),
    size.map((n) => command(`read ${n}, take`, (s) => s.read(n, () => s.take(1, false)))),
    share.map((part) => command(`lend ${part}`, (s) => s.take(part, true))),
    share.map((part) => command(`take ${part}`, (s) => s.take(part, false))),
    fc.constantFrom(0, 1000).map((ms) =>
      command(`have it back after ${ms}`, (s) => {
        now += ms;
        s.giveBack();
      }),
    ),
    fc.constantFrom(1, 5000, 300_000, Number.POSITIVE_INFINITY).map((expected) =>
      command(`content of ${expected}`, (s) => {
        s.isContent = true;
        s.expected = expected;
      }),
    ),
    fc.constant(
      command('the content is complete', (s) => {
        s.expected = 0;
      }),
    ),
    fc.constant(
      command('the next head', (s) => {
        if (s.unread > 0) return;
        s.isContent = false;
        s.expected = 0;
      }),
    ),
  ],
  { maxCommands: 100 },
);

describe.each([
  ['TCP', false],
  ['TLS', true],
])('over %s', (_, tls) => {
  test('bytes come in order, stay while they are lent, and no block is lost', () => {
    fc.assert(
      fc.property(steps, (commands) => {
        const simulation = new Simulation(tls);
        fc.modelRun(() => ({ model: {}, real: simulation }), commands);
        simulation.end();
      }),
      { seed: 9, numRuns: 300 },
    );
  });
});
