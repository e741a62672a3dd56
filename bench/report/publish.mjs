// @ts-check
import { readFile, writeFile } from 'node:fs/promises';
import { benchFile } from '../lib/tools.mjs';
import { subjects } from '../subjects/index.mjs';
import { labelOf, medianOf } from './results.mjs';

/** @import { Report } from '../lib/types.mjs' */

/** Fewer rounds than this have no median that a disturbed round does not move. */
const leastRounds = 3;

/**
 * Why the figures of a run must not be published.
 *
 * @param {Report} report
 * @returns {string[]}
 */
export function findObstacles(report) {
  const obstacles = report.missing.map(({ subject }) => `${subject} was not measured`);
  if (!report.complete) obstacles.push('the run left something out, or used small sizes');
  if (report.scale.rounds < leastRounds) obstacles.push(`it had fewer than ${leastRounds} rounds`);
  for (const { name, skipped, results } of report.workloads) {
    if (skipped !== undefined) obstacles.push(`${name} was skipped`);
    for (const { subject, status } of results)
      if (status === 'failed') obstacles.push(`${subject} failed in ${name}`);
  }
  for (const warning of report.warnings)
    if (warning.includes('other programs')) obstacles.push('other programs used the machine meanwhile');
  return [...new Set(obstacles)];
}

/** @type {readonly { title: string, workload: string, key: string, format: (value: number) => string }[]} */
const columns = [
  ...[
    ['Download', 'download'],
    ['from HTTPS', 'download-https-origin'],
    ['over HTTPS', 'download-https-client'],
    ['over HTTP/2', 'download-http2-client'],
    ['Upload', 'upload'],
    ['WebSocket', 'tunnel'],
  ].map(([title = '', workload = '']) => ({
    title,
    workload,
    key: 'cpuSecondsPerGB',
    format: (/** @type {number} */ value) => value.toFixed(2),
  })),
  {
    title: '1 KiB responses/s',
    workload: 'small',
    key: 'requestsPerSecond',
    format: (value) => Number(value.toPrecision(3)).toLocaleString('en'),
  },
  { title: 'first byte, ms', workload: 'first-byte', key: 'p50Ms', format: (value) => value.toFixed(2) },
  {
    title: 'KiB per slow client',
    workload: 'slow-clients',
    key: 'rssKiBPerTransfer',
    format: (value) => value.toFixed(0),
  },
];

/** @param {readonly string[]} cells */
const row = (cells) => `| ${cells.join(' | ')} |`;

/**
 * Where a peer needs less than every measured build of Sluiceway.
 *
 * @param {Report} report
 */
function describeLosses(report) {
  const own = subjects.filter(({ kind }) => kind === 'sluiceway').map(({ name }) => name);
  const losses = columns.flatMap(({ title, workload, key }) => {
    const isHigherBetter = key === 'requestsPerSecond';
    const valueOf = (/** @type {string} */ name) => {
      const value = medianOf(report.workloads, workload, name, key);
      return value === undefined ? [] : [{ name, value: isHigherBetter ? -value : value }];
    };
    const best = Math.min(...own.flatMap(valueOf).map(({ value }) => value));
    const ahead = subjects
      .filter(({ kind }) => kind !== 'sluiceway')
      .flatMap(({ name, label }) => valueOf(name).map(({ value }) => ({ label, value })))
      .filter(({ value }) => value < best)
      .toSorted((a, b) => a.value - b.value);
    return ahead.length === 0 ? [] : [`- ${title}: ${ahead.map(({ label }) => label).join('; ')}`];
  });
  return losses.length === 0
    ? 'No peer is ahead of the best Sluiceway in any column.'
    : ['Peers that are ahead of the best Sluiceway:', '', ...losses].join('\n');
}

/**
 * What the README says about a run.
 *
 * @param {Report} report
 */
export function formatReadmeSection(report) {
  const { machine, scale } = report;
  const measured = columns.filter(({ workload }) => report.workloads.some(({ name }) => name === workload));
  const names = report.workloads.find(({ name }) => name === 'download')?.results ?? [];
  const lines = names.map((result) =>
    row([
      labelOf(result),
      ...measured.map(({ workload, key, format }) => {
        const value = medianOf(report.workloads, workload, result.subject, key);
        return value === undefined ? '–' : format(value);
      }),
    ]),
  );
  return [
    `CPU seconds of the proxy's processes for each GB, and other figures, with one process each: medians of ${scale.rounds}`,
    `rounds with ${scale.bytes / 1e9} GB on ${machine['cores']} cores of ${machine['cpu']}, Node ${machine['node']}.`,
    '[bench/results/table.md](bench/results/table.md) has every figure and its spread; `npm run bench` measures on your',
    'machine, and [bench/README.md](bench/README.md) says how.',
    '',
    row(['', ...measured.map(({ title }) => title)]),
    row(['---', ...measured.map(() => '--:')]),
    ...lines,
    '',
    describeLosses(report),
    '',
    '![CPU seconds for each GB of a download, by proxy](bench/results/chart.svg)',
  ].join('\n');
}

/** @param {Report} report */
export async function writeReadme(report) {
  const file = benchFile('../README.md');
  const readme = await readFile(file, 'utf8');
  const section = /(<!-- bench -->\n)[\s\S]*(<!-- \/bench -->)/;
  if (!section.test(readme)) throw new Error('the README has no section for the bench');
  await writeFile(
    file,
    readme.replace(section, (_, start, end) => `${start}${formatReadmeSection(report)}\n${end}`),
  );
}
