// @ts-check
import { isDoubtful, reference } from './reference.mjs';
import { medianOf, workloadOf } from './results.mjs';

/** @import { WorkloadReport } from '../lib/types.mjs' */

/** @param {WorkloadReport} report */
function doubtfulPeers(report) {
  const { columns, better } = workloadOf(report.name);
  const key = columns.find(({ ratio }) => ratio)?.key;
  const nginx = key && medianOf([report], report.name, 'nginx', key);
  if (!key || !nginx) return [];
  return report.results.flatMap(({ subject, median }) => {
    const range = reference[report.name]?.[subject];
    const value = median[key];
    if (!range || value === undefined || !isDoubtful(value / nginx, range, better)) return [];
    const ratio = (value / nginx).toFixed(2);
    return [
      `${report.name}: ${subject} is at ${ratio} × nginx, reference ${formatRange(range)}: check its configuration`,
    ];
  });
}

/**
 * Origin server and client share the cores with the proxy; where they need more than it does, they set its pace.
 *
 * @param {WorkloadReport} report
 */
function dearHelpers(report) {
  return ['origin', 'client'].flatMap((helper) => {
    const overtaken = report.results.filter(({ median }) => {
      const own = median['cpuSecondsPerGB'];
      return own !== undefined && (median[`${helper}CpuSecondsPerGB`] ?? 0) > own;
    });
    if (overtaken.length === 0) return [];
    return [
      `${report.name}: the ${helper} used more CPU than ${overtaken.map(({ subject }) => subject).join(', ')}`,
    ];
  });
}

/** More of the machine than this must not go to strangers. */
const otherCpuPercentLimit = 10;

/**
 * Whoever shares the cores decides the result, most of all where a proxy has to keep up with a load.
 *
 * @param {WorkloadReport} report
 */
function disturbances(report) {
  const disturbed = report.results.filter(
    ({ median }) => (median['otherCpuPercent'] ?? 0) > otherCpuPercentLimit,
  );
  if (disturbed.length === 0) return [];
  const shares = disturbed.map(
    ({ subject, median }) => `${subject} ${median['otherCpuPercent']?.toFixed(0)} %`,
  );
  return [`${report.name}: other programs took part of the machine: ${shares.join(', ')}`];
}

/** @param {readonly [number, number]} range */
export const formatRange = ([low, high]) => (low === high ? `${low}` : `${low}–${high}`);

/** @param {readonly WorkloadReport[]} reports */
export const findWarnings = (reports) =>
  reports.flatMap((report) => [...doubtfulPeers(report), ...dearHelpers(report), ...disturbances(report)]);
