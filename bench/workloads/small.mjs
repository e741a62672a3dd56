// @ts-check
import { runCommand } from '../lib/command.mjs';
import { files } from '../lib/lab.mjs';
import { measureCpu } from '../lib/transfer.mjs';

/** @import { Run, Workload } from '../lib/types.mjs' */

const connections = 64;
const unitMs = new Map([
  ['us', 1e-3],
  ['ms', 1],
  ['s', 1e3],
]);

/**
 * @param {Run} run
 * @param {number} seconds
 */
async function load({ lab, url }, seconds) {
  const { stdout } = await runCommand(/** @type {string} */ (lab.tools.get('wrk')), [
    ...['--threads', '1', '--connections', String(connections), '--duration', `${seconds}s`, '--latency'],
    new URL(files.small, url).href,
  ]);
  if (/Non-2xx|Socket errors/.test(stdout)) {
    throw new Error(
      stdout
        .split('\n')
        .find((line) => /Non-2xx|Socket errors/.test(line))
        ?.trim(),
    );
  }
  const latency = /^ +99% +([\d.]+)(us|ms|s)$/m.exec(stdout);
  return {
    requests: Number(/(\d+) requests in/.exec(stdout)?.[1]),
    perSecond: Number(/Requests\/sec: +([\d.]+)/.exec(stdout)?.[1]),
    p99Ms: Number(latency?.[1]) * (unitMs.get(latency?.[2] ?? '') ?? NaN),
  };
}

/** @type {Workload} */
export const small = {
  name: 'small',
  title: `1 KiB responses, ${connections} connections`,
  route: 'plain',
  maxRounds: Infinity,
  needs: ['wrk'],
  better: 'higher',
  columns: [
    { key: 'requestsPerSecond', title: 'Requests/s', digits: 0, spread: true, ratio: true },
    { key: 'p99Ms', title: 'p99, ms', digits: 1 },
    { key: 'cpuMicrosecondsPerRequest', title: 'CPU µs/request', digits: 0 },
  ],
  // One request does not make a JIT compiler do its work, and a busy server has done it.
  warmUp: async (run) => void (await load(run, run.lab.scale.wrkWarmUpSeconds)),
  async measure(run) {
    const { result, proxy, origin, client, otherCpuPercent } = await measureCpu(run, () =>
      load(run, run.lab.scale.wrkSeconds),
    );
    return {
      requestsPerSecond: result.perSecond,
      p99Ms: result.p99Ms,
      cpuMicrosecondsPerRequest: (proxy / result.requests) * 1e6,
      originCpuMicrosecondsPerRequest: (origin / result.requests) * 1e6,
      clientCpuMicrosecondsPerRequest: (client / result.requests) * 1e6,
      otherCpuPercent,
    };
  },
};
