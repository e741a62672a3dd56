// Two ways of a download in this process, whose CPU time is taken around each of them, in turn and pair by pair; the
// origin server and curl have processes of their own.
// @ts-check
import { fork, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { requireTool } from './command.mjs';
import { listen } from './listen.mjs';
import { quantile } from './statistics.mjs';

const size = 2 ** 30;

/** Serves what is larger than the caches of a CPU, with a strong validator, and tells its parent where. */
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
    response.writeHead(200, { 'Content-Length': size, ETag: '"content"' });
    pipeline(Readable.from(pieces(), { objectMode: false }), response, () => {});
  });
  process.send?.(await listen(server));
}

/**
 * @param {string} url
 * @returns {Promise<number>} CPU seconds of this process per GB
 */
async function download(url) {
  const before = process.cpuUsage();
  const curl = spawn(requireTool('curl'), ['-sSf', '-o', '/dev/null', '-w', '%{size_download}', url], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let got = '';
  curl.stdout.on('data', (text) => (got += text));
  const [code] = await once(curl, 'close');
  if (code !== 0 || Number(got) !== size) throw new Error(`curl got ${got} bytes and ended with ${code}.`);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / (size / 1e9);
}

/**
 * Downloads 1 GiB by each way, pair by pair, each first every other time, and prints what they cost and the median of
 * the ratios with the interval in which nine of ten of them lie.
 *
 * @param {{ usual: string, other: string, bar: number, pairs?: number }} names
 * @param {(upstream: string) => Promise<{ usual: string, other: string }>} serve makes both, and returns their URLs
 * @returns {Promise<boolean>} whether the ratio is within the bar
 */
export async function comparePairs({ usual, other, bar, pairs = 15 }, serve) {
  const origin = fork(new URL(import.meta.url), ['--origin']);
  /** @type {{ usual: number, other: number }[]} */
  const costs = [];
  try {
    const [upstream] = await once(origin, 'message');
    const urls = await serve(upstream);
    await download(urls.usual);
    await download(urls.other);
    for (let pair = 0; pair < pairs; pair += 1) {
      if (pair % 2 === 0)
        costs.push({ usual: await download(urls.usual), other: await download(urls.other) });
      else costs.push({ other: await download(urls.other), usual: await download(urls.usual) });
    }
  } finally {
    origin.kill();
  }
  const ratios = costs.map((cost) => cost.other / cost.usual);
  const ratio = quantile(ratios, 0.5);
  const width = Math.max(usual.length, other.length);
  for (const [name, way] of /** @type {const} */ ([
    [usual, 'usual'],
    [other, 'other'],
  ])) {
    const cost = quantile(
      costs.map((each) => each[way]),
      0.5,
    );
    console.log(`${name.padEnd(width)}  ${cost.toFixed(3)} CPU s/GB`);
  }
  const [low, high] = [quantile(ratios, 0.05), quantile(ratios, 0.95)].map((value) => value.toFixed(3));
  console.log(
    `ratio, median of ${pairs} pairs: ${ratio.toFixed(3)}, nine of ten from ${low} to ${high} (limit ${bar})`,
  );
  return ratio <= bar;
}

if (process.argv.includes('--origin')) await serveContent();
