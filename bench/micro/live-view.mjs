#!/usr/bin/env node
// Measures what the live view of running transfers costs: `node bench/micro/live-view.mjs [--transfers <n>] [--seconds <n>]
// [--enforce]`, after `npm run build`, on Linux. 5,000 downloads trickle through the program. Reports the CPU time of the
// server in percent of a core: without an admin listener, with one at which nobody looks, and with a reader of `/api/events`.
// The last value is what the reader adds. Then 20 downloads are aborted by the API, and the time is taken until each client
// sees it.
// @ts-check
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { listen } from '../lib/listen.mjs';
import { quantile } from '../lib/statistics.mjs';

/** Limit for what a reader adds, in percent of a core. */
const MAX_READER = 5;
/** Limit for the 99th percentile of the time from the request to abort to the end at the client. */
const MAX_ABORT_MS = 250;

const { values } = parseArgs({
  options: {
    transfers: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '6' },
    enforce: { type: 'boolean', default: false },
  },
});
const transfers = Number(values.transfers);
const seconds = Number(values.seconds);
const program = fileURLToPath(new URL('../../packages/server/bin/sluiceway.js', import.meta.url));

/** Each response gets 1 KiB a second. */
async function runOrigin() {
  const piece = Buffer.alloc(1024);
  /** @type {Set<import('node:http').ServerResponse>[]} */
  const turns = Array.from({ length: 10 }, () => new Set());
  let turn = 0;
  setInterval(() => {
    for (const response of turns[turn] ?? []) response.write(piece);
    turn = (turn + 1) % turns.length;
  }, 100);
  let count = 0;
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Length': 2 ** 40 });
    response.write(piece);
    const own = turns[count++ % turns.length];
    own?.add(response);
    response.on('close', () => own?.delete(response));
  });
  server.requestTimeout = 0;
  process.send?.(await listen(server));
}

/** Opens the downloads, and tells the paths of those that end, with the time. */
async function runClients() {
  const [url] = /** @type {[string]} */ (await once(process, 'message'));
  const agent = new Agent({ keepAlive: false });
  /** @param {number} i @returns {Promise<void>} */
  const open = (i) =>
    new Promise((resolve) => {
      get(`${url}/file-${i}`, { agent }, (response) => {
        response.on('error', () => {}).on('close', () => process.send?.({ at: Date.now() }));
        response.resume();
        resolve();
      }).on('error', () => resolve());
    });
  for (let i = 0; i < transfers; i += 100)
    await Promise.all(Array.from({ length: Math.min(100, transfers - i) }, (_, j) => open(i + j)));
  process.send?.('open');
}

/** CPU seconds of a process. @param {number} pid */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** Percent of a core. @param {number} pid */
async function measure(pid) {
  const before = cpuSeconds(pid);
  const began = performance.now();
  await sleep(seconds * 1000);
  return (100 * (cpuSeconds(pid) - before)) / ((performance.now() - began) / 1000);
}

/** Reads events until it is aborted. @param {string} admin */
async function watch(admin) {
  let bytes = 0;
  let events = 0;
  const asked = get(`${admin}/api/events`).on('error', () => {});
  const [response] = /** @type {[import('node:http').IncomingMessage]} */ (await once(asked, 'response'));
  response.on('data', (/** @type {Buffer} */ part) => {
    bytes += part.length;
    if (part.includes('event: delta')) events += 1;
  });
  response.on('error', () => {});
  return { stop: () => asked.destroy(), seen: () => ({ bytes, events }) };
}

/** @param {string} url @returns {Promise<any>} */
const readJson = async (url) => (await fetch(url)).json();

/**
 * Starts the program with all downloads. @param {string} originUrl @param {boolean} hasAdmin
 * @param {(running: { pid: number, admin: string, clients: import('node:child_process').ChildProcess }) => Promise<void>} run
 */
async function withProgram(originUrl, hasAdmin, run) {
  const folder = mkdtempSync(join(tmpdir(), 'live-view-'));
  const file = join(folder, 'sluiceway.yaml');
  const config = {
    listeners: [{ address: '127.0.0.1:0' }],
    ...(hasAdmin && { admin: { address: '127.0.0.1:0' } }),
    log: { format: 'none' },
    routes: [{ proxy: { upstream: originUrl } }],
  };
  writeFileSync(file, JSON.stringify(config));
  const server = spawn(process.execPath, [program, 'serve', '--config', file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const clients = fork(fileURLToPath(import.meta.url), ['--transfers', String(transfers)], {
    env: { ...process.env, ROLE: 'clients' },
  });
  try {
    let output = '';
    server.stdout.on('data', (part) => (output += part));
    const last = hasAdmin ? 'admin listener on' : 'listening on';
    while (!output.includes(last)) await sleep(20);
    const [, url = ''] = /listening on (http:[^\s,]+)/.exec(output) ?? [];
    const [, admin = ''] = /admin listener on (http:\S+)/.exec(output) ?? [];
    clients.send(url);
    await once(clients, 'message');
    await sleep(2000);
    await run({ pid: server.pid ?? 0, admin, clients });
  } finally {
    clients.kill('SIGKILL');
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The times of 20 aborts in milliseconds. @param {string} admin @param {import('node:child_process').ChildProcess} clients */
async function measureAborts(admin, clients) {
  const { transfers: some } = await readJson(`${admin}/api/transfers?limit=20`);
  /** @type {number[]} */
  const times = [];
  for (const { id } of some) {
    const ended = once(clients, 'message');
    const began = Date.now();
    request(`${admin}/api/transfers/${id}/abort`, { method: 'POST' }, (response) => response.resume())
      .on('error', () => {})
      .end();
    const [{ at }] = await ended;
    times.push(at - began);
  }
  return times;
}

async function main() {
  const origin = fork(fileURLToPath(import.meta.url), [], { env: { ...process.env, ROLE: 'origin' } });
  const [originUrl] = /** @type {[string]} */ (await once(origin, 'message'));
  const percent = (/** @type {number} */ value) => `${value.toFixed(2)} %`;
  let isTooMuch = false;
  try {
    await withProgram(originUrl, false, async ({ pid }) => {
      console.log(`${transfers} transfers, no admin listener: ${percent(await measure(pid))} of a core`);
    });
    await withProgram(originUrl, true, async ({ pid, admin, clients }) => {
      const added = [];
      for (let round = 0; round < 2; round += 1) {
        const idle = await measure(pid);
        const reader = await watch(admin);
        await sleep(1000);
        const before = reader.seen();
        const busy = await measure(pid);
        const after = reader.seen();
        reader.stop();
        added.push(busy - idle);
        console.log(
          `nobody looks: ${percent(idle)}; one reader: ${percent(busy)}, ${((after.bytes - before.bytes) / seconds / 1e6).toFixed(2)} MB/s, ${((after.events - before.events) / seconds).toFixed(1)} deltas/s`,
        );
        await sleep(1000);
      }
      const times = await measureAborts(admin, clients);
      const least = Math.min(...added);
      const worst = quantile(times, 0.99);
      console.log(
        `a reader adds ${percent(least)}; aborts take ${quantile(times, 0.5)} ms, at most ${worst} ms`,
      );
      isTooMuch = least > MAX_READER || worst > MAX_ABORT_MS;
    });
  } finally {
    origin.kill('SIGKILL');
  }
  if (values.enforce && isTooMuch) process.exitCode = 1;
}

const { ROLE } = process.env;
await (ROLE === 'origin' ? runOrigin() : ROLE === 'clients' ? runClients() : main());
