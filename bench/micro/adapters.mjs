#!/usr/bin/env node
// Measures what framework adapters cost: `node bench/micro/adapters.mjs [--only <names>] [--enforce]`, after `npm run
// build`. Reports two values, each as the median of interleaved rounds over all subjects:
//
// - The CPU time of a large download, relative to the same download through a node:http server with `attach`.
// - The CPU time that the adapter adds to a small request: the time through the proxy minus that of the framework's empty
//   handler, minus the same difference for `attach` and an empty node:http server.
//   If the framework lets a handler call `handle` directly, the script also reports what the adapter adds to that. The
//   rest is caused by how the framework changes Node's objects: Express gives each request and response another prototype,
//   so that V8 (of Node 20) creates a shape for each of them, and all later property accesses are slower.
//
// All servers run in this process, whose CPU time is measured. The origin server and the clients run in other processes.
// @ts-check
import { fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, get } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { attach, createProxy } from 'sluiceway';
import { requireTool } from '../lib/command.mjs';
import { listen } from '../lib/listen.mjs';
import { quantile } from '../lib/statistics.mjs';

/** Limit for the cost of a download through an adapter, relative to a plain one. */
const maxRatio = 1.05;
/** Limit for the microseconds that an adapter adds to a request. */
const maxMicroseconds = 15;
const rounds = 15;
const size = 2 ** 29;
const requests = 3000;
const concurrency = 16;

/** @import { Handler } from 'sluiceway' */
/** @typedef {import('node:http').Server} Server */
/**
 * A framework: a server with the handler at `/`, and one that answers by itself.
 * @typedef {object} Subject
 * @property {string} name
 * @property {(handler: Handler) => Promise<Server>} proxied
 * @property {() => Promise<Server>} empty
 * @property {(handler: Handler) => Promise<Server>} [bare] `handle` called without an adapter
 */

const EMPTY = 'x'.repeat(1024);

/**
 * @param {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse) => Promise<unknown>} serve
 * @returns {Server}
 */
const toServer = (serve) => createServer((request, response) => void serve(request, response));

/** @type {readonly Subject[]} Loaded when they are used. */
const subjects = [
  {
    name: 'express',
    async proxied(handler) {
      const { default: express } = await import('express');
      const { toExpress } = await import('sluiceway/express');
      return createServer(express().use(toExpress(handler)));
    },
    async bare(handler) {
      const { default: express } = await import('express');
      return createServer(express().use((request, response) => void handler.handle(request, response)));
    },
    async empty() {
      const { default: express } = await import('express');
      return createServer(express().use((_request, response) => void response.end(EMPTY)));
    },
  },
  {
    name: 'koa',
    async proxied(handler) {
      const { default: Koa } = await import('koa');
      const { toKoa } = await import('sluiceway/koa');
      return toServer(new Koa().use(toKoa(handler)).callback());
    },
    async bare(handler) {
      const { default: Koa } = await import('koa');
      const app = new Koa().use(async (context) => {
        context.respond = false;
        await handler.handle(context.req, context.res);
      });
      return toServer(app.callback());
    },
    async empty() {
      const { default: Koa } = await import('koa');
      return toServer(
        new Koa()
          .use((context) => {
            context.body = EMPTY;
          })
          .callback(),
      );
    },
  },
  {
    name: 'fastify',
    async proxied(handler) {
      const { default: fastify } = await import('fastify');
      const { sluiceway } = await import('sluiceway/fastify');
      const app = fastify();
      await app.register(sluiceway, { prefix: '/', handler });
      await app.ready();
      return app.server;
    },
    async empty() {
      const { default: fastify } = await import('fastify');
      const app = fastify();
      app.get('/*', async () => EMPTY);
      await app.ready();
      return app.server;
    },
  },
  {
    name: 'hono',
    async proxied(handler) {
      const { Hono } = await import('hono');
      const { createAdaptorServer } = await import('@hono/node-server');
      const { toHono } = await import('sluiceway/hono');
      const app = new Hono().all('*', toHono(handler));
      return /** @type {Server} */ (createAdaptorServer(app));
    },
    async empty() {
      const { Hono } = await import('hono');
      const { createAdaptorServer } = await import('@hono/node-server');
      const app = new Hono().all('*', (context) => context.text(EMPTY));
      return /** @type {Server} */ (createAdaptorServer(app));
    },
  },
];

/** @type {Subject} The subject that the others are compared with. */
const plain = {
  name: 'node:http',
  async proxied(handler) {
    const server = createServer();
    attach(server, handler);
    return server;
  },
  empty: async () => createServer((_request, response) => void response.end(EMPTY)),
};

/** Serves content larger than the CPU caches under /large, little content elsewhere, and sends its URL to the parent. */
async function serveContent() {
  const content = randomBytes(2 ** 26);
  const step = 2 ** 20;
  function* pieces() {
    for (let sent = 0; sent < size; sent += step) {
      const at = sent % content.length;
      yield content.subarray(at, at + step);
    }
  }
  const server = createServer((request, response) => {
    if (request.url !== '/large') {
      response.end(EMPTY);
      return;
    }
    response.writeHead(200, { 'Content-Length': size });
    pipeline(Readable.from(pieces(), { objectMode: false }), response, () => {});
  });
  process.send?.(await listen(server));
}

