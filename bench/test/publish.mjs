// @ts-check
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseOptions } from '../lib/options.mjs';
import { summarise } from '../lib/statistics.mjs';
import { findObstacles, formatReadmeSection } from '../report/publish.mjs';

/** @import { Report, Result, WorkloadReport } from '../lib/types.mjs' */

/**
 * @param {string} subject
 * @param {number} value
 * @returns {Result}
 */
function result(subject, value) {
  const rounds = [{ cpuSecondsPerGB: value }];
  return { subject, status: 'ok', rounds, ...summarise(rounds) };
}

/** @returns {Report & { workloads: [WorkloadReport] }} */
const publishable = () => ({
  schema: 1,
  date: '2026-01-31T00:00:00.000Z',
  complete: true,
  scale: parseOptions([]).scale,
  machine: { cpu: 'Example', cores: 2, system: 'Example Linux', kernel: '6.1', node: '20.0.0' },
  versions: {},
  helpers: {},
  missing: [],
  workloads: [
    {
      name: 'download',
      title: 'Download, HTTP to HTTP',
      rounds: 5,
      results: [
        result('sluiceway', 0.4),
        result('sluiceway-node26', 0.3),
        result('nginx', 0.35),
        result('haproxy', 0.2),
      ],
    },
  ],
  bars: [],
  warnings: ['download: the client used more CPU than haproxy'],
});

void test('a complete run of all subjects that nothing disturbed is publishable', () => {
  assert.deepEqual(findObstacles(publishable()), []);
});

void test('a run is not publishable if it is partial, short, disturbed, or has gaps', () => {
  const report = publishable();
  report.complete = false;
  report.scale.rounds = 2;
  report.missing.push({ subject: 'sluiceway-zero-copy', reason: 'no Node 26 was named' });
  report.warnings.push('download: other programs took part of the machine: nginx 20 %');
  report.workloads[0].results.push({ ...result('go', 1), status: 'failed', reason: 'status 502' });
  assert.deepEqual(findObstacles(report), [
    'sluiceway-zero-copy was not measured',
    'the run left something out, or used small sizes',
    'it had fewer than 3 rounds',
    'go failed in download',
    'other programs used the machine meanwhile',
  ]);
});

void test('a skipped workload makes a run not publishable', () => {
  const report = publishable();
  report.workloads[0].skipped = 'wrk not installed';
  assert.deepEqual(findObstacles(report), ['download was skipped']);
});

void test('the section of the README has the measured columns, and names the peers that are ahead of the best build', () => {
  const section = formatReadmeSection(publishable());
  assert.match(section, /\| {2}\| Download \|\n/);
  assert.match(section, /\| Sluiceway, Node 26 \| 0\.30 \|\n/);
  assert.match(section, /\n- Download: HAProxy, splice\n/);
});

void test('the section of the README says so if no peer is ahead', () => {
  const report = publishable();
  report.workloads[0].results.pop();
  assert.match(formatReadmeSection(report), /No peer is ahead/);
});
