#!/usr/bin/env node
// @ts-check
// One origin server of a group, in a process of its own, so that it can be killed: origin.mjs <port> <name> <mode> <rate>
// Modes: `well`, `trickle` (10 KB/s), `reset` (accepts connections and resets them). Rate: bytes per second of each
// response, 0 for no limit. A line on standard output for each connection in the mode `reset`.
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { contentAt, ETAG } from './content.mjs';

const [port = '0', name = '', mode = 'well', rate = '0'] = process.argv.slice(2);
const TICK_MS = 20;
const PIECE_BYTES = 256 * 1024;

if (mode === 'reset') {
  createTcpServer((socket) => {
    process.stdout.write('c');
    socket.resetAndDestroy();
  }).listen(Number(port), '127.0.0.1');
} else {
  createServer(answer).listen(Number(port), '127.0.0.1');
}

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
function answer(request, response) {
  const size = Number(new URL(request.url ?? '/', 'http://origin').searchParams.get('size') ?? 0);
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const isRange = from !== undefined && [undefined, ETAG].includes(request.headers['if-range']?.toString());
  const first = isRange ? Number(from) : 0;
  response.writeHead(isRange ? 206 : 200, {
    ETag: ETAG,
    'X-Server': name,
    'Content-Length': size - first,
    ...(isRange && { 'Content-Range': `bytes ${first}-${size - 1}/${size}` }),
  });
  if (request.method === 'HEAD') response.end();
  else send(response, first, size);
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} first
 * @param {number} end
 */
function send(response, first, end) {
  const bytesPerSecond = mode === 'trickle' ? 10_000 : Number(rate);
  const isLimited = bytesPerSecond > 0;
  const startedAt = performance.now();
  let at = first;
  const next = () => {
    if (response.destroyed) return;
    if (at >= end) {
      response.end();
      return;
    }
    const due = isLimited
      ? Math.floor((bytesPerSecond * (performance.now() - startedAt + TICK_MS)) / 1000)
      : end;
    const bytes = Math.min(PIECE_BYTES, end - at, first + due - at);
    if (bytes <= 0) {
      setTimeout(next, TICK_MS);
      return;
    }
    const piece = contentAt(at, bytes);
    at += bytes;
    if (response.write(piece)) setImmediate(next);
    else response.once('drain', next);
  };
  next();
}
