// @ts-check
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './command.mjs';

/** @import { Certificates } from './types.mjs' */

/** One for every handshake of the run, or a subject might be measured with a cheaper one than the others. */
export const tlsCipher = 'TLS_AES_256_GCM_SHA384';

/**
 * A throw-away authority and one certificate, which origin and proxies share.
 *
 * @param {string} openssl
 * @param {string} dir
 * @returns {Promise<Certificates>}
 */
export async function createCertificates(openssl, dir) {
  await mkdir(dir, { recursive: true });
  const file = (/** @type {string} */ name) => path.join(dir, name);
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const ca = { cert: file('ca.pem'), key: file('ca-key.pem') };
  const leaf = { request: file('server.csr'), cert: file('server.pem'), key: file('server-key.pem') };
  const extensions = file('server.ext');
  await writeFile(extensions, 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n');
  await runCommand(openssl, [
    ...['req', '-x509', ...newKey, '-keyout', ca.key, '-out', ca.cert],
    ...['-days', '2', '-subj', '/CN=Bench CA'],
  ]);
  await runCommand(openssl, [
    ...['req', '-new', ...newKey, '-keyout', leaf.key, '-out', leaf.request, '-subj', '/CN=localhost'],
  ]);
  await runCommand(openssl, [
    ...['x509', '-req', '-in', leaf.request, '-CA', ca.cert, '-CAkey', ca.key, '-CAcreateserial'],
    ...['-days', '2', '-extfile', extensions, '-out', leaf.cert],
  ]);
  const bundle = file('bundle.pem');
  await writeFile(bundle, (await readFile(leaf.cert, 'utf8')) + (await readFile(leaf.key, 'utf8')));
  return { ca: ca.cert, cert: leaf.cert, key: leaf.key, bundle };
}
