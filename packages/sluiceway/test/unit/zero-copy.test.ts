import { connect, createServer, type Socket } from 'node:net';
import { expect, vi } from 'vitest';
import type { SpliceGate, SpliceOffer } from '../../src/stream/splice.js';
import { MemoryTrim } from '../../src/zero-copy/memory-trim.js';
import { PipePool } from '../../src/zero-copy/pipes.js';
import { findDescriptor, Poller } from '../../src/zero-copy/poller.js';
import { SpliceJob, type SpliceTools } from '../../src/zero-copy/splice-job.js';
import { createSystem } from '../../src/zero-copy/system.js';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { describeWith, requireZeroCopy } from '../support/requirements.js';
import { until } from '../support/until.js';

const zeroCopy = requireZeroCopy();
const MiB = 1024 * 1024;

/** Two ends of a TCP connection. Nobody reads the first one. */
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

/** What splices share, with so many pipes. */
function toolsWith(maxPipes: number): SpliceTools {
  const system = createSystem();
  return { system, poller: new Poller(system), pipes: new PipePool(system, maxPipes) };
}

/** A splice of one connection into another. `pipes`: how many there are, or what it shares with other splices. */
async function splice(
  net: Network,
  length: number,
  pipes: number | SpliceTools,
  gate: SpliceGate | null = null,
) {
  const tools = typeof pipes === 'number' ? toolsWith(pipes) : pipes;
  const { poller } = tools;
  const [source, sender] = await pair(net);
  const [target, receiver] = await pair(net);
  const told = { moved: 0, stopped: 0, broken: 0, received: '', waitsFor: '' };
  receiver.on('data', (bytes: Buffer) => (told.received += bytes.toString('latin1')));
  receiver.resume();
  const offer: SpliceOffer = {
    source,
    length,
    flow: null,
    onMoved: (bytes) => (told.moved += bytes),
    onWait: (what) => (told.waitsFor = what),
    onStopped: () => (told.stopped += 1),
  };
  const from = poller.acquire(source);
  const to = poller.acquire(target);
  if (from === null || to === null) throw new Error('Nothing can be watched');
  const onBroken = (): void => void (told.broken += 1);
  const job = new SpliceJob(tools, offer, { socket: target, onBroken }, gate, from, to);
  return { job, told, source, sender, target, receiver };
}