/** Sends requests to each URL from the parent, on persistent connections, and reports when all are answered. */
function sendRequests() {
  /** @param {{ url: string, count: number }} order */
  const send = async ({ url, count }) => {
    const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
    let left = count;
    const run = async () => {
      while (left > 0) {
        left -= 1;
        const [response] = await once(get(url, { agent }), 'response');
        if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}.`);
        response.resume();
        await once(response, 'end');
      }
    };
    await Promise.all(Array.from({ length: concurrency }, run));
    agent.destroy();
    process.send?.('done');
  };
  process.on('message', (/** @type {{ url: string, count: number }} */ order) => void send(order));
}

/**
 * @param {() => Promise<unknown>} work
 * @returns {Promise<number>} microseconds of CPU time of this process
 */
async function cpuOf(work) {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

/** @param {string} url */
async function download(url) {
  const curl = spawn(requireTool('curl'), ['-sSf', '-o', '/dev/null', '-w', '%{size_download}', url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let got = '';
  curl.stdout.on('data', (text) => (got += text));
  const [code] = await once(curl, 'close');
  if (code !== 0 || Number(got) !== size) throw new Error(`curl got ${got} bytes and ended with ${code}.`);
}

/** @param {readonly number[]} values */
const median = (values) => quantile(values, 0.5);

/**
 * Runs all functions in each round, in alternating order.
 * @template {string} K
 * @param {Readonly<Record<K, () => Promise<unknown>>>} works
 * @returns {Promise<Record<K, number>[]>} CPU time of each, by round
 */
async function interleave(works) {
  const names = /** @type {K[]} */ (Object.keys(works));
  /** @type {Record<K, number>[]} */
  const results = [];
  for (let round = -1; round < rounds; round += 1) {
    const costs = /** @type {Record<K, number>} */ ({});
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const name of order) costs[name] = await cpuOf(works[name]);
    // The first round is a warm-up.
    if (round >= 0) results.push(costs);
  }
  return results;
}

/** @param {readonly Subject[]} chosen */
async function measure(chosen) {
  const origin = fork(new URL(import.meta.url), ['--origin']);
  const client = fork(new URL(import.meta.url), ['--client']);
  try {
    const [upstream] = await once(origin, 'message');
    const proxy = createProxy({ upstream });
    /** @type {Record<string, () => Promise<unknown>>} */
    const downloads = {};
    /** @type {Record<string, () => Promise<unknown>>} */
    const small = {};
    for (const subject of [plain, ...chosen]) {
      const proxied = await listen(await subject.proxied(proxy));
      const empty = await listen(await subject.empty());
      /** @param {string} url */
      const ask = async (url) => {
        client.send({ url, count: requests });
        await once(client, 'message');
      };
      downloads[subject.name] = () => download(`${proxied}/large`);
      small[subject.name] = () => ask(`${proxied}/small`);
      small[`${subject.name}, empty`] = () => ask(`${empty}/small`);
      if (subject.bare) {
        const bare = await listen(await subject.bare(proxy));
        small[`${subject.name}, bare`] = () => ask(`${bare}/small`);
      }
    }
    return { downloads: await interleave(downloads), small: await interleave(small) };
  } finally {
    origin.kill();
    client.kill();
  }
}

async function report() {
  const only = process.argv[process.argv.indexOf('--only') + 1]?.split(',');
  const chosen = subjects.filter(({ name }) => !process.argv.includes('--only') || only?.includes(name));
  const { downloads, small } = await measure(chosen);
  const perGB = median(downloads.map((round) => (round[plain.name] ?? 0) / 1e6 / (size / 1e9)));
  console.log(`${plain.name.padEnd(10)} ${perGB.toFixed(3)} CPU s/GB`);
  let isWithin = true;
  for (const { name, bare } of chosen) {
    const ratio = median(downloads.map((round) => (round[name] ?? 0) / (round[plain.name] ?? 0)));
    /** @param {Record<string, number>} round @param {string} of */
    const beyond = (round, of) => ((round[of] ?? 0) - (round[`${of}, empty`] ?? 0)) / requests;
    const added = median(small.map((round) => beyond(round, name) - beyond(round, plain.name)));
    const empty = median(small.map((round) => (round[`${name}, empty`] ?? 0) / requests));
    console.log(
      `${name.padEnd(10)} ${ratio.toFixed(3)} of it (limit ${maxRatio}); ${added.toFixed(1)} µs a request (limit ${maxMicroseconds}), whose empty handler takes ${empty.toFixed(1)} µs`,
    );
    const alone = median(
      small.map((round) => ((round[name] ?? 0) - (round[`${name}, bare`] ?? 0)) / requests),
    );
    if (bare) console.log(`${' '.repeat(10)} of which the adapter ${alone.toFixed(1)} µs`);
    isWithin &&= ratio <= maxRatio && added <= maxMicroseconds;
  }
  return isWithin;
}

if (process.argv.includes('--origin')) await serveContent();
else if (process.argv.includes('--client')) sendRequests();
else {
  const isWithin = await report();
  process.exit(process.argv.includes('--enforce') && !isWithin ? 1 : 0);
}
