#!/usr/bin/env node
// @ts-check
import path from 'node:path';
import { closeLab, openLab } from './lib/lab.mjs';
import { describeMachine } from './lib/machine.mjs';
import { Bench } from './lib/measure.mjs';
import { olderCommit } from './lib/older-build.mjs';
import { parseOptions, select, usage } from './lib/options.mjs';
import { installPeers } from './lib/packages.mjs';
import { benchFile } from './lib/tools.mjs';
import { judgeBars } from './report/bars.mjs';
import { findObstacles, writeReadme } from './report/publish.mjs';
import { formatTable } from './report/table.mjs';
import { findWarnings } from './report/warnings.mjs';
import { writeReport } from './report/write.mjs';
import { subjects } from './subjects/index.mjs';
import { workloads } from './workloads/index.mjs';

/** @import { Lab, Report, Subject, Workload } from './lib/types.mjs' */

const startedAt = performance.now();

/** @param {string} line */
function log(line) {
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0).padStart(5);
  process.stderr.write(`${seconds}s  ${line}\n`);
}

/**
 * @param {Lab} lab
 * @param {readonly Subject[]} present
 */
async function readVersions(lab, present) {
  /** @type {Record<string, string>} */
  const versions = {};
  for (const subject of present) versions[subject.name] = await subject.version(lab);
  return versions;
}

/**
 * @param {Lab} lab
 * @param {ReturnType<typeof parseOptions>} options
 * @param {Workload[]} chosenWorkloads
 * @param {Subject[]} chosenSubjects
 */
async function runAll(lab, options, chosenWorkloads, chosenSubjects) {
  const missing = chosenSubjects.flatMap((subject) => {
    const reason = subject.missing(lab);
    return reason === undefined ? [] : [{ subject: subject.name, reason }];
  });
  for (const { subject, reason } of missing) log(`not measured: ${subject}: ${reason}`);
  const present = chosenSubjects.filter(({ name }) => !missing.some(({ subject }) => subject === name));
  const scratch = benchFile('.scratch');

  /** @type {Report} */
  const report = {
    schema: 1,
    date: new Date().toISOString(),
    complete: options.complete,
    scale: lab.scale,
    machine: describeMachine(),
    versions: await readVersions(lab, present),
    helpers: lab.helpers,
    missing,
    workloads: [],
    bars: [],
    warnings: [],
  };
  const bench = new Bench(lab, log);
  for (const workload of chosenWorkloads) {
    report.workloads.push(await bench.run(workload, present));
    report.bars = judgeBars(report.workloads);
    report.warnings = findWarnings(report.workloads);
    // A run takes the better part of an hour; what is done must not be lost with what is not.
    await writeReport(scratch, report);
  }
  const publishable = findObstacles(report).length === 0;
  const out = options.out ?? (publishable ? benchFile('results') : scratch);
  await writeReport(path.resolve(out), report);
  log(`written to ${path.relative(process.cwd(), path.resolve(out)) || '.'}`);
  return report;
}

/** @param {Report} report */
async function publish(report) {
  const obstacles = findObstacles(report);
  for (const obstacle of obstacles) log(`not publishable: ${obstacle}`);
  if (obstacles.length > 0) process.exitCode = 1;
  else await writeReadme(report);
}

async function main() {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options.help) return void process.stdout.write(`${usage}\n`);
  if (options.list) {
    const list = (/** @type {readonly { name: string }[]} */ all) => all.map(({ name }) => name).join(', ');
    return void process.stdout.write(`workloads: ${list(workloads)}\nsubjects: ${list(subjects)}\n`);
  }
  if (process.platform !== 'linux') throw new Error('the bench reads /proc: it runs on Linux only');
  const chosenWorkloads = select(workloads, options.only, 'workload');
  const chosenSubjects = select(subjects, options.peers, 'subject');
  if (chosenSubjects.some(({ kind }) => kind === 'node')) await installPeers();

  const wantsGo = chosenSubjects.some(({ name }) => name === 'go');
  const wantsOlder = chosenSubjects.some(({ name }) => name.includes(olderCommit));
  const { sluiceway, node26 } = options;
  const lab = await openLab(options.scale, { sluiceway, node26, wantsGo, wantsOlder });
  try {
    const report = await runAll(lab, options, chosenWorkloads, chosenSubjects);
    process.stdout.write(formatTable(report));
    if (options.publish) await publish(report);
    if (options.enforce && report.bars.some(({ verdict }) => verdict !== 'PASS')) process.exitCode = 1;
  } finally {
    await closeLab(lab);
  }
}

await main().catch((/** @type {unknown} */ error) => {
  process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
