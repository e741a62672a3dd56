// @ts-check
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { originOf } from './lab.mjs';
import { cpuSeconds, endedChildrenCpuSeconds, machineCpuSeconds, peakRssBytes } from './process-tree.mjs';

/** @import { Run, Sample } from './types.mjs' */

/**
 * CPU time of proxy, origin server and client while `work` runs, and the share of the machine that went to
 * anything else.
 *
 * @template T
 * @param {Run} run
 * @param {() => Promise<T>} work
 */
export async function measureCpu({ lab, program, wiring }, work) {
  const origin = originOf(lab, wiring.route).pid;
  const read = () => ({
    proxy: cpuSeconds(program.pid),
    origin: cpuSeconds(origin),
    client: endedChildrenCpuSeconds(),
    machine: machineCpuSeconds(),
    time: performance.now() / 1000,
  });
  const before = read();
  const result = await work();
  // What the proxy still does after the last byte is its work as well.
  await sleep(50);
  const after = read();
  const used = {
    proxy: after.proxy - before.proxy,
    origin: after.origin - before.origin,
    client: after.client - before.client,
  };
  const other = after.machine - before.machine - used.proxy - used.origin - used.client;
  const available = (after.time - before.time) * os.cpus().length;
  return { result, ...used, otherCpuPercent: Math.max(0, (other / available) * 100) };
}

/**
 * @param {Run} run
 * @param {number} bytes  that have to arrive
 * @param {() => Promise<{ bytes: number, seconds: number }>} transfer
 * @returns {Promise<Sample>}
 */
export async function measureTransfer(run, bytes, transfer) {
  const { result, proxy, origin, client, otherCpuPercent } = await measureCpu(run, transfer);
  if (result.bytes !== bytes) throw new Error(`${result.bytes} bytes arrived instead of ${bytes}`);
  const gigabytes = bytes / 1e9;
  return {
    cpuSecondsPerGB: proxy / gigabytes,
    gigabytesPerSecond: gigabytes / result.seconds,
    peakRssMiB: peakRssBytes(run.program.pid) / 2 ** 20,
    originCpuSecondsPerGB: origin / gigabytes,
    clientCpuSecondsPerGB: client / gigabytes,
    otherCpuPercent,
  };
}
