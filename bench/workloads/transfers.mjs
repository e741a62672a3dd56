// @ts-check
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { curl } from '../lib/curl.mjs';
import { files, probeBytes } from '../lib/lab.mjs';
import { measureTransfer } from '../lib/transfer.mjs';

/** @import { Column, Route, Run, Workload } from '../lib/types.mjs' */

/** @type {Column[]} */
export const columns = [
  { key: 'cpuSecondsPerGB', title: 'CPU s/GB', digits: 2, spread: true, ratio: true },
  { key: 'gigabytesPerSecond', title: 'GB/s', digits: 2 },
  { key: 'peakRssMiB', title: 'Peak RSS, MiB', digits: 0 },
];

/**
 * Large enough for a JIT compiler and a garbage collector to find their stride.
 *
 * @param {Run} run
 */
export async function warmUp(run) {
  await curl(run, files.warmUp, {});
}

/**
 * @param {string} name
 * @param {string} title
 * @param {Route} route
 * @returns {Workload}
 */
const download = (name, title, route) => ({
  name,
  title,
  route,
  maxRounds: Infinity,
  needs: [],
  better: 'lower',
  columns,
  warmUp,
  measure: (run) =>
    measureTransfer(run, run.lab.scale.bytes, async () => {
      const { downloaded, seconds } = await curl(run, files.large, {});
      return { bytes: downloaded, seconds };
    }),
});

/**
 * Uploads one of the files and returns the length that arrived at the origin server, by its own account.
 *
 * @param {Run} run
 * @param {string} file
 */
async function upload(run, file) {
  const output = path.join(run.lab.dir, 'answer');
  await writeFile(output, '');
  const { seconds } = await curl(run, '/upload', { upload: path.join(run.lab.dir, 'www', file), output });
  return { bytes: Number(await readFile(output, 'utf8')), seconds };
}

/** @param {Run} run */
export async function verifyUpload(run) {
  const { bytes } = await upload(run, files.probe);
  if (bytes !== probeBytes) throw new Error(`${bytes} bytes arrived instead of ${probeBytes}`);
}

/** @type {Workload[]} */
export const transfers = [
  download('download', 'Download, HTTP to HTTP', 'plain'),
  download('download-https-origin', 'Download, HTTPS origin server', 'tls-origin'),
  download('download-https-client', 'Download, HTTPS client', 'tls-client'),
  {
    ...download('download-http2-client', 'Download, HTTP/2 client', 'http2-client'),
    // The Node peers serve HTTP/1.1 only.
    subjects: ({ kind }) => kind !== 'node',
  },
  {
    name: 'upload',
    title: 'Upload, HTTP to HTTP',
    route: 'upload',
    maxRounds: Infinity,
    needs: [],
    better: 'lower',
    columns,
    warmUp: async (run) => void (await upload(run, files.warmUp)),
    measure: (run) => measureTransfer(run, run.lab.scale.bytes, () => upload(run, files.large)),
  },
];
