// @ts-check
// `node bench/distance.mjs [MB]`: downloads from an origin server and uploads of a client that are 50 ms away, in
// HTTP/1.1 and in HTTP/2. What counts is how much of the rate of HTTP/1.1 HTTP/2 reaches, since its receive windows are
// ours to set. The path is a relay in user space; it carries 800 Mbit/s, so that it and not the processor is the limit.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import { fileURLToPath } from 'node:url';
import { attach, createProxy } from 'sluiceway';
import { startDelayRelay } from './lib/delay-relay.mjs';
import { quantile } from './lib/statistics.mjs';

/** @import { AddressInfo } from 'node:net' */
/** @import { Writable } from 'node:stream' */
/** @typedef {'http1' | 'http2'} Version */

const DELAY_MS = 25;
const BYTES_PER_SECOND = 100e6;
const ROUNDS = 3;
/** What HTTP/2 has to reach of HTTP/1.1. */
const BAR = 0.9;

const [role = '500', ...ports] = process.argv.slice(2);
const piece = Buffer.alloc(256 * 1024);

/**
 * @param {Writable} to
 * @param {number} bytes
 */
function pour(to, bytes) {
  let left = bytes;
  const more = () => {
    while (left > 0) {
      const chunk = piece.subarray(0, Math.min(left, piece.length));
      left -= chunk.length;
      if (!to.write(chunk)) return;
    }
    to.off('drain', more);
    to.end();
  };
  to.on('drain', more);
  more();
}

/** @param {http.Server | http2.Http2Server} server */
async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return /** @type {AddressInfo} */ (server.address()).port;
}

/** `GET /<bytes>`, and uploads that are thrown away. */
async function runOrigin() {
  /** @type {(request: http.IncomingMessage, response: http.ServerResponse) => void} */
  const serve = (request, response) => {
    request.resume();
    request.on('end', () => {
      const bytes = Number(request.url?.slice(1));
      response.writeHead(200, { 'content-length': bytes });
      pour(response, bytes);
    });
  };
  const h1 = http.createServer({ requestTimeout: 0 }, serve);
  const h2 = http2.createServer();
  h2.on('request', serve);
  process.send?.([await listen(h1), await listen(h2)]);
}

/** Proxies that speak HTTP/1.1 with clients: one with HTTP/1.1 to the origin server, one with HTTP/2; and one for h2c. */
async function runProxies() {
  const [h1, h2] = ports;
  const servers = [http.createServer(), http.createServer(), http2.createServer()];
  const upstreams = [
    { url: `http://127.0.0.1:${h1}` },
    { url: `http://127.0.0.1:${h2}`, protocol: /** @type {const} */ ('http2') },
    { url: `http://127.0.0.1:${h1}` },
  ];
  for (const [index, server] of servers.entries())
    attach(server, createProxy({ upstream: /** @type {{ url: string }} */ (upstreams[index]) }));
  process.send?.(await Promise.all(servers.map(listen)));
}

/**
 * @param {string} name
 * @param {readonly number[]} given
 * @returns {Promise<number[]>}
 */
async function start(name, ...given) {
  const child = fork(fileURLToPath(import.meta.url), [name, ...given.map(String)]);
  process.once('exit', () => child.kill());
  const [message] = await once(child, 'message');
  return message;
}

/**
 * @param {number} port
 * @param {number} bytes
 */
async function download(port, bytes) {
  const request = http.get({ port, host: '127.0.0.1', path: `/${bytes}` });
  const [response] = await once(request, 'response');
  let received = 0;
  for await (const chunk of response) received += chunk.length;
  if (received !== bytes) throw new Error(`${received} of ${bytes} bytes`);
}

/**
 * @param {Version} version
 * @param {number} port
 * @param {number} bytes
 */
async function upload(version, port, bytes) {
  if (version === 'http1') {
    const request = http.request({ port, host: '127.0.0.1', path: '/0', method: 'PUT' });
    pour(request, bytes);
    const [response] = await once(request, 'response');
    response.resume();
    return;
  }
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':method': 'PUT', ':path': '/0' });
  pour(stream, bytes);
  stream.resume();
  await once(stream, 'end');
  session.close();
}

/** @param {number} bytes */
async function runAll(bytes) {
  const [originH1 = 0, originH2 = 0] = await start('origin');
  const [farH1 = 0, farH2 = 0] = await start('relays', originH1, originH2);
  const [down1 = 0, down2 = 0] = await start('proxies', farH1, farH2);
  const [up1 = 0, , up2 = 0] = await start('proxies', originH1, originH2);
  const [clientH1 = 0, clientH2 = 0] = await start('relays', up1, up2);
  /** @type {Record<string, Record<Version, () => Promise<void>>>} */
  const transfers = {
    download: { http1: () => download(down1, bytes), http2: () => download(down2, bytes) },
    upload: { http1: () => upload('http1', clientH1, bytes), http2: () => upload('http2', clientH2, bytes) },
  };
  let isMet = true;
  for (const [name, ways] of Object.entries(transfers)) {
    /** @type {Record<Version, number[]>} */
    const rates = { http1: [], http2: [] };
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const version of /** @type {const} */ (['http1', 'http2'])) {
        const started = performance.now();
        await ways[version]();
        rates[version].push(bytes / 1e3 / (performance.now() - started));
      }
    }
    const [h1, h2] = [quantile(rates.http1, 0.5), quantile(rates.http2, 0.5)];
    isMet &&= h2 >= BAR * h1;
    console.log(
      `${name}: HTTP/1.1 ${h1.toFixed(1)} MB/s, HTTP/2 ${h2.toFixed(1)} MB/s, ${Math.round((100 * h2) / h1)} %`,
    );
  }
  process.exit(isMet ? 0 : 1);
}

if (role === 'origin') await runOrigin();
else if (role === 'proxies') await runProxies();
else if (role === 'relays') {
  const relays = await Promise.all(
    ports.map((port) => startDelayRelay(Number(port), DELAY_MS, BYTES_PER_SECOND)),
  );
  process.send?.(relays.map(({ port }) => port));
} else await runAll(Number(role) * 1e6);
