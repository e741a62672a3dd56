#!/usr/bin/env node
// What a download through an encrypted link costs against the plain proxy: `node bench/micro/link-downloads.mjs
// [--enforce]`, after `npm run build`. Proxy and gateway are in this process, whose CPU time is taken around each
// download; the origin server and curl have processes of their own.
// @ts-check
import { fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { attach, createProxy } from 'sluiceway';
import { createDownloadGateway, generateKey } from 'sluiceway/gateway';
import { quantile } from '../lib/statistics.mjs';

/** What a download through a link may cost, in costs of a plain one. */
const bar = 1.05;
const pairs = 15;
const size = 2 ** 30;

/** Serves what is larger than the caches of a CPU, and tells its parent where. */
async function serveContent() {
  const content = randomBytes(2 ** 26);
  const step = 2 ** 20;
  function* pieces() {
    for (let sent = 0; sent < size; sent += step) {
      const at = sent % content.length;
      yield content.subarray(at, at + step);
    }
  }
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'Content-Length': size });
    pipeline(Readable.from(pieces(), { objectMode: false }), response, () => {});
  });
  process.send?.(await listen(server));
}

/**
 * @param {import('node:http').Server} server
 * @returns {Promise<string>} its URL
 */
async function listen(server) {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return `http://127.0.0.1:${address.port}`;
}

/**
 * @param {string} url
 * @returns {Promise<number>} CPU seconds of this process per GB
 */
async function download(url) {
  const before = process.cpuUsage();
  const curl = spawn('curl', ['-sSf', '-o', '/dev/null', '-w', '%{size_download}', url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let got = '';
  curl.stdout.on('data', (text) => (got += text));
  const [code] = await once(curl, 'close');
  if (code !== 0 || Number(got) !== size) throw new Error(`curl got ${got} bytes and ended with ${code}.`);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / (size / 1e9);
}

async function measure() {
  const origin = fork(new URL(import.meta.url), ['--origin']);
  try {
    const [upstream] = await once(origin, 'message');
    const [plainServer, linkServer] = [createServer(), createServer()];
    attach(plainServer, createProxy({ upstream }));
    const gateway = createDownloadGateway({
      keys: [generateKey()],
      guard: { allowAddresses: ['127.0.0.0/8'], allowPorts: 'any' },
    });
    attach(linkServer, gateway);
    const plain = `${await listen(plainServer)}/file`;
    const link = `${await listen(linkServer)}${gateway.sign({ url: `${upstream}/file`, expires: '1h' })}`;

    await download(plain);
    await download(link);
    /** @type {{ plain: number, link: number }[]} */
    const costs = [];
    for (let pair = 0; pair < pairs; pair += 1) {
      // Each goes first every other time.
      if (pair % 2 === 0) costs.push({ plain: await download(plain), link: await download(link) });
      else costs.push({ link: await download(link), plain: await download(plain) });
    }
    return costs;
  } finally {
    origin.kill();
  }
}

if (process.argv.includes('--origin')) await serveContent();
else {
  const costs = await measure();
  /** @param {number[]} values */
  const median = (values) => quantile(values, 0.5);
  const ratio = median(costs.map(({ plain, link }) => link / plain));
  console.log(`plain proxy     ${median(costs.map(({ plain }) => plain)).toFixed(3)} CPU s/GB`);
  console.log(`encrypted link  ${median(costs.map(({ link }) => link)).toFixed(3)} CPU s/GB`);
  console.log(`ratio, median of ${pairs} pairs: ${ratio.toFixed(3)} (limit ${bar})`);
  process.exit(process.argv.includes('--enforce') && ratio > bar ? 1 : 0);
}
