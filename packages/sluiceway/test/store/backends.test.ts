import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import type { CountWindow } from '../../src/limits/store.js';
import type { StoreBackend } from '../../src/store/backend.js';
import { MemoryBackend } from '../../src/store/memory-backend.js';
import { RedisBackend } from '../../src/store/redis-backend.js';
import { type Network, test } from '../support/fixture.js';
import { RedisProcess, scriptServer } from '../support/redis.js';
import { describeWith, requireTool } from '../support/requirements.js';

const redisServer = requireTool('redis-server');
const START = Date.UTC(2026, 0, 30, 23, 59, 58);

/** Both stores with one clock. */
async function startBoth(net: Network) {
  const redis = await RedisProcess.start(net, redisServer);
  const client = await redis.client(net);
  const clock = { now: START };
  let prefix = 0;
  const both = () => {
    prefix += 1;
    clock.now = START;
    const server = scriptServer(client, () => clock.now);
    return {
      memory: new MemoryBackend(() => clock.now),
      shared: new RedisBackend(server, `test${prefix}:`),
    };
  };
  return { client, clock, both };
}

type Step = readonly [passedMs: number, run: (store: StoreBackend) => Promise<unknown>];

const process = fc.constantFrom('a', 'b', 'c');
const key = fc.constantFrom('x', 'y');
const passed = fc.constantFrom(0, 1, 40, 200, 990, 1000, 3000, 6001, 70_000);

const windows = fc.constantFrom<CountWindow>(
  { kind: 'sliding', ms: 1000 },
  { kind: 'sliding', ms: 60_000 },
  { kind: 'fixed', ms: 5000 },
  { kind: 'day' },
  { kind: 'month' },
);
const leases = fc
  .tuple(passed, process, key, fc.constantFrom(0, 1, 2, 3.5), fc.constantFrom(-1, 0, 100_000, 900_000))
  .map(([ms, who, of, weight, demand]): Step => {
    const ask = { key: of, limit: 1_000_000, weight, demand };
    return [ms, (store) => store.lease(who, [ask])];
  });
const slots = fc
  .tuple(passed, process, fc.constantFrom(['x'], ['y'], ['x', 'y']), fc.nat(4))
  .map(([ms, who, keys, action]): Step => {
    const run = (store: StoreBackend): Promise<unknown> => {
      if (action === 0) return store.leave(who, keys);
      if (action === 1)
        return store.hold(who, { slots: keys.map((each, i) => ({ key: each, count: i })), uses: [] });
      return store.enter(
        who,
        keys.map((each, i) => ({ key: each, max: 2 + i })),
      );
    };
    return [ms, run];
  });
const counts = fc
  .tuple(passed, windows, fc.array(fc.tuple(key, fc.nat(4), fc.boolean()), { minLength: 1, maxLength: 2 }))
  .map(([ms, window, all]): Step => {
    const requests = [...new Map(all.map((each) => [each[0], each])).values()].map(([of, add, forced]) => ({
      key: `${of} ${window.kind}`,
      add,
      limit: 6,
      forced,
      window,
    }));
    return [ms, (store) => store.count(requests)];
  });
const links = fc
  .tuple(passed, fc.constantFrom('one', 'two'), fc.constantFrom('p', 'q'), fc.nat(4))
  .map(([ms, client, useId, action]): Step => {
    const use = { id: 'link', useId: `${client} ${useId}`, client, expiresAt: START + 3_600_000 };
    const run = (store: StoreBackend): Promise<unknown> => {
      if (action === 0) return store.endUse(use);
      if (action === 1) return store.succeedUse(use, 5000);
      if (action === 2) return store.hold('a', { slots: [], uses: [use] });
      return store.beginUse(use);
    };
    return [ms, run];
  });

describeWith(redisServer)('the scripts and the store in memory', () => {
  describe.for([
    ['leases', leases],
    ['slots', slots],
    ['counters', counts],
    ['uses of links', links],
  ] as const)('%s', ([, step]) => {
    test('give the same answers to the same questions at the same times [Sluiceway]', async ({ net }) => {
      const { both, clock } = await startBoth(net);
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
          const { memory, shared } = both();
          for (const [ms, run] of steps) {
            clock.now += ms;
            expect(await run(shared)).toEqual(await run(memory));
          }
        }),
        { numRuns: 100 },
      );
    });
  });

  test('know when each month ends, through leap years [Sluiceway]', async ({ net }) => {
    const { both, clock } = await startBoth(net);
    const { memory, shared } = both();
    for (let month = 0; month < 12 * 30; month++) {
      for (const at of [Date.UTC(2000, month, 1), Date.UTC(2000, month + 1, 1) - 1]) {
        clock.now = at;
        const request = {
          key: `m${at}`,
          add: 1,
          limit: 5,
          forced: false,
          window: { kind: 'month' },
        } as const;
        const [{ resetMs } = { resetMs: 0 }] = await shared.count([request]);
        expect(at + resetMs).toBe(Date.UTC(2000, month + 1, 1));
        expect((await memory.count([request]))[0]?.resetMs).toBe(resetMs);
      }
    }
  });

  test('forget everything: no key stays that no process holds [Sluiceway]', async ({ net }) => {
    const { both, client } = await startBoth(net);
    const { memory, shared } = both();
    const use = { id: 'l', useId: 'u', client: 'c', expiresAt: START + 1000 };
    for (const store of [memory, shared]) {
      await store.lease('a', [{ key: 'k', limit: 100, weight: 1, demand: -1 }]);
      await store.lease('a', [{ key: 'k', limit: 100, weight: 0, demand: 0 }]);
      await store.enter('a', [{ key: 'k', max: 1 }]);
      await store.enter('b', [{ key: 'k', max: 1 }]);
      await store.leave('a', ['k']);
      await store.beginUse(use);
      await store.endUse(use);
    }
    expect(memory.size).toBe(0);
    expect(await client.dbSize()).toBe(0);
  });
});
