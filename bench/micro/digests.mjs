#!/usr/bin/env node
// Measures what verifying a digest adds to a download, relative to what openssl needs to hash the same bytes: `node
// bench/micro/digests.mjs [--enforce]`, after `npm run build`, on Linux. The proxies run in this process, whose CPU time
// is measured for each download. The origin server, curl and openssl run in other processes.
// @ts-check
import { fork, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream';
import { attach, createProxy } from 'sluiceway';
import { requireTool } from '../lib/command.mjs';
import { writeContent } from '../lib/content.mjs';
import { listen } from '../lib/listen.mjs';
import { endedChildrenCpuSeconds } from '../lib/process-tree.mjs';
import { quantile } from '../lib/statistics.mjs';

/** Limit for the cost that verifying adds, relative to `openssl dgst`. */
const bar = 1.15;
const rounds = 15;
const size = 2 ** 29;
const gigabytes = size / 1e9;

/** @param {string} file Serves it with its digest, and sends the URL to the parent process. */
async function serve(file) {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 2 ** 20 })) hash.update(chunk);
  const digest = `sha-256=:${hash.digest('base64')}:`;
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Length': size, 'Repr-Digest': digest });
    pipeline(createReadStream(file, { highWaterMark: 2 ** 20 }), response, () => {});
  });
  process.send?.(await listen(server));
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 * @returns {Promise<string>} what it prints
 */
async function run(command, args) {
  const running = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  running.stdout.on('data', (text) => (output += text));
  const [code] = await once(running, 'close');
  if (code !== 0) throw new Error(`${command} ended with ${code}.`);
  return output;
}

/**
 * @param {string} url
 * @returns {Promise<number>} CPU seconds of this process per GB
 */
async function download(url) {
  const before = process.cpuUsage();
  const got = await run(requireTool('curl'), ['-sSf', '-o', '/dev/null', '-w', '%{size_download}', url]);
  if (Number(got) !== size) throw new Error(`curl got ${got} bytes.`);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / gigabytes;
}

/**
 * @param {string} file
 * @returns {Promise<number>} CPU seconds of openssl per GB
 */
async function hashElsewhere(file) {
  const before = endedChildrenCpuSeconds();
  await run(requireTool('openssl'), ['dgst', '-sha256', file]);
  return (endedChildrenCpuSeconds() - before) / gigabytes;
}

/** @param {string} file */
async function measure(file) {
  const origin = fork(new URL(import.meta.url), ['--origin', file]);
  try {
    const [upstream] = await once(origin, 'message');
    const servers = await Promise.all(
      [true, false].map((verify) => {
        const server = createServer();
        attach(server, createProxy({ upstream, digests: { verify } }));
        return listen(server);
      }),
    );
    const [verified = '', plain = ''] = servers;
    await download(plain);
    await download(verified);
    /** @type {{ plain: number, verified: number, openssl: number }[]} */
    const costs = [];
    for (let round = 0; round < rounds; round += 1) {
      const openssl = await hashElsewhere(file);
      // Alternate the order.
      if (round % 2 === 0)
        costs.push({ openssl, plain: await download(plain), verified: await download(verified) });
      else costs.push({ openssl, verified: await download(verified), plain: await download(plain) });
    }
    return costs;
  } finally {
    origin.kill();
  }
}

async function main() {
  const dir = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sluiceway-digests-'));
  try {
    const file = path.join(dir, 'content');
    await writeContent(file, size);
    const costs = await measure(file);
    /** @param {number[]} values */
    const median = (values) => quantile(values, 0.5);
    const ratio = median(costs.map(({ plain, verified, openssl }) => (verified - plain) / openssl));
    console.log(`plain proxy     ${median(costs.map(({ plain }) => plain)).toFixed(3)} CPU s/GB`);
    console.log(`with a digest   ${median(costs.map(({ verified }) => verified)).toFixed(3)} CPU s/GB`);
    console.log(`openssl dgst    ${median(costs.map(({ openssl }) => openssl)).toFixed(3)} CPU s/GB`);
    console.log(
      `what is added, in costs of openssl, median of ${rounds}: ${ratio.toFixed(3)} (limit ${bar})`,
    );
    return ratio;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

if (process.argv[2] === '--origin') await serve(process.argv[3] ?? '');
else process.exit((await main()) > bar && process.argv.includes('--enforce') ? 1 : 0);
