import { expect, vi } from 'vitest';
import { BufferPool } from '../../../src/stream/buffer-pool.js';
import { held } from '../../support/aborts.js';
import { loopbackCertificate } from '../../support/certificates.js';
import { Dice } from '../../support/dice.js';
import { type ProxyOptions, type RunningProxy, startProxy } from '../../support/servers.js';
import { until } from '../../support/until.js';
import { drawDownload } from './draw.js';
import { allowed, type Fault } from './fault.js';
import { LabOrigin } from './origin.js';
import { judge } from './verdict.js';

/** Nothing in the laboratory takes longer. */
const HANG_MS = 12_000;

/** How Sluiceway is set up in the laboratory: as it comes, but for limits that nobody wants to wait for. */
const labOptions: Omit<ProxyOptions, 'upstream'> = {
  timeouts: { upstreamIdle: 250 },
  limits: { minRate: 1000 },
};

/** Sluiceway before the origin servers of the laboratory, for many faults and counted downloads. */
export interface Laboratory {
  /**
   * Runs a fault `count` times, each with another draw, and fails unless each time that comes of it which must.
   * `seed` chooses the draws.
   */
  run(fault: Fault, count: number, seed: number): Promise<void>;
  /** Fails unless everything is let go of: transfers, sockets, file descriptors and lent buffers. */
  close(): Promise<void>;
}

export async function openLaboratory(): Promise<Laboratory> {
  const blocks = countBlocks();
  const before = held();
  const escaped: unknown[] = [];
  const onEscape = (error: unknown): void => void escaped.push(error);
  process.on('uncaughtException', onEscape);
  process.on('unhandledRejection', onEscape);

  const certificate = await loopbackCertificate();
  const plain = await LabOrigin.start();
  const secure = await LabOrigin.start(certificate);
  const start = (upstream: ProxyOptions['upstream']): Promise<RunningProxy> =>
    startProxy({ upstream: upstream as string, ...labOptions });
  const lines = {
    plain: { origin: plain, proxy: await start(plain.raw.url) },
    secure: {
      origin: secure,
      proxy: await start({ url: secure.raw.url, tls: { ca: certificate.ca } }),
    },
  };
  const all = Object.values(lines);

  return {
    async run(fault, count, seed) {
      const { origin, proxy } = lines[fault.secure ? 'secure' : 'plain'];
      const wrong: string[] = [];
      const one = async (index: number): Promise<void> => {
        const download = drawDownload(fault.draw, new Dice(seed + index * 7919), index);
        const verdict = await judge(origin, proxy.port, download, HANG_MS);
        if (![...allowed(fault, false), ...allowed(fault, true)].includes(verdict))
          wrong.push(`${verdict}: ${download.told}`);
      };
      await Promise.all(Array.from({ length: count }, (_, index) => one(index)));
      expect(wrong).toEqual([]);
      expect(escaped).toEqual([]);
    },
    async close() {
      for (const { proxy, origin } of all) {
        await until(() => proxy.proxy.active === 0, 'no transfer was left');
        await until(() => proxy.open === 0, 'no socket of a client was left');
        await proxy.proxy.close();
        await until(() => origin.raw.open === 0, 'no connection to an origin server was left');
        await proxy.stop();
        await origin.raw.stop();
      }
      process.off('uncaughtException', onEscape);
      process.off('unhandledRejection', onEscape);
      expect(escaped).toEqual([]);
      await until(
        () => {
          const { sockets, descriptors } = held();
          return sockets <= before.sockets && descriptors <= before.descriptors;
        },
        `sockets and descriptors were back at ${JSON.stringify(before)}`,
      );
      expect(blocks.acquired).toBeGreaterThan(0);
      expect(blocks.released).toBe(blocks.acquired);
    },
  };
}

/** Counts the buffers that all pools of this process hand out and get back. */
function countBlocks(): { acquired: number; released: number } {
  const counts = { acquired: 0, released: 0 };
  const { acquire, release } = BufferPool.prototype;
  vi.spyOn(BufferPool.prototype, 'acquire').mockImplementation(function (this: BufferPool, size) {
    counts.acquired += 1;
    return acquire.call(this, size);
  });
  vi.spyOn(BufferPool.prototype, 'release').mockImplementation(function (this: BufferPool, block) {
    counts.released += 1;
    release.call(this, block);
  });
  return counts;
}
