#!/usr/bin/env node
// Measures the rules of `limits.rules`: `node bench/micro/limits.mjs [--only <names>] [--enforce] [--zero-copy]`, after
// `npm run build`. Zero copy needs Node 26.7 or newer.
//
// - rate: how far the sum of 1, 8 and 64 streams of one client is from the limit, over any 2 s after the first second.
// - weights: how far the shares of streams with the weights 3 and 1 are from 3 to 1.
// - newcomer: what the 32nd stream gets from half a second after its start on, of its share.
// - cost: CPU time for each GB with a limit that is not reached, relative to no limit, and with one that is, relative to an
//   origin server that sends no faster. The difference of two runs without a limit shows what the machine adds by itself.
// - memory: heap for 10,000 keys.
//
// The proxy runs in this process, the origin server and the clients in another one.
// @ts-check
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, get } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { attach, createProxy } from 'sluiceway';
import { listen } from '../lib/listen.mjs';
import { quantile } from '../lib/statistics.mjs';

const MB = 1_000_000;
const LIMIT = 20 * MB;
/** How often the clients report what they have read. */
const SAMPLE_MS = 50;
/** How often an origin server that is no faster than a limit sends. */
const PACE_MS = 25;
const sum = (/** @type {number[]} */ numbers) => numbers.reduce((total, each) => total + each, 0);
const percent = (/** @type {number} */ part) => `${(part * 100).toFixed(1)} %`;
const block = Buffer.alloc(1 << 20);
const zeroCopy = process.argv.includes('--zero-copy');
/** Content that does not end. Only content of known length is spliced. */
const ENDLESS = '/?bytes=1000000000000';

/** @import { ChildProcess } from 'node:child_process' */
/** @import { ReverseProxy } from 'sluiceway' */
/** @typedef {{ port: number, http2: boolean, streams: number, ms: number, paths?: string[], bytes?: number, pace?: number, startAfterMs?: number }} Job */

if (process.send === undefined) await main();
else await serve();

/** The other process: an origin server, and clients on demand. */
async function serve() {
  const origin = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://origin');
    const wanted = Number(searchParams.get('bytes') ?? Infinity);
    const pace = Number(searchParams.get('pace') ?? Infinity);
    const start = performance.now();
    let left = wanted;
    if (Number.isFinite(wanted)) response.setHeader('Content-Length', wanted);
    const write = () => {
      while (left > 0 && !response.destroyed) {
        const passed = performance.now() - start;
        const due = ((Math.floor(passed / PACE_MS) + 1) * PACE_MS * pace) / 1000;
        if (wanted - left >= due) return void setTimeout(write, PACE_MS - (passed % PACE_MS));
        const piece = block.subarray(0, Math.min(block.length, left));
        left -= piece.length;
        if (!response.write(piece)) return void response.once('drain', write);
      }
      response.end();
    };
    write();
  });
  process.send?.({ url: await listen(origin) });
  process.on('message', (/** @type {Job} */ job) => {
    void read(job).then((samples) => process.send?.(samples));
  });
  process.on('disconnect', () => process.exit());
}

/**
 * Reads streams, and returns the bytes of each by sample.
 *
 * @param {Job} job
 */
