#!/usr/bin/env node
// Measures what a group costs a small request: `node bench/micro/group.mjs`, after `npm run build`. Sends small
// requests through a proxy with one URL and through groups of servers, in turns, and compares the CPU time of the
// process. The origin server is another process; the client is the same in all cases.
// @ts-check
import { fork } from 'node:child_process';
import http from 'node:http';
import net from 'node:net';
import { attach, createProxy } from 'sluiceway';
import { quantile } from '../lib/statistics.mjs';

const rounds = 15;
const requestsPerRound = 2_000;
const connections = 8;

if (process.send !== undefined) {
  const origin = http.createServer((_, response) => {
    response.writeHead(200, { 'Content-Length': 3 });
    response.end('ok\n');
  });
  origin.listen(0, '127.0.0.1', () => process.send?.(/** @type {net.AddressInfo} */ (origin.address()).port));
} else await measure();

async function measure() {
  const child = fork(new URL(import.meta.url), { stdio: 'inherit' });
  /** @type {number} */
  const port = await new Promise((resolve) => child.once('message', resolve));
  const url = `http://127.0.0.1:${port}`;
  // The paths differ, so that one server is several servers of a group. They share its connections.
  const several = Array.from({ length: 10 }, (_, index) => `${url}/${index}`);
  /** @type {Record<string, NonNullable<import('sluiceway').ProxyOptions['upstream']>>} */
  const cases = {
    'one URL': url,
    'a group of one server': { servers: [url] },
    'a group of ten servers': { servers: several },
    'ten servers, least-bytes': { servers: several, balance: 'least-bytes' },
  };
  const subjects = [];
  for (const [name, upstream] of Object.entries(cases)) {
    const proxy = createProxy({ upstream });
    const server = http.createServer();
    attach(server, proxy);
    await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(null)));
    const at = /** @type {net.AddressInfo} */ (server.address()).port;
    subjects.push({
      name,
      at,
      times: /** @type {number[]} */ ([]),
      stop: () => (proxy.destroy(), server.close()),
    });
  }
  for (let round = -2; round < rounds; round += 1)
    for (const { at, times } of subjects) {
      const began = process.cpuUsage();
      await Promise.all(Array.from({ length: connections }, () => send(at, requestsPerRound / connections)));
      const { user, system } = process.cpuUsage(began);
      if (round >= 0) times.push((user + system) / requestsPerRound);
    }
  const [first] = subjects;
  const base = quantile(first?.times ?? [], 0.5);
  console.log('CPU microseconds per small request, client included: median, and more than with one URL');
  for (const { name, times, stop } of subjects) {
    const median = quantile(times, 0.5);
    console.log(
      `${name.padEnd(26)} ${median.toFixed(1).padStart(7)} ${(median - base).toFixed(1).padStart(7)}`,
    );
    stop();
  }
  child.kill();
}

/** Sends requests on one connection, one after the other. The client is cheap: it only counts responses. */
function send(/** @type {number} */ port, /** @type {number} */ count) {
  return new Promise((resolve, reject) => {
    let left = count;
    const socket = net.connect(port, '127.0.0.1');
    const ask = () => socket.write('GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n');
    socket.on('connect', ask).on('error', reject);
    socket.on('data', (data) => {
      if (!data.toString('latin1').endsWith('ok\n')) return;
      left -= 1;
      if (left > 0) ask();
      else {
        socket.destroy();
        resolve(null);
      }
    });
  });
}
