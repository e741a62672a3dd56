// @ts-check
import { runCommand } from '../lib/command.mjs';
import { files } from '../lib/lab.mjs';
import { quantile } from '../lib/statistics.mjs';
import { benchFile } from '../lib/tools.mjs';
import { warmUp } from './transfers.mjs';

/** @import { Workload } from '../lib/types.mjs' */

const discarded = 100;

/** @type {Workload} */
export const firstByte = {
  name: 'first-byte',
  title: 'Time to first byte, 64 KiB responses one after another',
  route: 'plain',
  maxRounds: Infinity,
  needs: [],
  better: 'lower',
  columns: [
    { key: 'p50Ms', title: 'p50, ms', digits: 2, spread: true },
    { key: 'p99Ms', title: 'p99, ms', digits: 2, spread: true },
  ],
  warmUp,
  async measure({ lab, url }) {
    const { stdout } = await runCommand(process.execPath, [
      benchFile('clients/first-byte.mjs'),
      ...[url.port, files.medium, String(lab.scale.firstByteRequests), String(discarded)],
    ]);
    /** @type {number[]} */
    const times = JSON.parse(stdout);
    return { p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) };
  },
};
