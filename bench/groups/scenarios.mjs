// @ts-check
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accepting, freePort } from '../lib/program.mjs';
import { quantile } from '../lib/statistics.mjs';
import { download, repeat } from './download.mjs';

/** @import { Subject } from './subjects.mjs' */

/**
 * @typedef {object} Sizes
 * @property {number} requests  small requests of the scenarios `dead` and `weights`
 * @property {number} downloads  of the scenario `restarts`
 * @property {number} size  of each of them
 * @property {number} large  size of those of the scenario `trickle`
 * @property {number} largeDownloads
 * @property {number} rate  bytes per second of one response of a server of the scenario `trickle`
 */

/** A server in a process of its own. */
class Origin {
  /** @type {import('node:child_process').ChildProcess | null} */
  #child = null;
  connections = 0;

  /**
   * @param {number} port
   * @param {string} name
   * @param {string} mode
   * @param {number} rate
   */
  constructor(port, name, mode = 'well', rate = 0) {
    this.port = port;
    this.name = name;
    this.mode = mode;
    this.rate = rate;
  }

  start() {
    const file = path.join(import.meta.dirname, 'origin.mjs');
    const args = [file, String(this.port), this.name, this.mode, String(this.rate)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.on('data', (/** @type {Buffer} */ marks) => (this.connections += marks.length));
    this.#child = child;
  }

  /** Ends it at once, as a crash does. */
  async kill() {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
}

/**
 * @param {readonly string[]} modes  one for each server
 * @param {number} [rate]
 */
async function startOrigins(modes, rate) {
  const origins = [];
  for (const [index, mode] of modes.entries())
    origins.push(new Origin(await freePort(), `s${index}`, mode, rate));
  for (const origin of origins) origin.start();
  await sleep(500);
  return origins;
}

/**
 * @param {Subject} subject
 * @param {string} dir
 * @param {readonly Origin[]} origins
 * @param {(port: number) => Promise<Record<string, string>>} measure
 * @param {readonly number[]} [weights]
 */
async function through(subject, dir, origins, measure, weights = []) {
  const servers = origins.map(({ port }, index) => ({ port, weight: weights[index] ?? 1 }));
  const program = await subject.start(dir, servers);
  try {
    return await measure(program.port);
  } finally {
    await program.stop();
    await Promise.all(origins.map((origin) => origin.kill()));
  }
}

/** @param {number} share */
const percent = (share) => `${(share * 100).toFixed(2)} %`;

/** @param {number} ms */
const milliseconds = (ms) => `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;

/**
 * @param {readonly { isExact: boolean, isWrong: boolean }[]} done
 */
const countsOf = (done) => ({
  'byte-exact': percent(done.filter(({ isExact }) => isExact).length / done.length),
  'visibly broken': String(done.filter(({ isExact, isWrong }) => !isExact && !isWrong).length),
  wrong: String(done.filter(({ isWrong }) => isWrong).length),
});

const AT_A_TIME = 8;
const LIMIT_MS = 30_000;
const SMALL_BYTES = 16_384;

/**
 * Kills one server after the other, and starts each again, so that two are always up, until the signal is aborted. Returns the number of kills.
 *
 * @param {readonly Origin[]} origins
 * @param {AbortSignal} signal
 */
async function killAtRandom(origins, signal) {
  let kills = 0;
  let state = 1;
  while (!signal.aborted) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const origin = origins[(state >>> 16) % origins.length];
    await origin?.kill();
    kills += 1;
    await sleep(200 + ((state >>> 8) % 200));
    origin?.start();
    if (origin !== undefined) await accepting(origin.port);
    await sleep(300 + ((state >>> 12) % 300));
  }
  return kills;
}

/** @type {Readonly<Record<string, { title: string, run(subject: Subject, dir: string, sizes: Sizes): Promise<Record<string, string>> }>>} */
export const scenarios = {
  dead: {
    title: 'One of three servers resets every connection',
    async run(subject, dir, { requests }) {
      const healthy = await through(
        subject,
        dir,
        await startOrigins(['well', 'well', 'well']),
        async (port) => {
          const done = await repeat(requests, AT_A_TIME, () => download(port, SMALL_BYTES, LIMIT_MS));
          return {
            p99: String(
              quantile(
                done.map(({ ms }) => ms),
                0.99,
              ),
            ),
          };
        },
      );
      const origins = await startOrigins(['reset', 'well', 'well']);
      return through(subject, dir, origins, async (port) => {
        const done = await repeat(requests, AT_A_TIME, () => download(port, SMALL_BYTES, LIMIT_MS));
        // The last one may not have been reported yet.
        await sleep(100);
        const p99 = quantile(
          done.map(({ ms }) => ms),
          0.99,
        );
        return {
          'failed GETs': percent(done.filter(({ isExact }) => !isExact).length / done.length),
          'connections to the dead server': `${origins[0]?.connections} (${percent((origins[0]?.connections ?? 0) / requests)})`,
          'added p99': milliseconds(Math.max(0, p99 - Number(healthy['p99']))),
        };
      });
    },
  },
  restarts: {
    title: 'Servers are killed and started again at random',
    async run(subject, dir, { downloads, size }) {
      const origins = await startOrigins(['well', 'well', 'well']);
      return through(subject, dir, origins, async (port) => {
        const stop = new AbortController();
        const killer = killAtRandom(origins, stop.signal);
        const done = await repeat(downloads, AT_A_TIME, () => download(port, size, LIMIT_MS));
        stop.abort();
        const kills = await killer;
        return { kills: String(kills), ...countsOf(done) };
      });
    },
  },
  trickle: {
    title: 'One of three servers trickles',
    async run(subject, dir, { large, largeDownloads, rate }) {
      /** @param {readonly string[]} modes */
      const p99Of = async (modes) =>
        through(subject, dir, await startOrigins(modes, rate), async (port) => {
          // The rates of servers are known from earlier transfers.
          await repeat(3, 3, () => download(port, 2_000_000, 10_000));
          const done = await repeat(largeDownloads, 6, () => download(port, large, LIMIT_MS));
          return {
            p99: String(
              quantile(
                done.map(({ ms }) => ms),
                0.99,
              ),
            ),
            late: String(done.filter(({ isLate }) => isLate).length),
            ...countsOf(done),
          };
        });
      const healthy = await p99Of(['well', 'well', 'well']);
      const { p99, late, ...counts } = await p99Of(['trickle', 'well', 'well']);
      const times = Number(p99) / Number(healthy['p99']);
      return {
        ...counts,
        'p99 of that with three healthy servers': `${late === '0' ? '' : 'more than '}${times.toFixed(2)} ×`,
        [`given up after ${LIMIT_MS / 1000} s`]: String(late),
      };
    },
  },
  weights: {
    title: 'Weights 1:2:4',
    async run(subject, dir, { requests }) {
      if (subject.name === 'caddy') return { shares: 'not in 2.6' };
      const weights = [1, 2, 4];
      return through(
        subject,
        dir,
        await startOrigins(['well', 'well', 'well']),
        async (port) => {
          const done = await repeat(requests, AT_A_TIME, () => download(port, SMALL_BYTES, LIMIT_MS));
          const shares = weights.map(
            (_, index) => done.filter(({ server }) => server === `s${index}`).length / done.length,
          );
          return {
            shares: shares.map((share) => percent(share)).join(', '),
            ideal: weights.map((weight) => percent(weight / 7)).join(', '),
          };
        },
        weights,
      );
    },
  },
};