async function read({ port, http2, streams, ms, paths = ['/'], bytes, pace, startAfterMs = 0 }) {
  const counts = Array.from({ length: streams }, () => 0);
  const session = http2
    ? connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 1 << 20 } })
    : null;
  session?.once('connect', () => session.setLocalWindowSize(1 << 24));
  /** @type {(() => void)[]} */
  const stops = [];
  /** @type {Promise<unknown>[]} */
  const ends = [];
  /** @param {number} index */
  const open = (index) => {
    const query = new URLSearchParams();
    if (bytes !== undefined) query.set('bytes', String(bytes));
    if (pace !== undefined) query.set('pace', String(pace));
    const path = `${paths[index % paths.length]}${query.size === 0 ? '' : `?${query.toString()}`}`;
    /** @param {Buffer} chunk */
    const count = (chunk) => void (counts[index] = (counts[index] ?? 0) + chunk.length);
    if (session !== null) {
      const stream = session.request({ ':path': path });
      stream.on('data', count).on('error', () => {});
      stops.push(() => stream.destroy());
      ends.push(once(stream, 'end').catch(() => {}));
      return;
    }
    ends.push(
      new Promise((resolve) => {
        const request = get({ port, host: '127.0.0.1', path, agent: false }, (response) => {
          response.on('data', count).on('end', resolve).on('error', resolve);
        });
        request.on('error', resolve);
        stops.push(() => request.destroy());
      }),
    );
  };
  for (let index = 0; index < streams; index += 1) {
    if (index === streams - 1 && startAfterMs > 0) setTimeout(open, startAfterMs, index);
    else open(index);
  }
  /** @type {{ at: number, counts: number[] }[]} */
  const samples = [];
  const timer = setInterval(() => samples.push({ at: performance.now(), counts: [...counts] }), SAMPLE_MS);
  if (bytes === undefined) await new Promise((resolve) => setTimeout(resolve, ms));
  else await Promise.all(ends);
  clearInterval(timer);
  for (const stop of stops) stop();
  session?.destroy();
  return samples;
}

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      enforce: { type: 'boolean', default: false },
      'zero-copy': { type: 'boolean', default: false },
    },
  });
  const only = values.only?.split(',');
  const child = fork(process.argv[1] ?? '');
  const [{ url: upstream }] = await once(child, 'message');
  /** @type {Record<string, (upstream: string, child: ChildProcess) => Promise<boolean>>} */
  const measures = { rate, weights, newcomer, cost, memory };
  let isGood = true;
  for (const [name, measure] of Object.entries(measures))
    if (only === undefined || only.includes(name)) isGood = (await measure(upstream, child)) && isGood;
  child.disconnect();
  if (values.enforce && !isGood) process.exitCode = 1;
}

/**
 * @template T
 * @param {ReverseProxy} proxy
 * @param {boolean} http2
 * @param {(port: number) => Promise<T>} use
 */
async function serving(proxy, http2, use) {
  /** @type {import('node:http').Server} */
  // Both listen alike.
  const server = http2 ? /** @type {any} */ (createHttp2Server()) : createServer();
  attach(server, proxy);
  try {
    return await use(Number(new URL(await listen(server)).port));
  } finally {
    proxy.destroy();
    server.close();
  }
}

/**
 * @param {ChildProcess} child
 * @param {Job} job
 * @returns {Promise<{ at: number, counts: number[] }[]>}
 */
async function ask(child, job) {
  child.send(job);
  const [samples] = await once(child, 'message');
  return samples;
}

/** @type {(upstream: string, child: ChildProcess) => Promise<boolean>} */
async function rate(upstream, child) {
  let isGood = true;
  for (const http2 of [false, true]) {
    for (const streams of [1, 8, 64]) {
      const proxy = createProxy({ upstream, zeroCopy, limits: { rules: [{ download: LIMIT }] } });
      const samples = await serving(proxy, http2, (port) =>
        ask(child, { port, http2, streams, ms: 6000, paths: [ENDLESS] }),
      );
      const start = samples[0]?.at ?? 0;
      let worst = 0;
      for (const [index, first] of samples.entries()) {
        const last = samples.slice(index).find(({ at }) => at - first.at >= 2000);
        if (first.at - start < 1000 || last === undefined) continue;
        const bytes = sum(last.counts) - sum(first.counts);
        const off = bytes / ((last.at - first.at) / 1000) / LIMIT - 1;
        if (Math.abs(off) > Math.abs(worst)) worst = off;
      }
      isGood &&= Math.abs(worst) <= 0.05;
      console.log(
        `rate     ${http2 ? 'HTTP/2  ' : 'HTTP/1.1'} ${String(streams).padStart(2)} streams: ${percent(worst)} off at most`,
      );
    }
  }
  return isGood;
}

/** @type {(upstream: string, child: ChildProcess) => Promise<boolean>} */
async function weights(upstream, child) {
  const rules = [
    { download: LIMIT, weight: (/** @type {{ path: string }} */ { path }) => (path === '/heavy' ? 3 : 1) },
  ];
  const proxy = createProxy({ upstream, zeroCopy, limits: { rules } });
  const job = { http2: false, streams: 8, ms: 5000, paths: ['/heavy', '/light'] };
  const samples = await serving(proxy, false, (port) => ask(child, { ...job, port }));
  const [first, last] = [samples.find(({ at }) => at - (samples[0]?.at ?? 0) > 1000), samples.at(-1)];
  const bytes = (last?.counts ?? []).map((count, index) => count - (first?.counts[index] ?? 0));
  const heavy = sum(bytes.filter((_, index) => index % 2 === 0));
  const off = Math.abs(heavy / (sum(bytes) - heavy) / 3 - 1);
  console.log(`weights  ${percent(off)} off 3 to 1`);
  return off <= 0.05;
}

