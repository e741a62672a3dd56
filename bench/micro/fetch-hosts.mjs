#!/usr/bin/env node
// Measures the cost of a download through `sluiceway/fetch`, relative to the usual way in such hosts: `fetch`, and a
// `Response` with the body of its result. `node bench/micro/fetch-hosts.mjs [--enforce]`, after `npm run build`. The host
// is @hono/node-server.
// @ts-check
import { createAdaptorServer } from '@hono/node-server';
import { createProxy } from 'sluiceway';
import { toFetch } from 'sluiceway/fetch';
import { listen } from '../lib/listen.mjs';
import { comparePairs } from '../lib/pairs.mjs';

/** @import { Server } from 'node:http' */

const names = { usual: 'new Response(upstream.body)', other: 'sluiceway/fetch', bar: 1 };
const isWithin = await comparePairs(names, async (upstream) => {
  /** @param {(request: Request) => Promise<Response>} handler */
  const serve = async (handler) => {
    const server = /** @type {Server} */ (createAdaptorServer({ fetch: handler }));
    return `${await listen(server)}/file`;
  };
  return {
    usual: await serve(async (request) => {
      const { pathname } = new URL(request.url);
      const { body, status, headers } = await fetch(upstream + pathname, { signal: request.signal });
      return new Response(body, { status, headers });
    }),
    other: await serve(toFetch(createProxy({ upstream }))),
  };
});
process.exit(process.argv.includes('--enforce') && !isWithin ? 1 : 0);
