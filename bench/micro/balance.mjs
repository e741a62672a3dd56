#!/usr/bin/env node
// Measures what the choice of a server costs a request: `node bench/micro/balance.mjs [--enforce]`, after
// `npm run build`. Times the choice alone, among 100 servers, without a connection.
// @ts-check
import { createUpstreamGroup } from 'sluiceway';
import { quantile } from '../lib/statistics.mjs';

/** @import { UpstreamGroup, UpstreamGroupOptions } from 'sluiceway' */

/** Limit for the mean time of the first choice for a request in the median round, in microseconds. */
const bar = 2;
const servers = 100;
const rounds = 30;
const callsPerRound = 5_000;

const urls = Array.from({ length: servers }, (_, index) => `http://10.0.${index >> 8}.${index & 255}:9000`);
const weighted = urls.map((url, index) => ({ url, weight: 1 + (index % 4) }));
const zoned = urls.map((url, index) => ({ url, zone: index % 2 === 0 ? 'near' : 'far' }));

/** @type {Record<string, UpstreamGroupOptions>} */
const cases = {
  'round-robin': { servers: urls },
  'round-robin, weights': { servers: weighted },
  'least-transfers': { servers: urls, balance: 'least-transfers' },
  'least-bytes': { servers: urls, balance: 'least-bytes' },
  throughput: { servers: urls, balance: 'throughput' },
  'random-of-two': { servers: urls, balance: 'random-of-two' },
  hash: { servers: weighted, balance: 'hash' },
  ordered: { servers: urls, balance: 'ordered' },
  zones: { servers: zoned, zone: 'near' },
  'sticky, without a cookie': { servers: urls, sticky: 'lb' },
  'a retry': { servers: urls },
  'limits of transfers': { servers: urls.map((url) => ({ url, maxTransfers: 100 })) },
};

// The method is internal: this is the only program that calls it from outside.
const choose = (
  /** @type {UpstreamGroup} */ group,
  /** @type {object} */ request,
  /** @type {readonly unknown[]} */ tried = [],
) =>
  /** @type {{ choose(request: object, tried: readonly unknown[], isLastResort: boolean, limit: null): unknown }} */ (
    /** @type {unknown} */ (group)
  ).choose(request, tried, true, null);

const paths = Array.from({ length: 64 }, (_, index) => `/files/${index}/image.iso`);
const headers = { get: () => undefined, getAll: () => [] };
const requests = paths.map((path) => ({
  method: 'GET',
  path,
  query: null,
  headers,
  forwarded: { for: '192.0.2.1' },
}));

// Only failed requests are retried.
const unlimited = ['a retry'];

let isWithin = true;
console.log(`microseconds per choice among ${servers} servers`);
for (const [name, options] of Object.entries(cases)) {
  const group = createUpstreamGroup(options);
  const tried = name === 'a retry' ? [choose(group, requests[0] ?? {})] : [];
  const times = [];
  for (let round = 0; round < rounds; round += 1) {
    const began = process.hrtime.bigint();
    for (let call = 0; call < callsPerRound; call += 1) choose(group, requests[call % 64] ?? {}, tried);
    times.push(Number(process.hrtime.bigint() - began) / callsPerRound / 1000);
  }
  const median = quantile(times, 0.5);
  const isLimited = !unlimited.includes(name);
  if (isLimited && median > bar) isWithin = false;
  console.log(`${name.padEnd(26)} ${median.toFixed(2)}${isLimited ? '' : '  (no bar)'}`);
}
process.exit(process.argv.includes('--enforce') && !isWithin ? 1 : 0);
