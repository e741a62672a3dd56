import { afterEach, describe, expect, test, vi } from 'vitest';
import { LookupProcess } from '../../src/net/lookup-process.js';
import type { ResolvedAddress } from '../../src/net/resolver.js';
import { BoundedLookup } from '../../src/net/system-lookup.js';
import { until } from '../support/until.js';

/** Lookups that end when the test says so. */
class Lookups {
  readonly isPossible: boolean;
  readonly names: string[] = [];
  readonly #ends: (() => void)[] = [];

  constructor(isPossible = true) {
    this.isPossible = isPossible;
  }

  readonly lookup = (name: string): Promise<ResolvedAddress[]> => {
    this.names.push(name);
    return new Promise((resolve) => this.#ends.push(() => resolve([{ address: '192.0.2.1', family: 4 }])));
  };

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}

afterEach(() => void vi.useRealTimers());

describe('lookups by the operating system', () => {
  test('take one thread of this process, and the others go to a process of their own [Sluiceway]', () => {
    const [here, there] = [new Lookups(), new Lookups()];
    const bounded = new BoundedLookup(here.lookup, there);
    for (let i = 0; i < 4; i += 1) void bounded.lookup(`n${i}`, `client ${i}`);
    expect(here.names).toEqual(['n0']);
    expect(there.names).toEqual(['n1', 'n2', 'n3']);
  });

  test('of one client are sixteen at a time, so that it does not stop those of others [Sluiceway]', async () => {
    const [here, there] = [new Lookups(), new Lookups()];
    const bounded = new BoundedLookup(here.lookup, there);
    const all = Array.from({ length: 200 }, (_, i) => bounded.lookup(`n${i}`, 'greedy'));
    expect(here.names.length + there.names.length).toBe(16);
    const other = bounded.lookup('wanted', 'other');
    expect(there.names).toContain('wanted');
    there.end();
    expect(await other).toHaveLength(1);
    await until(() => there.names.length === 31, 'the next of the greedy client had their turn');
    while (here.names.length + there.names.length < 201) {
      here.end();
      there.end();
      await new Promise(setImmediate);
    }
    here.end();
    there.end();
    await Promise.all(all);
  });

  test('are 65 at a time in all; others wait, and end in ETIMEOUT when they have waited too long [Sluiceway]', async () => {
    vi.useFakeTimers();
    const [here, there] = [new Lookups(), new Lookups()];
    const bounded = new BoundedLookup(here.lookup, there);
    for (let i = 0; i < 65; i += 1) void bounded.lookup(`n${i}`, `client ${i}`);
    const late = bounded.lookup('late', 'late').catch((error: unknown) => error);
    expect(here.names.length + there.names.length).toBe(65);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await late).toMatchObject({ code: 'ETIMEOUT' });
  });

  test('take as many threads as libuv gives where no process can be started [Node]', async () => {
    const [here, there] = [new Lookups(), new Lookups(false)];
    const bounded = new BoundedLookup(here.lookup, there);
    const all = ['a', 'b', 'c'].map((name) => bounded.lookup(name, name));
    expect(here.names).toEqual(['a', 'b']);
    here.end();
    await until(() => here.names.length === 3, 'the other had its turn');
    here.end();
    await Promise.all(all);
    expect(there.names).toEqual([]);
  });

  test('of one name by several clients are one [Sluiceway]', async () => {
    const [here, there] = [new Lookups(), new Lookups()];
    const bounded = new BoundedLookup(here.lookup, there);
    const all = ['x', 'y', 'x'].map((client) => bounded.lookup('a', client));
    expect(here.names).toEqual(['a']);
    here.end();
    expect(await Promise.all(all)).toHaveLength(3);
    const again = bounded.lookup('a', 'x');
    here.end();
    expect(await again).toHaveLength(1);
    expect([here.names, there.names]).toEqual([['a', 'a'], []]);
  });

  test('that another process was at when it ended are done in this one [Sluiceway]', async () => {
    const there = {
      isPossible: true,
      lookup(): Promise<ResolvedAddress[]> {
        this.isPossible = false;
        return Promise.reject(new Error('gone'));
      },
    };
    const here = new Lookups();
    const bounded = new BoundedLookup(here.lookup, there);
    const all = ['a', 'b', 'c'].map((name) => bounded.lookup(name, name));
    await until(() => here.names.length === 2, 'another took a thread');
    here.end();
    await until(() => here.names.length === 3, 'the last had its turn');
    here.end();
    expect(await Promise.all(all)).toHaveLength(3);
  });
});

describe('the process for lookups', () => {
  test('finds names while every lookup of this process is held up [Sluiceway]', async () => {
    const there = new LookupProcess(4);
    const bounded = new BoundedLookup(new Lookups().lookup, there);
    void bounded.lookup('silent', 'x');
    const addresses = await bounded.lookup('localhost', 'y');
    expect(['127.0.0.1', '::1']).toContain(addresses[0]?.address);
    await expect(bounded.lookup('no such name', 'y')).rejects.toMatchObject({
      code: expect.stringMatching(/^E/) as string,
    });
    process.kill(there.pid as number, 'SIGKILL');
    await until(() => there.pid === undefined, 'its end was noticed');
    expect(there.isPossible).toBe(true);
    expect(await bounded.lookup('localhost', 'y')).not.toHaveLength(0);
    process.kill(there.pid as number, 'SIGKILL');
    await until(() => there.pid === undefined, 'its end was noticed');
  });

  test('that is killed fails what it was at, which may be tried again [Sluiceway]', async () => {
    const there = new LookupProcess(1);
    const pending = there.lookup('localhost');
    process.kill(there.pid as number, 'SIGKILL');
    await expect(pending).rejects.toMatchObject({ code: 'EAI_AGAIN' });
    expect(there.isPossible).toBe(false);
  });
});
