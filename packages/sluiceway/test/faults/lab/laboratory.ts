import { expect, vi } from 'vitest';
import type { UpstreamOptions } from '../../../src/proxy/options/upstream-options.js';
import { BufferPool, CONTENT_BLOCK_SIZES, HEAD_BLOCK_SIZE } from '../../../src/stream/buffer-pool.js';
import { held } from '../../support/aborts.js';
import { loopbackCertificate, type TestCertificate } from '../../support/certificates.js';
import { Dice } from '../../support/dice.js';
import { type ProxyOptions, type RunningProxy, startProxy } from '../../support/servers.js';
import { until } from '../../support/until.js';
import { drawDownload } from './draw.js';
import { allowed, type Fault, type LineName } from './fault.js';
import { LabOrigin } from './origin.js';
import { judge } from './verdict.js';

/** Nothing in the laboratory takes longer, even on a busy machine. */
const HANG_MS = 30_000;

/** The options of Sluiceway in the laboratory: the defaults, except for limits that would take too long to reach. */
export const labOptions: Omit<ProxyOptions, 'upstream'> = {
  timeouts: { upstreamIdle: 500 },
  limits: { minRate: 1000 },
  resume: { attempts: 3 },
};

/** Sluiceway in front of the origin servers of the laboratory, for many faults and downloads. */
export interface Laboratory {
  /**
   * Runs a fault `counts` times with and without resume, each time with another draw. Returns the downloads with a verdict
   * that is not allowed. `seed` determines the draws.
   */
  run(fault: Fault, counts: Counts, seed: number): Promise<string[]>;
  /** Fails unless everything is released: transfers, sockets, file descriptors and lent buffers. */
  close(): Promise<void>;
}

/** Number of downloads of each fault, with and without resume. */
interface Counts {
  resumed: number;
  plain: number;
}

/** An origin server, with a proxy that resumes and one that does not. */
interface Line {
  origin: LabOrigin;
  resuming: RunningProxy;
  failing: RunningProxy;
}

export async function openLaboratory(): Promise<Laboratory> {
  const blocks = followBlocks();
  const before = held();
  const escaped: unknown[] = [];
  const onEscape = (error: unknown): void => void escaped.push(error);
  process.on('uncaughtException', onEscape);
  process.on('unhandledRejection', onEscape);
  const lines: Record<LineName, Line> = {
    plain: await openLine(),
    secure: await openLine(await loopbackCertificate()),
    mirrored: await openLine(undefined, 2),
  };

  const one = async (fault: Fault, resume: boolean, seed: number, run: number): Promise<string | null> => {
    const { origin, resuming, failing } = lines[fault.line ?? 'plain'];
    const download = drawDownload(fault.draw, new Dice(seed + run * 7919), run);
    const verdict = await judge(origin, (resume ? resuming : failing).port, download, HANG_MS);
    if (allowed(fault, resume).includes(verdict)) return null;
    return `${verdict} ${resume ? 'with' : 'without'} resume: ${download.told}`;
  };

  return {
    async run(fault, counts, seed) {
      const runs = [
        ...Array.from({ length: counts.resumed }, (_, run) => one(fault, true, seed, run)),
        ...Array.from({ length: counts.plain }, (_, run) => one(fault, false, seed, run)),
      ];
      return (await Promise.all(runs)).filter((wrong) => wrong !== null);
    },
    async close() {
      for (const line of Object.values(lines)) await closeLine(line);
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
      expect(blocks.returnedTwice).toEqual([]);
      expect(blocks.out.size).toBe(0);
    },
  };
}

async function openLine(certificate?: TestCertificate, mirrors = 0): Promise<Line> {
  const origin = await LabOrigin.start(certificate, mirrors);
  const upstream = toUpstream(origin, certificate);
  const resuming = await startProxy({ ...labOptions, upstream });
  return { origin, resuming, failing: await startProxy({ ...labOptions, upstream, resume: false }) };
}

/** The origin server of the laboratory as Sluiceway's upstream. */
export function toUpstream({ raw, mirrors }: LabOrigin, certificate?: TestCertificate): UpstreamOptions {
  return {
    url: raw.url,
    mirrors: mirrors.map(({ url }) => url),
    ...(certificate && { tls: { ca: certificate.ca } }),
  };
}

async function closeLine({ origin, resuming, failing }: Line): Promise<void> {
  for (const running of [resuming, failing]) {
    await until(() => running.proxy.active === 0, 'no transfer was left');
    await until(() => running.open === 0, 'no socket of a client was left');
    await running.proxy.close();
  }
  await until(() => origin.open === 0, 'no connection to an origin server was left');
  for (const running of [resuming, failing]) await running.stop();
  await origin.stop();
}

/** Tracks the blocks of all pools of this process, and records the stack of each release of a block that is not lent. */
function followBlocks(): { acquired: number; out: Set<Buffer>; returnedTwice: string[] } {
  const blocks = { acquired: 0, out: new Set<Buffer>(), returnedTwice: [] as string[] };
  const { acquire, release } = BufferPool.prototype;
  vi.spyOn(BufferPool.prototype, 'acquire').mockImplementation(function (this: BufferPool, size) {
    blocks.acquired += 1;
    const block = acquire.call(this, size);
    blocks.out.add(block);
    return block;
  });
  vi.spyOn(BufferPool.prototype, 'release').mockImplementation(function (this: BufferPool, block) {
    // The pool drops blocks of other sizes, which are used for long heads.
    const isPooled = block.length === HEAD_BLOCK_SIZE || CONTENT_BLOCK_SIZES.includes(block.length);
    if (!blocks.out.delete(block) && isPooled)
      blocks.returnedTwice.push(String(new Error('returned twice').stack));
    release.call(this, block);
  });
  return blocks;
}
