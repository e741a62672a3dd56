import { connect, createServer, type Socket } from 'node:net';
import { beforeEach, expect, vi } from 'vitest';
import { Bandwidth } from '../../src/stream/bandwidth.js';
import { Flow } from '../../src/stream/flow.js';
import { PipePool } from '../../src/zero-copy/pipes.js';
import { Poller } from '../../src/zero-copy/poller.js';
import { SpliceJob, type SpliceTools } from '../../src/zero-copy/splice-job.js';
import { createSystem } from '../../src/zero-copy/system.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { describeWith, requireZeroCopy } from '../support/requirements.js';
import { until } from '../support/until.js';

const zeroCopy = requireZeroCopy();
const CONTENT = seededBytes('spliced', 0, 1024 * 1024);

// Time is that of the test: it passes once each splice waits for the limits, so the load of the machine has no effect.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  return () => vi.useRealTimers();
});

/** Two ends of a TCP connection. Nothing reads the first one. */
async function pair(net: Network): Promise<[near: Socket, far: Socket]> {
  const server = createServer({ pauseOnConnect: true });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const far = connect((server.address() as { port: number }).port, '127.0.0.1');
  const near = await accepted;
  net.cleanup(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return [near, far];
}

/** Shared by all tests: a system is never released. */
let tools: SpliceTools | null = null;

function createTools(): SpliceTools {
  const system = createSystem();
  return { system, poller: new Poller(system), pipes: new PipePool(system, 4) };
}

/** Splices, and the time that passes for them. */
function splices(net: Network) {
  const shared = (tools ??= createTools());
  const { poller } = shared;
  const running: { waitsFor: string }[] = [];

  /** A splice under limits, from a sender of `content` to a receiver that reads everything. */
  const start = async (
    limits: readonly (readonly [Bandwidth, number?])[],
    content: 'endless' | 'none' = 'endless',
  ) => {
    const [source, sender] = await pair(net);
    const [target, receiver] = await pair(net);
    const state = { moved: 0, received: 0, isRight: true, stopped: 0, waitsFor: 'source' };
    receiver.on('data', (bytes: Buffer) => {
      for (let at = 0; at < bytes.length; ) {
        const offset = (state.received + at) % CONTENT.length;
        const part = bytes.subarray(at, at + CONTENT.length - offset);
        state.isRight &&= isSeeded('spliced', offset, part);
        at += part.length;
      }
      state.received += bytes.length;
    });
    const send = (): void => {
      while (!sender.destroyed && sender.write(CONTENT));
    };
    sender.on('drain', send);
    if (content === 'endless') send();
    const flow = new Flow();
    net.cleanup(() => flow.end());
    for (const [limit, weight] of limits) limit.join(flow, weight);
    const from = poller.acquire(source);
    const to = poller.acquire(target);
    if (from === null || to === null) throw new Error('Nothing can be watched');
    const offer = {
      source,
      length: Number.POSITIVE_INFINITY,
      flow: () => flow,
      onMoved: (bytes: number) => void (state.moved += bytes),
      onWait: (what: string) => void (state.waitsFor = what),
      onStopped: () => void (state.stopped += 1),
    };
    const job = new SpliceJob(shared, offer, { socket: target, onBroken: () => {} }, null, from, to);
    net.cleanup(() => job.cancel());
    if (content === 'endless') running.push(state);
    return Object.assign(state, { job, flow, sender, source });
  };

  /** Lets time pass, in steps after which each splice waits for the limits again. */
  const pass = async (ms: number): Promise<void> => {
    const held = (): boolean => running.every(({ waitsFor }) => waitsFor === 'limit');
    for (let passed = 0; passed < ms; passed += 25) {
      await until(held, 'the limits held all splices back');
      vi.advanceTimersByTime(25);
    }
    await until(held, 'the limits held all splices back');
  };
  return { start, pass };
}

const movedBy = (all: readonly { moved: number }[]): number => all.reduce((sum, { moved }) => sum + moved, 0);

describeWith(zeroCopy)('splices under a limit', () => {
  test.for([1, 8, 64])(
    'move what it allows, with %i streams in any two seconds after the first, and every byte is right [Sluiceway]',
    async (count, { net }) => {
      const { start, pass } = splices(net);
      const limit = new Bandwidth(2_000_000);
      const all = await Promise.all(Array.from({ length: count }, () => start([[limit]])));
      await pass(1000);
      const first = all.map(({ moved }) => moved);
      for (let i = 0; i < 3; i += 1) {
        const before = movedBy(all);
        await pass(2000);
        expect(Math.abs(movedBy(all) - before - 4_000_000)).toBeLessThan(200_000);
      }
      const each = 12_000_000 / count;
      for (const [i, { moved }] of all.entries())
        expect(Math.abs(moved - (first[i] ?? 0) - each)).toBeLessThan(each / 10);
      await until(() => all.every(({ moved, received }) => moved === received), 'all bytes had arrived');
      expect(all.every(({ isRight }) => isRight)).toBe(true);
    },
  );

  test('share it by their weights [Sluiceway]', async ({ net }) => {
    const { start, pass } = splices(net);
    const limit = new Bandwidth(1_000_000);
    const [heavy, light] = await Promise.all([start([[limit, 3]]), start([[limit, 1]])]);
    await pass(6000);
    expect(Math.abs(heavy.moved / light.moved - 3)).toBeLessThan(0.15);
  });

  test('obey the strictest of several, and leave the rest of the others to other splices [Sluiceway]', async ({
    net,
  }) => {
    const { start, pass } = splices(net);
    const all = new Bandwidth(1_000_000);
    const [slow, fast] = await Promise.all([start([[all], [new Bandwidth(100_000)]]), start([[all]])]);
    await pass(6000);
    expect(Math.abs(slow.moved - 600_000)).toBeLessThan(60_000);
    expect(Math.abs(fast.moved - 5_400_000)).toBeLessThan(300_000);
  });

  test('obey a limit that changes, begins and ends while they run [Sluiceway]', async ({ net }) => {
    const { start, pass } = splices(net);
    const limit = new Bandwidth(100_000);
    const splice = await start([[limit]]);
    const movedIn = async (ms: number): Promise<number> => {
      const before = splice.moved;
      await pass(ms);
      return splice.moved - before;
    };
    await pass(1000);
    expect(Math.abs((await movedIn(2000)) - 200_000)).toBeLessThan(10_000);
    limit.setRate(1_000_000);
    await pass(1000);
    expect(Math.abs((await movedIn(2000)) - 2_000_000)).toBeLessThan(100_000);
    new Bandwidth(50_000).join(splice.flow);
    await pass(1000);
    // The pieces are those of the larger limit: 20 kB.
    expect(Math.abs((await movedIn(2000)) - 100_000)).toBeLessThan(45_000);
    splice.flow.remove();
    vi.advanceTimersByTime(25);
    await until(() => splice.moved > 20_000_000, 'content passed without a limit');
    const last = new Bandwidth(100_000);
    last.join(splice.flow);
    await pass(1000);
    expect(Math.abs((await movedIn(2000)) - 200_000)).toBeLessThan(10_000);
    await until(() => splice.moved === splice.received, 'all bytes had arrived');
    expect(splice).toMatchObject({ isRight: true, stopped: 0 });
  });

  test('claim nothing while their sources have nothing [Sluiceway]', async ({ net }) => {
    const { start, pass } = splices(net);
    const limit = new Bandwidth(1_000_000);
    const idle = await Promise.all(Array.from({ length: 7 }, () => start([[limit]], 'none')));
    const busy = await start([[limit]]);
    await pass(1000);
    const before = busy.moved;
    await pass(4000);
    expect(busy.moved - before).toBeGreaterThan(3_900_000);
    expect(idle.every(({ moved, waitsFor }) => moved === 0 && waitsFor === 'source')).toBe(true);
  });

  test('can be stopped and cancelled while they wait for it, and no timer is left [Sluiceway]', async ({
    net,
  }) => {
    const { start, pass } = splices(net);
    const limit = new Bandwidth(100_000);
    const [stopped, cancelled] = await Promise.all([start([[limit]]), start([[limit]])]);
    await pass(100);
    expect(vi.getTimerCount()).toBe(1);
    stopped.job.stop();
    cancelled.job.cancel();
    await until(() => stopped.stopped === 1, 'it stopped');
    expect([vi.getTimerCount(), cancelled.stopped]).toEqual([0, 0]);
  });

  test('notice the end of their source, and one that breaks while they wait [Sluiceway]', async ({ net }) => {
    const { start } = splices(net);
    const limit = new Bandwidth(100_000);
    const [ended, broken] = await Promise.all([start([[limit]], 'none'), start([[limit]], 'none')]);
    ended.sender.end(CONTENT.subarray(0, 20_000));
    broken.source.on('error', () => {});
    broken.sender.write(CONTENT);
    await until(() => broken.waitsFor === 'limit', 'the limit held it back');
    broken.sender.resetAndDestroy();
    await until(() => {
      vi.advanceTimersByTime(25);
      return ended.stopped === 1 && broken.source.destroyed;
    }, 'both were over');
    expect([ended.moved, broken.stopped]).toEqual([20_000, 0]);
  });
});