/** @type {(upstream: string, child: ChildProcess) => Promise<boolean>} */
async function newcomer(upstream, child) {
  const proxy = createProxy({ upstream, zeroCopy, limits: { rules: [{ download: LIMIT }] } });
  const job = { http2: false, streams: 32, ms: 4500, startAfterMs: 2000 };
  const samples = await serving(proxy, false, (port) => ask(child, { ...job, port }));
  const countAt = (/** @type {number} */ ms) => samples.find(({ at }) => at - (samples[0]?.at ?? 0) >= ms);
  const [from, to] = [countAt(2500), countAt(4200)];
  if (from === undefined || to === undefined) return false;
  const share = ((to.counts[31] ?? 0) - (from.counts[31] ?? 0)) / ((to.at - from.at) / 1000) / (LIMIT / 32);
  console.log(`newcomer ${percent(share)} of its share, from 0.5 s on`);
  return Math.abs(share - 1) <= 0.05;
}

/** @type {(upstream: string, child: ChildProcess) => Promise<boolean>} */
async function cost(upstream, child) {
  const speed = 400 * MB;
  /** @type {Record<string, { rules: { download: number }[], pace?: number }>} */
  const kinds = {
    none: { rules: [] },
    high: { rules: [{ download: 100_000 * MB }] },
    again: { rules: [] },
    paced: { rules: [], pace: speed },
    low: { rules: [{ download: speed }] },
  };
  /** @type {Record<string, number[]>} */
  const seconds = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, []]));
  for (let round = 0; round < 9; round += 1) {
    const order = Object.entries(kinds);
    // What comes first changes, so that a machine that becomes slower does not favour it.
    for (const [kind, { rules, pace }] of round % 2 === 0 ? order : order.toReversed()) {
      const proxy = createProxy({ upstream, zeroCopy, limits: { rules } });
      const before = process.cpuUsage();
      await serving(proxy, false, (port) =>
        ask(child, {
          port,
          http2: false,
          streams: 1,
          ms: 0,
          bytes: 1000 * MB,
          ...(pace !== undefined && { pace }),
        }),
      );
      const { user, system } = process.cpuUsage(before);
      if (round > 0) seconds[kind]?.push((user + system) / MB);
    }
  }
  /** @param {string} kind @param {string} other */
  const compare = (kind, other) => {
    const pairs = (seconds[kind] ?? []).map((each, index) => each / (seconds[other]?.[index] ?? NaN) - 1);
    const least = Math.min(...(seconds[kind] ?? [])) / Math.min(...(seconds[other] ?? [])) - 1;
    return { median: quantile(pairs, 0.5) ?? NaN, least };
  };
  const [high, again, low] = [compare('high', 'none'), compare('again', 'none'), compare('low', 'paced')];
  const show = (/** @type {{ median: number, least: number }} */ { median, least }) =>
    `${percent(median)} (of the least ${percent(least)})`;
  console.log(
    `cost     ${Math.min(...(seconds.none ?? [])).toFixed(3)} CPU s/GB without a limit; once more ${show(again)}; not reached ${show(high)}; 400 MB/s ${show(low)}`,
  );
  return high.median <= 0.03 && low.median <= 0.1;
}

/** @type {(upstream: string) => Promise<boolean>} */
async function memory(upstream) {
  setFlagsFromString('--expose-gc');
  const gc = /** @type {() => void} */ (runInNewContext('gc'));
  const limits = {
    rules: [
      {
        by: (/** @type {{ path: string }} */ { path }) => path,
        download: MB,
        transfers: 4,
        requests: { count: 9, per: '1h' },
      },
    ],
  };
  const proxy = createProxy({ upstream, zeroCopy, limits });
  return serving(proxy, false, async (port) => {
    const request = (/** @type {string} */ path) =>
      new Promise((resolve) => {
        get({ port, host: '127.0.0.1', path: `${path}?bytes=1` }, (response) =>
          response.resume().on('end', resolve),
        );
      });
    for (let index = 0; index < 1000; index += 1) await request('/warm-up');
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 10_000; index += 1) await request(`/${index}`);
    gc();
    const used = process.memoryUsage().heapUsed - before;
    console.log(
      `memory   ${(used / 2 ** 20).toFixed(1)} MiB for ${proxy.limits.usage({ top: 20_000 }).length} keys`,
    );
    return used <= 20 * 2 ** 20;
  });
}
