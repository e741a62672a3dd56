// @ts-check
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

const tickSeconds = 1 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    // Processes and threads end between being listed and being read.
    return '';
  }
}

/**
 * Fields of `/proc/<pid>/stat` from the third on; the second may itself hold spaces and parentheses.
 *
 * @param {string | number} pid
 */
function readStat(pid) {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** @param {number} root */
function processTree(root) {
  /** @type {Map<number, number[]>} */
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = Number(readStat(name)[1]);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree;
}

/** @param {number} pid */
function processCpuSeconds(pid) {
  const stat = readStat(pid);
  const ticks = (Number(stat[11]) + Number(stat[12])) * tickSeconds;
  let exact = 0;
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      exact += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] ?? 0) / 1e9;
    }
  } catch {
    return 0;
  }
  // Both count the same time. Ticks are rounded down to 10 ms, but also hold what ended threads used.
  return Math.max(exact, ticks || 0);
}

/**
 * CPU time, user and system, of a process and all its descendants so far.
 *
 * @param {number} root
 */
export function cpuSeconds(root) {
  return processTree(root).reduce((sum, pid) => sum + processCpuSeconds(pid), 0);
}

/** CPU time of the clients that this process has started and that have ended. */
export function endedChildrenCpuSeconds() {
  const stat = readStat('self');
  return (Number(stat[13]) + Number(stat[14])) * tickSeconds;
}

/**
 * @param {number} root
 * @param {'VmRSS' | 'VmHWM'} field
 */
function memoryBytes(root, field) {
  const pattern = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm');
  return processTree(root).reduce((sum, pid) => {
    return sum + Number(pattern.exec(read(`/proc/${pid}/status`))?.[1] ?? 0) * 1024;
  }, 0);
}

/** @param {number} root */
export const rssBytes = (root) => memoryBytes(root, 'VmRSS');

/** @param {number} root */
export const peakRssBytes = (root) => memoryBytes(root, 'VmHWM');

/**
 * Makes the peak start again from what is in use now.
 *
 * @param {number} root
 */
export function resetPeakRss(root) {
  for (const pid of processTree(root)) writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** CPU time that the whole machine has spent at work, including what a hypervisor took away. */
export function machineCpuSeconds() {
  const [user, nice, system, , , irq, softirq, steal] =
    read('/proc/stat').split('\n', 1)[0]?.split(/ +/).slice(1).map(Number) ?? [];
  const ticks = [user, nice, system, irq, softirq, steal].reduce(
    (/** @type {number} */ sum, value) => sum + (value ?? 0),
    0,
  );
  return ticks * tickSeconds;
}
