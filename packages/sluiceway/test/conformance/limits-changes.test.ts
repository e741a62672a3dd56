import { describe, expect } from 'vitest';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { OriginScript } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { through } from '../support/through.js';
import { until } from '../support/until.js';

type Rules = NonNullable<NonNullable<ProxyOptions['limits']>['rules']>;

/** A proxy whose responses end when the gate opens. */
async function startHeld(net: Network, rules: Rules, options: Partial<ProxyOptions> = {}) {
  const gate = new Gate();
  const script: OriginScript = async (connection) => {
    for (;;) {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab');
      await gate.opened;
      await connection.write('cd');
    }
  };
  const { running } = await through(net, script, { ...options, limits: { rules } });
  const { proxy } = running;
  const send = async (target = '/') => {
    const client = await net.client(running);
    await client.get(target);
    return client;
  };
  /** Starts a transfer that runs until the gate opens. */
  const hold = async (target = '/') => {
    const client = await send(target);
    const head = await client.readHead();
    expect(head.status).toBe(200);
    return { whole: async () => (await client.readContent(head)).complete };
  };
  const statusOf = async (target = '/') => {
    const client = await send(target);
    const { head } = await client.readResponse();
    client.close();
    return head.status;
  };
  const waits = (count: number) =>
    until(
      () => proxy.limits.ruleUsage().reduce((sum, { waiting }) => sum + waiting, 0) === count,
      'they waited',
    );
  return { gate, running, proxy, send, hold, statusOf, waits };
}

const fails: readonly (readonly [string, () => unknown])[] = [
  [
    'throws',
    () => {
      throw new Error('no idea');
    },
  ],
  [
    'throws what is no error',
    () => {
      // oxlint-disable-next-line typescript/only-throw-error -- anything may be thrown
      throw null;
    },
  ],
  ['returns a promise that is rejected', () => Promise.reject(new Error('late'))],
  ['returns NaN', () => Number.NaN],
  ['returns Infinity', () => Number.POSITIVE_INFINITY],
];

describe('a function of a rule that', () => {
  test.for(fails)(
    '%s gets that request 500 with an error in its record, and no other [Sluiceway]',
    async ([, fail], { net }) => {
      const failing = fail as () => never;
      for (const rule of [
        { by: failing, transfers: 9 },
        { weight: failing, download: '1GB' },
      ]) {
        const { gate, running, statusOf, proxy } = await startHeld(net, [
          { ...rule, match: { paths: ['/bad'] } },
        ]);
        gate.open();
        expect(await statusOf('/bad')).toBe(500);
        expect(await running.record()).toMatchObject({ outcome: 'internal', error: 'proxy_internal_error' });
        expect(await statusOf('/good')).toBe(200);
        await until(() => proxy.active === 0, 'all were over');
        expect(proxy.limits.ruleUsage()[0]).toMatchObject({ transfers: 0 });
      }
    },
  );

  test('fails when rules are set ends its running transfer and its waiting request, and no other [Sluiceway]', async ({
    net,
  }) => {
    const queue: Rules[number] = {
      name: 'q',
      transfers: 1,
      queue: { length: 5 },
      match: { paths: ['/q*'] },
    };
    const { gate, proxy, send, hold, waits } = await startHeld(net, [queue]);
    const bad = await hold('/bad');
    const good = await hold('/good');
    const first = await hold('/q1');
    const waiting = await send('/q-bad');
    await waits(1);
    proxy.setLimits([
      queue,
      {
        name: 'failing',
        download: '1GB',
        by: ({ path }) => {
          if (path.endsWith('bad')) throw new Error('no idea');
          return path;
        },
      },
    ]);
    expect((await waiting.readResponse()).head.status).toBe(500);
    expect(await bad.whole()).toBe(false);
    gate.open();
    expect(await good.whole()).toBe(true);
    expect(await first.whole()).toBe(true);
  });
});

describe('rules that are set later', () => {
  test('count running transfers by upstream, whose target has been selected before [Sluiceway]', async ({
    net,
  }) => {
    const { gate, proxy, hold, statusOf } = await startHeld(net, []);
    const running = await hold();
    proxy.setLimits([{ name: 'servers', by: 'upstream', transfers: 1 }]);
    expect(proxy.limits.ruleUsage()).toMatchObject([{ rule: 'servers', transfers: 1, activeKeys: 1 }]);
    expect(await statusOf()).toBe(503);
    gate.open();
    expect(await running.whole()).toBe(true);
    await until(async () => (await statusOf()) === 200, 'the place was free');
  });

  test('count a request once that waits for a decision of the application meanwhile [Sluiceway]', async ({
    net,
  }) => {
    const decided = new Gate();
    let asked = 0;
    const allow = async () => {
      asked += 1;
      await decided.opened;
      return { allowed: true } as const;
    };
    const { gate, proxy, send } = await startHeld(net, [{ name: 'old', transfers: 9 }], { access: allow });
    const client = await send();
    await until(() => asked === 1, 'the decision was asked for');
    proxy.setLimits([
      { name: 'clients', by: 'client', transfers: 9 },
      { name: 'servers', by: 'upstream', transfers: 9 },
    ]);
    decided.open();
    const head = await client.readHead();
    expect(head.status).toBe(200);
    expect(proxy.limits.ruleUsage().map(({ transfers }) => transfers)).toEqual([1, 1]);
    gate.open();
    expect((await client.readContent(head)).complete).toBe(true);
    await until(() => proxy.limits.ruleUsage().every(({ transfers }) => transfers === 0), 'nothing was left');
  });

  test('with fewer transfers than run refuse more until enough have ended, and end none [Sluiceway]', async ({
    net,
  }) => {
    const { gate, proxy, hold, statusOf } = await startHeld(net, [{ name: 'all', transfers: 3 }]);
    const held = [await hold(), await hold(), await hold()];
    proxy.setLimits([{ name: 'all', transfers: 1 }]);
    expect(await statusOf()).toBe(429);
    expect(proxy.limits.ruleUsage()[0]).toMatchObject({ transfers: 3, refused: { transfers: 1 } });
    gate.open();
    for (const each of held) expect(await each.whole()).toBe(true);
    await until(async () => (await statusOf()) === 200, 'there was room again');
  });
});

describe('requests in a queue', () => {
  const queued: Rules[number] = { name: 'q', transfers: 1, queue: { length: 5, timeout: '1h' } };

  test('are admitted when their rule is removed [Sluiceway]', async ({ net }) => {
    const { gate, proxy, send, hold, waits } = await startHeld(net, [queued]);
    await hold();
    const waiting = [await send(), await send()];
    await waits(2);
    proxy.setLimits([]);
    for (const each of waiting) expect((await each.readHead()).status).toBe(200);
    gate.open();
  });

  test('wait for another rule when their rule is removed, and are counted once [Sluiceway]', async ({
    net,
  }) => {
    const { gate, proxy, send, hold, waits } = await startHeld(net, [queued]);
    await hold();
    const waiting = [await send('/1'), await send('/2')];
    await waits(2);
    proxy.setLimits([{ ...queued, name: 'other', transfers: 2 }]);
    // One of the two is the second transfer.
    await waits(1);
    expect(proxy.limits.ruleUsage()).toMatchObject([{ rule: 'other', transfers: 2, waiting: 1 }]);
    gate.open();
    for (const each of waiting) expect((await each.readResponse()).head.status).toBe(200);
    await until(() => proxy.limits.ruleUsage()[0]?.transfers === 0, 'nothing was left');
    expect(proxy.limits.ruleUsage()[0]).toMatchObject({ waiting: 0, waits: 1 });
  });
});
