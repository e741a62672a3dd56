// @ts-check
import { findObstacles } from './publish.mjs';
import { reference } from './reference.mjs';
import { labelOf, medianOf, workloadOf } from './results.mjs';
import { formatRange } from './warnings.mjs';

/** @import { Bar, Column, Report, Result, WorkloadReport } from '../lib/types.mjs' */

/** @param {string[]} texts */
const row = (texts) => `| ${texts.join(' | ')} |`;

/**
 * @param {Column} column
 * @param {Result} result
 */
function formatValue({ key, digits, spread }, { median, min, max, rounds }) {
  const format = (/** @type {number | undefined} */ value) => value?.toFixed(digits) ?? '–';
  const range = spread && rounds.length > 1 ? ` (${format(min[key])}–${format(max[key])})` : '';
  return format(median[key]) + range;
}

/**
 * @param {WorkloadReport} report
 * @param {Result} result
 * @param {Column} column
 */
function cells(report, result, column) {
  if (!column.ratio) return [formatValue(column, result)];
  const nginx = medianOf([report], report.name, 'nginx', column.key);
  const own = result.median[column.key];
  const range = reference[report.name]?.[result.subject];
  return [
    formatValue(column, result),
    nginx && own !== undefined ? (own / nginx).toFixed(2) : '–',
    range ? formatRange(range) : '–',
  ];
}

/** @param {WorkloadReport} report */
function workloadTable(report) {
  const heading = `### ${report.title}\n`;
  if (report.skipped !== undefined) return `${heading}\nSkipped: ${report.skipped}.\n`;
  const { columns, better } = workloadOf(report.name);
  const titles = columns.flatMap(({ title, ratio }) =>
    ratio ? [title, '× nginx', 'reference × nginx'] : [title],
  );
  const lines = report.results.map((result) =>
    result.status === 'ok'
      ? row([labelOf(result), ...columns.flatMap((column) => cells(report, result, column))])
      : row([labelOf(result), `failed: ${result.reason}`, ...titles.slice(1).map(() => '')]),
  );
  return [
    heading,
    `Median of ${report.rounds} ${report.rounds === 1 ? 'round' : 'rounds'}; ${better} is better.\n`,
    row(['', ...titles]),
    row(['---', ...titles.map(() => '--:')]),
    ...lines,
    '',
  ].join('\n');
}

/** @param {readonly Bar[]} bars */
function barTable(bars) {
  return [
    '### Bars\n',
    row(['', 'Limit', 'Measured', '', '']),
    row(['---', '--:', '--:', '---', '---']),
    ...bars.map(({ name, limit, value, verdict, detail }) =>
      row([name, limit, value?.toFixed(2) ?? '–', verdict === 'FAIL' ? '**FAIL**' : verdict, detail]),
    ),
    '',
  ].join('\n');
}

/** @param {Report} report */
export function formatTable(report) {
  const { machine, versions, helpers } = report;
  const obstacles = findObstacles(report);
  return [
    `${report.date.slice(0, 10)}. ${machine['cpu']}, ${machine['cores']} cores, ${machine['system']}, Linux ${machine['kernel']}, Node ${machine['node']}.`,
    `Subjects: ${Object.entries(versions)
      .map((entry) => entry.join(' '))
      .join(', ')}.`,
    `Helpers: ${Object.entries(helpers)
      .map((entry) => entry.join(': '))
      .join(', ')}.`,
    ...(obstacles.length > 0 ? [`**Not for comparison: ${obstacles.join('; ')}.**`] : []),
    ...report.missing.map(({ subject, reason }) => `Not measured: ${subject}: ${reason}.`),
    '',
    ...report.workloads.map(workloadTable),
    barTable(report.bars),
    ...(report.warnings.length > 0
      ? ['### Warnings\n', ...report.warnings.map((line) => `- ${line}`), '']
      : []),
  ].join('\n');
}
