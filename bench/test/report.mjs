// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions } from '../lib/options.mjs';
import { quantile, summarise } from '../lib/statistics.mjs';
import { judgeBars } from '../report/bars.mjs';
import { drawChart } from '../report/chart.mjs';
import { formatTable } from '../report/table.mjs';
import { findWarnings } from '../report/warnings.mjs';

/** @import { Report, Result, WorkloadReport } from '../lib/types.mjs' */

/**
 * @param {string} subject
 * @param {string} key
 * @param {...number} values  one per round
 * @returns {Result}
 */
function result(subject, key, ...values) {
  const rounds = values.map((value) => ({ [key]: value }));
  return { subject, status: 'ok', rounds, ...summarise(rounds) };
}

/** @type {Result} */
const broken = {
  subject: 'go',
  status: 'failed',
  reason: 'status 502',
  rounds: [],
  median: {},
  min: {},
  max: {},
};

/** @param {number} own */
function download(own) {
  const key = 'cpuSecondsPerGB';
  /** @type {WorkloadReport} */
  const report = {
    name: 'download',
    title: 'Download, HTTP to HTTP',
    rounds: 3,
    results: [
      result('sluiceway', key, own, own, own),
      result('nginx', key, 0.3, 0.4, 0.9),
      result('httpxy', key, 2, 2, 2),
      result('undici-dispatch', key, 4, 4, 4),
      broken,
    ],
  };
  return report;
}

/**
 * @param {WorkloadReport[]} workloads
 * @returns {Report}
 */
const reportOf = (workloads) => ({
  schema: 1,
  date: '2026-01-31T00:00:00.000Z',
  complete: true,
  scale: parseOptions([]).scale,
  machine: { cpu: 'Example <CPU>', cores: 2, system: 'Example Linux', kernel: '6.1', node: '20.0.0' },
  versions: { nginx: '1.22.1' },
  helpers: { origin: 'nginx' },
  missing: [],
  workloads,
  bars: judgeBars(workloads),
  warnings: findWarnings(workloads),
});

/** @param {WorkloadReport[]} workloads */
const downloadBars = (workloads) =>
  Object.fromEntries(
    judgeBars(workloads)
      .filter(({ name }) => name.startsWith('Download, CPU'))
      .map(({ name, verdict }) => [name.replace('Download, CPU against ', ''), verdict]),
  );

void test('quantiles are interpolated', () => {
  assert.equal(quantile([3, 1, 2], 0.5), 2);
  assert.equal(quantile([1, 2], 0.5), 1.5);
  assert.throws(() => quantile([], 0.5), RangeError);
});

void test('a bar compares medians with the best peer of its kind', () => {
  const older = 'NOT MEASURED';
  const bars = (/** @type {number} */ own) => downloadBars([download(own)]);
  assert.deepEqual(bars(0.46), {
    nginx: 'PASS',
    'the older build': older,
    'the best Node peer': 'PASS',
  });
  assert.deepEqual(bars(0.47), { nginx: 'FAIL', 'the older build': older, 'the best Node peer': 'PASS' });
  assert.deepEqual(bars(0.7), { nginx: 'FAIL', 'the older build': older, 'the best Node peer': 'FAIL' });
});

void test('each variant of Sluiceway is compared with the older build on the same Node', () => {
  const key = 'cpuSecondsPerGB';
  const report = download(0.5);
  report.results.push(
    result('sluiceway-331716e', key, 0.6),
    result('sluiceway-node26', key, 0.5),
    result('sluiceway-331716e-node26', key, 1),
    result('sluiceway-zero-copy', key, 0.66),
  );
  const verdicts = judgeBars([report]).flatMap(({ name, value, verdict }) =>
    name.startsWith('Download') && name.endsWith('the older build')
      ? [[name, value?.toFixed(2), verdict]]
      : [],
  );
  assert.deepEqual(verdicts, [
    ['Download, zero copy, CPU against the older build', '0.66', 'FAIL'],
    ['Download, CPU against the older build', '0.83', 'FAIL'],
    ['Download, Node 26, CPU against the older build', '0.50', 'PASS'],
  ]);
});

void test('a subject that failed stays in the table, with the reason', () => {
  assert.match(formatTable(reportOf([download(0.5)])), /Go ReverseProxy \| failed: status 502/);
});

void test('a peer far beyond its reference figure is doubted', () => {
  assert.deepEqual(findWarnings([download(0.5)]), [
    'download: undici-dispatch is at 10.00 × nginx, reference 4.4–4.9: check its configuration',
  ]);
});

void test('the chart names and escapes what it shows, best first', () => {
  const chart = drawChart(reportOf([download(0.5)])) ?? '';
  assert.match(chart, /<desc id="desc">[^<]*nginx, buffered 0\.40, Sluiceway 0\.50, httpxy 2\.00/);
  assert.match(chart, /Example &lt;CPU&gt;/);
  assert.equal(drawChart(reportOf([])), undefined);
});
