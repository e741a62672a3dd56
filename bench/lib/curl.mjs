// @ts-check
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { tlsCipher } from './certificates.mjs';
import { runCommand } from './command.mjs';

/** @import { Run } from './types.mjs' */

/**
 * One transfer by curl. Fails unless the status is 200.
 *
 * @param {Run} run
 * @param {string} target
 * @param {{ output?: string, upload?: string }} options
 */
export async function curl({ lab, url, wiring }, target, { output = '/dev/null', upload }) {
  const { stdout } = await runCommand(/** @type {string} */ (lab.tools.get('curl')), [
    ...['--disable', '--silent', '--show-error', '--fail', '--noproxy', '*'],
    wiring.http2Client ? '--http2' : '--http1.1',
    ...['--cacert', lab.certificates.ca, '--tlsv1.3', '--tls13-ciphers', tlsCipher],
    // Waiting for a 100 would be measured too.
    ...(upload === undefined ? [] : ['--upload-file', upload, '--header', 'Expect:']),
    ...['--output', output, '--write-out', '%{http_code} %{size_download} %{time_total} %{http_version}'],
    new URL(target, url).href,
  ]);
  const [status, downloaded, seconds, version] = stdout.trim().split(' ').map(Number);
  if (status !== 200) throw new Error(`status ${status}`);
  if (wiring.http2Client && version !== 2) throw new Error(`HTTP/${version} in place of HTTP/2`);
  return { downloaded: downloaded ?? NaN, seconds: seconds ?? NaN };
}

/** @param {string} file */
async function digest(file) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}

/**
 * @param {Run} run
 * @param {string} target
 */
export async function verifyDownload(run, target) {
  const output = path.join(run.lab.dir, 'verify');
  await curl(run, target, { output });
  if ((await digest(output)) !== (await digest(path.join(run.lab.dir, 'www', target)))) {
    throw new Error('the content that arrived is not what the origin server sent');
  }
}
