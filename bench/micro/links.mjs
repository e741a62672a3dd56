#!/usr/bin/env node
// Measures what verifying a link adds to a request: `node bench/micro/links.mjs [--enforce]`, after `npm run build`. Times
// the call alone, without a server.
// @ts-check
import { createUrlSigner, signed } from 'sluiceway';
import { createLinks, generateKey } from 'sluiceway/gateway';
import { quantile } from '../lib/statistics.mjs';

/** Limit for the 99th percentile of the time for verification, in microseconds. */
const bar = 100;
const warmUp = 5_000;
/** Other programs occasionally take the processor for milliseconds, so the round with the lowest times is used. */
const rounds = 20;
const callsPerRound = 1_000;

const keys = [generateKey(), generateKey()];
const grant = {
  url: 'https://bucket.example.com/reports/2031/quarter-1.pdf?X-Amz-Signature=0123456789abcdef0123456789abcdef',
  filename: 'Report 2031 (1).pdf',
  maxBytes: '5GiB',
  rate: '10MiB',
  clientIp: '192.0.2.0/24',
};
const clientAddress = '192.0.2.7';

/**
 * @param {'encrypted' | 'signed'} form
 * @param {(link: string) => string} [change]
 * @returns {() => void}
 */
function verifying(form, change = (link) => link) {
  const links = createLinks({ keys, form });
  const texts = Array.from({ length: 100 }, () => change(links.sign({ ...grant, expires: '1h' })));
  let next = 0;
  return () => {
    next = (next + 1) % texts.length;
    try {
      links.verify(texts[next] ?? '', { clientAddress });
    } catch {
      // A changed link is refused. That is what is timed.
    }
  };
}

/** @returns {() => void} */
function lettingIn() {
  const policy = signed({ keys });
  const [path = '', query = ''] = createUrlSigner({ keys })('/reports/2031.pdf?version=2', {
    expires: '1h',
  }).split('?');
  const forwarded = { for: clientAddress, host: null, proto: 'http' };
  const request = /** @type {Parameters<typeof policy>[0]} */ (
    /** @type {unknown} */ ({ mountPath: '', path, query, method: 'GET', forwarded })
  );
  return () => void policy(request);
}

/** @param {string} link */
const spoil = (link) => link.replace(/.(.)$/, (_, last) => `A${last}`);

/** @type {Readonly<Record<string, () => void>>} */
const subjects = {
  'encrypted link': verifying('encrypted'),
  'signed link': verifying('signed'),
  'signed URL': lettingIn(),
  'encrypted link, changed': verifying('encrypted', spoil),
  'signed link, changed': verifying('signed', spoil),
};

/** @param {() => void} call */
function measure(call) {
  for (let i = 0; i < warmUp; i++) call();
  const results = Array.from({ length: rounds }, () => {
    const times = Array.from({ length: callsPerRound }, () => {
      const start = process.hrtime.bigint();
      call();
      return Number(process.hrtime.bigint() - start) / 1000;
    });
    return { p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
  });
  return results.reduce((best, each) => (each.p99 < best.p99 ? each : best));
}

let missed = false;
console.log(`${'µs per call'.padEnd(26)}${'p50'.padStart(8)}${'p99'.padStart(8)}`);
for (const [name, call] of Object.entries(subjects)) {
  const { p50, p99 } = measure(call);
  missed ||= p99 >= bar;
  console.log(`${name.padEnd(26)}${p50.toFixed(1).padStart(8)}${p99.toFixed(1).padStart(8)}`);
}
console.log(`bar: p99 under ${bar} µs: ${missed ? 'MISSED' : 'met'}`);
if (missed && process.argv.includes('--enforce')) process.exitCode = 1;
