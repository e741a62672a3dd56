// @ts-check
import { setTimeout as sleep } from 'node:timers/promises';
import { curl } from '../lib/curl.mjs';
import { files } from '../lib/lab.mjs';
import { peakRssBytes, resetPeakRss, rssBytes } from '../lib/process-tree.mjs';
import { readSlowly } from '../lib/readers.mjs';

/** @import { Workload } from '../lib/types.mjs' */

/** @type {Workload} */
export const stalledClient = {
  name: 'stalled-client',
  title: '10 GiB download by a client that reads 64 KiB/s for 20 s, then fast',
  route: 'plain',
  maxRounds: 1,
  needs: [],
  better: 'lower',
  columns: [
    { key: 'rssGrowthMiB', title: 'RSS growth, MiB', digits: 1 },
    { key: 'fastGigabytesPerSecond', title: 'GB/s once fast', digits: 2 },
  ],
  warmUp: async (run) => void (await curl(run, files.medium, {})),
  async measure(run) {
    const { stalledBytes, stalledSeconds } = run.lab.scale;
    await sleep(500);
    const idle = rssBytes(run.program.pid);
    resetPeakRss(run.program.pid);
    const reader = await readSlowly(run, files.stalled, {
      connections: 1,
      seconds: stalledSeconds,
      finish: true,
    });
    if (reader.failed > 0) throw new Error(`the transfer broke after ${reader.totalBytes} bytes`);
    return {
      rssGrowthMiB: (peakRssBytes(run.program.pid) - idle) / 2 ** 20,
      fastGigabytesPerSecond: (stalledBytes - reader.slowBytes) / 1e9 / reader.fastSeconds,
    };
  },
};
