// @ts-check
import { parseArgs } from 'node:util';

/** @import { Scale } from './types.mjs' */

export const usage = `Usage: npm run bench -- [options]

  --only <names>      workloads to run, separated by commas
  --peers <names>     subjects to run, separated by commas (sluiceway is one of them)
  --rounds <n>        rounds per workload (default 5)
  --size <size>       of one large transfer, such as 500MB or 2GiB (default 2GB)
  --quick             small sizes and two rounds: to try the bench out, not to quote
  --sluiceway <path>  another build of the program to measure
  --node26 <path>     a Node 26 to run Sluiceway with as well (default: $SLUICEWAY_BENCH_NODE26)
  --out <directory>   where to write the reports
  --enforce           exit with 1 if a bar is missed or was not measured
  --publish           put the result into the README, if the run is publishable; otherwise exit with 1
  --list              print the workloads and subjects, and stop
  --help`;

const units = new Map([
  ['B', 1],
  ['KB', 1e3],
  ['MB', 1e6],
  ['GB', 1e9],
  ['KIB', 2 ** 10],
  ['MIB', 2 ** 20],
  ['GIB', 2 ** 30],
]);

/** @param {string} text */
export function parseSize(text) {
  const match = /^(\d+(?:\.\d+)?)\s*([KMG]I?B|B)?$/i.exec(text);
  const unit = units.get((match?.[2] ?? 'B').toUpperCase());
  if (!match || unit === undefined) throw new Error(`not a size: ${text}`);
  return Math.round(Number(match[1]) * unit);
}

/** @param {string} text */
function parseRounds(text) {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error(`not a number of rounds: ${text}`);
  return rounds;
}

/** @param {string | undefined} text */
const parseNames = (text) => text?.split(',').map((name) => name.trim());

/** @type {Scale} */
const fullScale = {
  bytes: 2e9,
  warmUpBytes: 250e6,
  rounds: 5,
  wrkSeconds: 5,
  wrkWarmUpSeconds: 3,
  firstByteRequests: 200,
  slowClients: 1000,
  slowSettleSeconds: 20,
  slowSampleSeconds: 10,
  stalledBytes: 10 * 2 ** 30,
  stalledSeconds: 20,
};

/** @type {Scale} */
const quickScale = {
  bytes: 300e6,
  warmUpBytes: 50e6,
  rounds: 2,
  wrkSeconds: 2,
  wrkWarmUpSeconds: 1,
  firstByteRequests: 100,
  slowClients: 200,
  slowSettleSeconds: 4,
  slowSampleSeconds: 3,
  stalledBytes: 2 ** 30,
  stalledSeconds: 4,
};

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 */
export function parseOptions(args, env = {}) {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string' },
      peers: { type: 'string' },
      rounds: { type: 'string' },
      size: { type: 'string' },
      quick: { type: 'boolean', default: false },
      sluiceway: { type: 'string' },
      node26: { type: 'string' },
      out: { type: 'string' },
      enforce: { type: 'boolean', default: false },
      publish: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const scale = { ...(values.quick ? quickScale : fullScale) };
  if (values.size !== undefined) scale.bytes = parseSize(values.size);
  if (values.rounds !== undefined) scale.rounds = parseRounds(values.rounds);
  return {
    only: parseNames(values.only),
    peers: parseNames(values.peers),
    scale,
    // Only such a run may replace the published figures.
    complete:
      !values.quick &&
      values.only === undefined &&
      values.peers === undefined &&
      scale.bytes >= fullScale.bytes,
    sluiceway: values.sluiceway,
    node26: values.node26 ?? env['SLUICEWAY_BENCH_NODE26'],
    out: values.out,
    enforce: values.enforce,
    publish: values.publish,
    list: values.list,
    help: values.help,
  };
}

/**
 * @template {{ name: string }} T
 * @param {readonly T[]} all
 * @param {readonly string[] | undefined} names
 * @param {string} what
 */
export function select(all, names, what) {
  if (!names) return [...all];
  const unknown = names.filter((name) => !all.some((one) => one.name === name));
  if (unknown.length > 0) {
    throw new Error(
      `no such ${what}: ${unknown.join(', ')} (known: ${all.map((one) => one.name).join(', ')})`,
    );
  }
  return all.filter((one) => names.includes(one.name));
}
