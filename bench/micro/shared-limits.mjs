#!/usr/bin/env node
// Measures one limit that three processes share through a store: the error of the total over any 2 s after the first
// second, and the commands of the store. `node bench/micro/shared-limits.mjs`, after `npm run build`. Needs
// redis-server.
// @ts-check
import { fork, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@redis/client';
import { attach, createProxy } from 'sluiceway';
import { redisStore } from 'sluiceway/redis';

/** @typedef {Awaited<ReturnType<typeof connect>>} Client */
/** @import { AddressInfo } from 'node:net' */

const LIMIT = 8_000_000;
const SECONDS = 6;
const SLICE_MS = 100;

const [, , role, redisUrl = '', originUrl = ''] = process.argv;
if (role === 'proxy') serve(redisUrl, originUrl);
else await measure();

/**
 * @param {string} url
 * @param {string} upstream
 */
function serve(url, upstream) {
  const store = redisStore({ url });
  const rules = [{ by: /** @type {const} */ ('all'), download: LIMIT }];
  const proxy = createProxy({ upstream, limits: { rules, store } });
  const server = createServer();
  attach(server, proxy);
  server.listen(0, '127.0.0.1', () => process.send?.(/** @type {AddressInfo} */ (server.address()).port));
}

async function measure() {
  const folder = mkdtempSync(join(tmpdir(), 'sluiceway-shared-'));
  const socket = join(folder, 'redis.sock');
  const redis = spawn(
    'redis-server',
    ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder],
    {
      stdio: 'ignore',
    },
  );
  const block = Buffer.alloc(256 * 1024);
  const origin = createServer((_, response) => {
    const write = () => {
      while (!response.destroyed && response.write(block));
    };
    response.on('drain', write);
    write();
  });
  await new Promise((resolve) => origin.listen(0, '127.0.0.1', () => resolve(null)));
  const upstream = `http://127.0.0.1:${/** @type {AddressInfo} */ (origin.address()).port}`;
  while (!existsSync(socket)) await sleep(10);
  const client = await connect(socket);
  const proxies = Array.from({ length: 3 }, () =>
    fork(import.meta.filename, ['proxy', `unix:${socket}`, upstream]),
  );
  const ports = await Promise.all(
    proxies.map((proxy) => new Promise((resolve) => proxy.once('message', resolve))),
  );
  try {
    console.log(`3 processes share ${LIMIT / 1e6} MB/s`);
    for (const streams of [1, 8, 64]) {
      await run(`${streams} streams of one process`, [ports[0]], streams, client);
      await run(`${streams} streams of each process`, ports, streams, client);
    }
  } finally {
    for (const proxy of proxies) proxy.kill('SIGKILL');
    client.destroy();
    redis.kill('SIGKILL');
    origin.closeAllConnections();
    origin.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {string} title
 * @param {readonly unknown[]} ports
 * @param {number} streams
 * @param {Client} client
 */
async function run(title, ports, streams, client) {
  let bytes = 0;
  const requests = ports.flatMap((port) =>
    Array.from({ length: streams }, () =>
      get({ host: '127.0.0.1', port: Number(port), agent: false }, (response) => {
        response.on('data', (/** @type {Buffer} */ chunk) => {
          bytes += chunk.length;
        });
      }).on('error', () => {}),
    ),
  );
  await sleep(1000);
  const before = await countCommands(client);
  /** @type {[ms: number, bytes: number][]} */
  const samples = [];
  const begin = performance.now();
  while (performance.now() - begin < SECONDS * 1000) {
    samples.push([performance.now(), bytes]);
    await sleep(SLICE_MS);
  }
  const commands = (await countCommands(client)) - before;
  for (const request of requests) request.destroy();
  const errors = samples.flatMap(([from, first]) => {
    const last = samples.find(([at]) => at >= from + 2000);
    return last === undefined ? [] : [((last[1] - first) * 1000) / (last[0] - from) / LIMIT - 1];
  });
  const percent = (/** @type {number} */ part) => `${part >= 0 ? '+' : ''}${(part * 100).toFixed(1)} %`;
  const perSecond = commands / SECONDS / ports.length;
  console.log(
    `${title}: ${percent(Math.min(...errors))} to ${percent(Math.max(...errors))} over any 2 s, ${perSecond.toFixed(1)} commands per second and process`,
  );
  await sleep(1500);
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
