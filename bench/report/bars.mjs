// @ts-check
import { olderCommit } from '../lib/older-build.mjs';
import { medianOf, subjectNames } from './results.mjs';

/** @import { Bar, Scale, WorkloadReport } from '../lib/types.mjs' */

const nodePeers = subjectNames(({ kind }) => kind === 'node');
const packagedPeers = subjectNames(({ kind, packaged }) => kind === 'node' && packaged);

/**
 * @typedef {object} Rule
 * @property {string} name
 * @property {string} workload
 * @property {string} subject
 * @property {string} key
 * @property {readonly string[]} [peers]  the best of which the subject is divided by; without any, the figure itself counts
 * @property {'most' | 'least'} limits
 * @property {number} limit
 * @property {string} [unit]
 */

const older = `sluiceway-${olderCommit}`;
const older26 = `${older}-node26`;
const zeroCopy = 'sluiceway-zero-copy';

/**
 * CPU time for each gigabyte of a workload, as a multiple of the best of the peers'.
 *
 * @param {string} name
 * @param {string} workload
 * @param {string} subject
 * @param {readonly string[]} peers
 * @param {number} limit
 * @returns {Rule}
 */
const cpu = (name, workload, subject, peers, limit) => ({
  name,
  workload,
  subject,
  key: 'cpuSecondsPerGB',
  peers,
  limits: 'most',
  limit,
});

/** @type {readonly Rule[]} */
const rules = [
  cpu('Download, zero copy, CPU against nginx', 'download', zeroCopy, ['nginx'], 0.88),
  cpu('Download, zero copy, CPU against HAProxy', 'download', zeroCopy, ['haproxy'], 0.92),
  cpu('Download, zero copy, CPU against the older build', 'download', zeroCopy, [older26], 0.65),
  cpu('Download, CPU against nginx', 'download', 'sluiceway', ['nginx'], 1.15),
  cpu('Download, CPU against the older build', 'download', 'sluiceway', [older], 0.75),
  cpu('Download, CPU against the best Node peer', 'download', 'sluiceway', nodePeers, 1 / 3),
  cpu('Download, Node 26, CPU against nginx', 'download', 'sluiceway-node26', ['nginx'], 1.15),
  cpu('Download, Node 26, CPU against the older build', 'download', 'sluiceway-node26', [older26], 0.75),
  cpu('Download from HTTPS, CPU against nginx', 'download-https-origin', 'sluiceway', ['nginx'], 1.15),
  cpu('Download over HTTPS, CPU against nginx', 'download-https-client', 'sluiceway', ['nginx'], 1.15),
  cpu('Download over HTTP/2, CPU against nginx', 'download-http2-client', 'sluiceway', ['nginx'], 1.15),
  cpu('Upload, zero copy, CPU against nginx', 'upload', zeroCopy, ['nginx'], 1.15),
  cpu('Upload, zero copy, CPU against the older build', 'upload', zeroCopy, [older26], 0.45),
  cpu('Upload, CPU against the older build', 'upload', 'sluiceway', [older], 0.8),
  cpu('Upload, CPU against the best Node peer', 'upload', 'sluiceway', nodePeers, 0.85),
  cpu('Upload, Node 26, CPU against the older build', 'upload', 'sluiceway-node26', [older26], 0.8),
  cpu('Tunnel, zero copy, CPU against the older build', 'tunnel', zeroCopy, [older26], 0.6),
  {
    name: 'Small responses against the older build',
    workload: 'small',
    subject: 'sluiceway',
    key: 'requestsPerSecond',
    peers: [older],
    limits: 'least',
    limit: 2,
  },
  {
    name: 'Small responses against undici dispatch',
    workload: 'small',
    subject: 'sluiceway',
    key: 'requestsPerSecond',
    peers: ['undici-dispatch'],
    limits: 'least',
    limit: 1.4,
  },
  {
    name: 'Small responses against the best packaged Node proxy',
    workload: 'small',
    subject: 'sluiceway',
    key: 'requestsPerSecond',
    peers: packagedPeers,
    limits: 'least',
    limit: 1.5,
  },
  {
    name: 'Time to first byte, median, against the older build',
    workload: 'first-byte',
    subject: 'sluiceway',
    key: 'p50Ms',
    peers: [older],
    limits: 'most',
    limit: 0.65,
  },
  {
    name: 'Slow clients, zero copy, RSS per transfer',
    workload: 'slow-clients',
    subject: zeroCopy,
    key: 'rssKiBPerTransfer',
    limits: 'most',
    limit: 48,
    unit: 'KiB',
  },
  {
    name: 'Slow clients, RSS per transfer against the older build',
    workload: 'slow-clients',
    subject: 'sluiceway',
    key: 'rssKiBPerTransfer',
    peers: [older],
    limits: 'most',
    limit: 1.1,
  },
  {
    name: 'Stalled client, RSS growth',
    workload: 'stalled-client',
    subject: 'sluiceway',
    key: 'rssGrowthMiB',
    limits: 'most',
    limit: 32,
    unit: 'MiB',
  },
];

/**
 * @param {Rule} rule
 * @param {readonly WorkloadReport[]} reports
 * @returns {Bar}
 */
function judge({ name, workload, subject, key, peers, limits, limit, unit }, reports) {
  const own = medianOf(reports, workload, subject, key);
  const measured = (peers ?? []).flatMap((peer) => {
    const value = medianOf(reports, workload, peer, key);
    return value === undefined ? [] : [{ peer, value }];
  });
  measured.sort((a, b) => (limits === 'most' ? a.value - b.value : b.value - a.value));
  const best = measured[0];
  const value = own === undefined || !peers ? own : best && own / best.value;
  const passes = value !== undefined && (limits === 'most' ? value <= limit : value >= limit);
  const shown = `${Number(limit.toFixed(2))}${unit === undefined ? ' ×' : ` ${unit}`}`;
  return {
    name,
    limit: `${limits === 'most' ? '≤' : '≥'} ${shown}`,
    value,
    verdict: value === undefined ? 'NOT MEASURED' : passes ? 'PASS' : 'FAIL',
    detail:
      own === undefined || !best
        ? ''
        : `${own.toPrecision(3)} against ${best.value.toPrecision(3)} (${best.peer})`,
  };
}

/**
 * @param {readonly WorkloadReport[]} reports
 * @returns {Bar[]}
 */
export const judgeBars = (reports) => rules.map((rule) => judge(rule, reports));
