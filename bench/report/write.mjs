// @ts-check
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { drawChart } from './chart.mjs';
import { formatTable } from './table.mjs';

/** @import { Report } from '../lib/types.mjs' */

/**
 * @param {string} directory
 * @param {Report} report
 */
export async function writeReport(directory, report) {
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'latest.json'), `${JSON.stringify(report, undefined, 2)}\n`);
  await writeFile(path.join(directory, 'table.md'), formatTable(report));
  const chart = drawChart(report);
  if (chart !== undefined) await writeFile(path.join(directory, 'chart.svg'), chart);
}
