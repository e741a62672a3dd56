// 100 machines that share one limit of bandwidth, in virtual time, over the real scripts on a real redis-server. The
// machines run the code of the library that leases rates. Prints the error of the shared rate, the commands per second of
// the store, and what happens when a third of the machines dies.
//
//   node bench/simulation/limits.mjs [machines]
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { LeasedRates } from '../../packages/sluiceway/dist/store/leased-rates.js';
import { RedisBackend } from '../../packages/sluiceway/dist/store/redis-backend.js';
import { scripts } from '../../packages/sluiceway/dist/store/scripts.js';

/** @typedef {Awaited<ReturnType<typeof connect>>} Client */
/** @import { ScriptServer } from '../../packages/sluiceway/dist/store/scripts.js' */
/** @typedef {{ weight: number, most: number }} Demand */

const LIMIT = 100_000_000;
const STEP_MS = 25;
const SECONDS = 16;
const DEATH_AT = 8000;
/** Machines differ in clocks by up to this much. No script compares them. */
const SKEW_MS = 5000;

const machines = Number(process.argv[2] ?? 100);
const folder = mkdtempSync(join(tmpdir(), 'sluiceway-simulation-'));
const socket = join(folder, 'redis.sock');
const server = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder], {
  stdio: 'ignore',
});
try {
  while (!existsSync(socket)) await sleep(10);
  const client = await connect(socket);
  console.log(
    `${machines} machines share ${LIMIT / 1e6} MB/s; after ${DEATH_AT / 1000} s, a third of them dies`,
  );
  await simulate(client, 'all want more', () => ({ weight: 1, most: Infinity }));
  await simulate(client, 'weights 1 and 3', (i) => ({ weight: i % 2 === 0 ? 1 : 3, most: Infinity }));
  await simulate(client, 'half of them slow', (i) => ({
    weight: 1,
    most: i % 2 === 0 ? Infinity : LIMIT / machines / 4,
  }));
  await simulate(client, 'transfers come and go', (i, now) => ({
    weight: 1 + ((i * 7 + Math.floor(now / 300)) % 8),
    most: Infinity,
  }));
  client.destroy();
} finally {
  server.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

/**
 * @param {Client} client
 * @param {string} title
 * @param {(machine: number, now: number) => Demand} demandOf
 */
async function simulate(client, title, demandOf) {
  const start = 1_700_000_000_000;
  const key = `simulated ${title}`;
  let now = 0;
  const before = await countCommands(client);
  /** @type {Promise<unknown>[]} */
  let asked = [];
  const fleet = Array.from({ length: machines }, (_, i) => {
    /** @type {ScriptServer} */
    const scriptServer = {
      isCluster: false,
      run: (name, keys, args) =>
        client.eval(scripts[name], { keys: [...keys], arguments: [String(start + now), ...args] }),
      subscribe: () => () => {},
      close: () => Promise.resolve(),
    };
    const backend = new RedisBackend(scriptServer, 'sluiceway:');
    const skew = ((i * 37) % 100) * (SKEW_MS / 100);
    const rates = new LeasedRates(
      (asks) => {
        const answer = backend.lease(`machine ${i}`, asks);
        asked.push(answer);
        return answer;
      },
      () => now + skew,
    );
    return { i, rates, unused: 0, isAlive: true, bytes: 0 };
  });
  /** Bytes per half second. @type {number[]} */
  const halves = [];
  for (; now < SECONDS * 1000; now += STEP_MS) {
    if (now === DEATH_AT) for (const machine of fleet) machine.isAlive = machine.i % 3 !== 0;
    for (const machine of fleet.filter(({ isAlive }) => isAlive)) {
      const { weight, most } = demandOf(machine.i, now);
      const [lease] = await machine.rates.lease([
        { key, bytesPerSecond: LIMIT, burst: 0, want: LIMIT, weight, unused: machine.unused },
      ]);
      const used = Math.min(lease?.bytes ?? 0, (most * STEP_MS) / 1000);
      machine.unused = (lease?.bytes ?? 0) - used;
      machine.bytes += used;
      const half = Math.floor(now / 500);
      halves[half] = (halves[half] ?? 0) + used;
    }
    await Promise.all(asked);
    asked = [];
  }
  const commands = (await countCommands(client)) - before;
  await Promise.all(fleet.map(({ rates }) => rates.close()));
  report(
    title,
    halves,
    commands,
    fleet.map(({ bytes }) => bytes),
  );
}

/**
 * @param {string} title
 * @param {readonly number[]} halves
 * @param {number} commands
 * @param {readonly number[]} bytes
 */
function report(title, halves, commands, bytes) {
  /** The error of each window of 2 seconds that begins between two times. @param {number} from @param {number} to */
  const errorsOf = (from, to) => {
    const errors = [];
    for (let at = from * 2; at + 4 <= to * 2; at += 1) {
      const sum = halves.slice(at, at + 4).reduce((total, each) => total + each, 0);
      errors.push(sum / (2 * LIMIT) - 1);
    }
    return errors;
  };
  const percent = (/** @type {number} */ part) => `${part >= 0 ? '+' : ''}${(part * 100).toFixed(1)} %`;
  const steady = errorsOf(1, DEATH_AT / 1000);
  const death = DEATH_AT / 500;
  const recovered = halves.findIndex((each, i) => i > death && each >= LIMIT * 0.5 * 0.95);
  const after = errorsOf(recovered / 2, SECONDS);
  console.log(`\n${title}`);
  console.log(
    `  error over any 2 s after the first: ${percent(Math.min(...steady))} to ${percent(Math.max(...steady))}`,
  );
  console.log(`  most in any half second: ${percent(Math.max(...halves) / (LIMIT / 2) - 1)}`);
  console.log(
    `  a third dies: ${percent((halves[death] ?? 0) / (LIMIT / 2) - 1)} in the next half second, the limit again after ${(recovered - death) / 2} s, then ${percent(Math.min(...after))} to ${percent(Math.max(...after))}`,
  );
  const perMachine = commands / machines / (DEATH_AT / 1000 + ((SECONDS - DEATH_AT / 1000) * 2) / 3);
  console.log(
    `  commands of the store, those inside of scripts included: ${perMachine.toFixed(1)} per second and machine`,
  );
  const survivors = bytes.filter((_, i) => i % 3 !== 0);
  console.log(
    `  bytes of a machine that lives: ${(Math.min(...survivors) / 1e6).toFixed(1)} to ${(Math.max(...survivors) / 1e6).toFixed(1)} MB`,
  );
}

/** @param {Client} client */
async function countCommands(client) {
  const text = await client.info('commandstats');
  return [...text.matchAll(/cmdstat_(?!info)\S+:calls=(\d+)/g)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
}

/** @param {string} path */
function connect(path) {
  return createClient({ RESP: 2, socket: { path, tls: false } }).connect();
}
