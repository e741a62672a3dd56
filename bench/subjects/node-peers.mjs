// @ts-check
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { freePort, startProgram } from '../lib/program.mjs';

/** @import { Subject } from '../lib/types.mjs' */

/**
 * With a heap as small as that of a proxy of ten lines, V8 answers every few megabytes of buffers with a full
 * collection. In an application of any size it does not, so the peers shall not pay for being short.
 */
const nodeFlags = ['--initial-old-space-size=64'];

/** @param {string} packageName */
const manifestUrl = (packageName) => new URL(`../node_modules/${packageName}/package.json`, import.meta.url);

/**
 * @param {string} name
 * @param {string} label
 * @param {string} packageName
 * @param {boolean} packaged
 * @returns {Subject}
 */
function nodePeer(name, label, packageName, packaged) {
  const program = fileURLToPath(new URL(`../peers/${name}.mjs`, import.meta.url));
  return {
    name,
    label,
    kind: 'node',
    packaged,
    missing: () => undefined,
    version: async () => JSON.parse(await readFile(manifestUrl(packageName), 'utf8')).version,
    async start(lab, { origin, tlsClient }) {
      const port = await freePort();
      const { ca, cert, key } = lab.certificates;
      return startProgram(port, process.execPath, [
        ...[...nodeFlags, program, '--origin', origin.origin, '--port', String(port), '--ca', ca],
        ...(tlsClient ? ['--cert', cert, '--key', key] : []),
      ]);
    },
  };
}

export const nodePeers = [
  nodePeer('http-proxy-3', 'http-proxy-3', 'http-proxy-3', true),
  nodePeer('httpxy', 'httpxy', 'httpxy', true),
  nodePeer('fastify-http-proxy', '@fastify/http-proxy', '@fastify/http-proxy', true),
  nodePeer('undici-request', 'undici request', 'undici', false),
  nodePeer('undici-dispatch', 'undici dispatch', 'undici', false),
];