describeWith(zeroCopy)('a splice', () => {
  test('can return freed memory to the system, or do without [Sluiceway]', () => {
    expect(() => createSystem().trimMemory()).not.toThrow();
  });

  test('moves as much as was offered, and leaves the rest in the source [Sluiceway]', async ({ net }) => {
    const { told, source, sender } = await splice(net, 5, 1);
    sender.write('all of it');
    await until(() => told.stopped === 1 && told.received.length === 5, 'it stopped');
    expect(told).toMatchObject({ moved: 5, received: 'all o' });
    const rest = new Promise<Buffer>((resolve) => source.once('data', resolve));
    source.resume();
    expect((await rest).toString()).toBe('f it');
  });

  test.for(['target', 'source'] as const)(
    'hands the source back where the system watches no more sockets, not the %s [Sluiceway]',
    async (refused, { net }) => {
      const tools = toolsWith(1);
      const watch = tools.system.watch.bind(tools.system);
      let refusals = refused === 'target' ? 1 : 2;
      tools.system.watch = (descriptor, id, events, isNew) => {
        if (isNew) refusals -= 1;
        return !(isNew && refusals === 0) && watch(descriptor, id, events, isNew);
      };
      const { told, source, sender } = await splice(net, 1000, tools);
      await until(() => told.stopped === 1, 'it stopped');
      expect(refusals).toBe(0);
      const all = new Promise<Buffer>((resolve) => source.once('data', resolve));
      sender.write('copy me');
      source.resume();
      expect((await all).toString()).toBe('copy me');
      expect(told).toMatchObject({ moved: 0, stopped: 1, broken: 0 });
    },
  );

  test('hands the source back where there is no pipe, with nothing taken from it [Sluiceway]', async ({
    net,
  }) => {
    const { told, source, sender } = await splice(net, 1000, 0);
    sender.write('copy me');
    await until(() => told.stopped === 1, 'it stopped');
    expect(told).toMatchObject({ moved: 0, received: '' });
    const all = new Promise<Buffer>((resolve) => source.once('data', resolve));
    source.resume();
    expect((await all).toString()).toBe('copy me');
  });

  test('leaves its pipe if the target takes only a part, and loses nothing [Sluiceway]', async ({ net }) => {
    const tools = toolsWith(1);
    const file = seededBytes('parts', 0, MiB);
    const { told, sender, target } = await splice(net, MiB, tools);
    const descriptor = findDescriptor(target);
    const move = tools.system.splice.bind(tools.system);
    tools.system.splice = (from, to, length) =>
      move(from, to, to === descriptor ? Math.min(length, 1000) : length);
    const readPipe = vi.spyOn(tools.system, 'readPipe');
    sender.write(file);
    await until(() => told.stopped === 1 && told.received.length === MiB, 'all had arrived');
    expect(readPipe).toHaveBeenCalled();
    expect(told.received === file.toString('latin1')).toBe(true);
  });

  test('puts no more than a few hundred kilobytes before a target that does not read [Sluiceway]', async ({
    net,
  }) => {
    const { told, sender, receiver } = await splice(net, Number.POSITIVE_INFINITY, 1);
    receiver.pause();
    sender.write(Buffer.alloc(16 * MiB));
    await until(() => told.waitsFor === 'target', 'it stalled');
    expect(told.moved).toBeGreaterThan(0);
    // The kernel itself takes several megabytes.
    expect(told.moved).toBeLessThan(1.5 * MiB);
  });

  test('does not limit a target that reads fast for longer than it takes to see that [Sluiceway]', async ({
    net,
  }) => {
    const tools = toolsWith(1);
    const limits: number[] = [];
    const limitUnsent = tools.system.limitUnsent.bind(tools.system);
    tools.system.limitUnsent = (descriptor, limit) => {
      limits.push(limit);
      return limitUnsent(descriptor, limit);
    };
    const { told, sender } = await splice(net, Number.POSITIVE_INFINITY, tools);
    expect(limits).toEqual([MiB / 4]);
    sender.write(Buffer.alloc(32 * MiB));
    await until(() => limits.length === 2, 'the limit had ended');
    expect(limits).toEqual([MiB / 4, 0]);
    expect(told.stopped).toBe(0);
  });

  test('hands the source back at its end [Sluiceway]', async ({ net }) => {
    const { told, sender } = await splice(net, 1000, 1);
    sender.end('short');
    await until(() => told.stopped === 1, 'it stopped');
    expect(told).toMatchObject({ moved: 5, broken: 0 });
  });

  test('tells of a target that is gone [Sluiceway]', async ({ net }) => {
    const { told, sender, receiver } = await splice(net, Number.POSITIVE_INFINITY, 1);
    receiver.resetAndDestroy();
    const timer = setInterval(() => sender.write('more'), 5);
    net.cleanup(() => clearInterval(timer));
    await until(() => told.broken === 1, 'it was told');
    expect(told.stopped).toBe(0);
  });

  test('tells nothing more once it is cancelled [Sluiceway]', async ({ net }) => {
    const { job, told, sender } = await splice(net, 1000, 1);
    sender.write('a');
    await until(() => told.received === 'a', 'it began');
    job.cancel();
    sender.end('b');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(told).toMatchObject({ moved: 1, stopped: 0, broken: 0, received: 'a' });
  });

  test('lets pass what its gate says, and stops where it says so [Sluiceway]', async ({ net }) => {
    const heads: string[] = [];
    let taken = 0;
    const gate: SpliceGate = {
      next: (head) => {
        heads.push(Buffer.from(head).toString('latin1', 0, 1));
        return heads.length < 3 ? 4 : 0;
      },
      taken: (bytes) => {
        taken += bytes;
      },
    };
    const { told, sender } = await splice(net, Number.POSITIVE_INFINITY, 1, gate);
    sender.write('abcdefghijkl');
    await until(() => told.stopped === 1 && told.received.length === 8, 'it stopped');
    expect([heads, taken, told.received]).toEqual([['a', 'e', 'i'], 8, 'abcdefgh']);
  });
});

describeWith(zeroCopy)('the pool of pipes', () => {
  test('keeps to its budget, and gives no pipe again that holds bytes [Sluiceway]', () => {
    const pool = new PipePool(createSystem(), 2);
    const [first, second] = [pool.acquire(), pool.acquire()];
    if (first === null || second === null) throw new Error('No pipe');
    expect(pool.acquire()).toBeNull();
    pool.release(first, true);
    expect(pool.acquire()).toBe(first);
    pool.release(second, false);
    const third = pool.acquire();
    expect(third).not.toBeNull();
    expect(third).not.toBe(second);
    expect(pool.acquire()).toBeNull();
  });
});

test('freed memory returns to the system again and again while many sockets are watched [Sluiceway]', () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    let sockets = 99;
    const trimMemory = vi.fn<() => void>();
    const trim = new MemoryTrim({ trimMemory }, () => sockets);
    trim.begin();
    vi.advanceTimersByTime(60_000);
    expect(trimMemory).not.toHaveBeenCalled();
    sockets = 100;
    trim.begin();
    trim.begin();
    vi.advanceTimersByTime(30_000);
    expect(trimMemory).toHaveBeenCalledTimes(3);
    sockets = 99;
    vi.advanceTimersByTime(60_000);
    expect(trimMemory).toHaveBeenCalledTimes(4);
  } finally {
    vi.useRealTimers();
  }
});
