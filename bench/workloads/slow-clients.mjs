// @ts-check
import { setTimeout as sleep } from 'node:timers/promises';
import { curl } from '../lib/curl.mjs';
import { files } from '../lib/lab.mjs';
import { openFiles } from '../lib/limits.mjs';
import { cpuSeconds, rssBytes } from '../lib/process-tree.mjs';
import { readSlowly, slowRate } from '../lib/readers.mjs';

/** @import { Run, Workload } from '../lib/types.mjs' */

const sampleMs = 500;

/** @param {Run} run  its largest RSS, and its CPU use, while all clients read */
async function sampleProxy({ lab, program }) {
  const cpuBefore = cpuSeconds(program.pid);
  const startedAt = performance.now();
  let largest = 0;
  while (performance.now() - startedAt < lab.scale.slowSampleSeconds * 1000) {
    await sleep(sampleMs);
    largest = Math.max(largest, rssBytes(program.pid));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return { largest, cpuPercent: ((cpuSeconds(program.pid) - cpuBefore) / seconds) * 100 };
}

/** @type {Workload} */
export const slowClients = {
  name: 'slow-clients',
  title: 'A thousand clients that each read 64 KiB/s',
  route: 'plain',
  maxRounds: 2,
  needs: [],
  better: 'lower',
  columns: [
    { key: 'rssKiBPerTransfer', title: 'RSS per transfer, KiB', digits: 0, spread: true },
    { key: 'idleRssMiB', title: 'Idle RSS, MiB', digits: 0 },
    { key: 'cpuPercent', title: 'CPU, % of a core', digits: 0 },
  ],
  // No larger: memory that a big warm-up took would not count as the transfers'.
  warmUp: async (run) => void (await curl(run, files.medium, {})),
  async measure(run) {
    const { slowClients: count, slowSettleSeconds, slowSampleSeconds } = run.lab.scale;
    if (openFiles < count * 2 + 100) throw new Error(`only ${openFiles} open files are allowed here`);
    await sleep(500);
    const idle = rssBytes(run.program.pid);
    const seconds = slowSettleSeconds + slowSampleSeconds + 1;
    const reading = readSlowly(run, files.large, { connections: count, seconds, finish: false });
    const sampling = sleep(slowSettleSeconds * 1000).then(() => sampleProxy(run));
    const [reader, { largest, cpuPercent }] = await Promise.all([reading, sampling]);
    const received = reader.slowBytes / count / (seconds * slowRate);
    if (reader.failed > 0) throw new Error(`${reader.failed} of ${count} transfers broke`);
    if (received < 0.9) {
      throw new Error(`the clients got only ${(received * 100).toFixed(0)} % of what they could read`);
    }
    return {
      rssKiBPerTransfer: (largest - idle) / count / 1024,
      idleRssMiB: idle / 2 ** 20,
      cpuPercent,
    };
  },
};
