// @ts-check
import { medianOf, subjectNames } from './results.mjs';

/** @import { Bar, Scale, WorkloadReport } from '../lib/types.mjs' */

const nodePeers = subjectNames(({ kind }) => kind === 'node');
const packagedPeers = subjectNames(({ kind, packaged }) => kind === 'node' && packaged);

/**
 * @typedef {object} Rule
 * @property {string} name
 * @property {string} workload
 * @property {string} key
 * @property {readonly string[]} [peers]  the best of which Sluiceway is divided by; without any, the figure itself counts
 * @property {'most' | 'least'} limits
 * @property {number} limit
 * @property {string} [unit]
 */

/** @type {readonly Rule[]} */
const rules = [
  {
    name: 'Download, CPU against nginx',
    workload: 'download',
    key: 'cpuSecondsPerGB',
    peers: ['nginx'],
    limits: 'most',
    limit: 1.25,
  },
  {
    name: 'Download, CPU against the best Node peer',
    workload: 'download',
    key: 'cpuSecondsPerGB',
    peers: nodePeers,
    limits: 'most',
    limit: 1 / 3,
  },
  {
    name: 'Download from HTTPS, CPU against nginx',
    workload: 'download-https-origin',
    key: 'cpuSecondsPerGB',
    peers: ['nginx'],
    limits: 'most',
    limit: 1.15,
  },
  {
    name: 'Download over HTTPS, CPU against nginx',
    workload: 'download-https-client',
    key: 'cpuSecondsPerGB',
    peers: ['nginx'],
    limits: 'most',
    limit: 1.15,
  },
  {
    name: 'Download over HTTP/2, CPU against nginx',
    workload: 'download-http2-client',
    key: 'cpuSecondsPerGB',
    peers: ['nginx'],
    limits: 'most',
    limit: 1.15,
  },
  {
    name: 'Upload, CPU against the best Node peer',
    workload: 'upload',
    key: 'cpuSecondsPerGB',
    peers: nodePeers,
    limits: 'most',
    limit: 0.85,
  },
  {
    name: 'Small responses against the best packaged Node proxy',
    workload: 'small',
    key: 'requestsPerSecond',
    peers: packagedPeers,
    limits: 'least',
    limit: 1.5,
  },
  {
    name: 'Small responses against undici dispatch',
    workload: 'small',
    key: 'requestsPerSecond',
    peers: ['undici-dispatch'],
    limits: 'least',
    limit: 1,
  },
  {
    name: 'Slow clients, RSS per transfer',
    workload: 'slow-clients',
    key: 'rssKiBPerTransfer',
    limits: 'most',
    limit: 128,
    unit: 'KiB',
  },
  {
    name: 'Stalled client, RSS growth',
    workload: 'stalled-client',
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
function judge({ name, workload, key, peers, limits, limit, unit }, reports) {
  const own = medianOf(reports, workload, 'sluiceway', key);
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
