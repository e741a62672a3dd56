// @ts-check
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { nginxUser } from '../subjects/nginx.mjs';
import { createCertificates, tlsCipher } from './certificates.mjs';
import { writeContent, writeHole } from './content.mjs';
import { openFiles } from './limits.mjs';
import { buildOlder } from './older-build.mjs';
import { freePort, killPrograms, startProgram, stopPrograms } from './program.mjs';
import { writeFromTemplate } from './template.mjs';
import { benchFile, buildGoProxy, buildHelper, buildProgram, findTools } from './tools.mjs';

/** @import { Certificates, Lab, Program, Route, Scale, Wiring } from './types.mjs' */

/** What the origin server offers. */
export const files = {
  large: '/large',
  stalled: '/stalled',
  small: '/1k',
  medium: '/64k',
  probe: '/probe',
  warmUp: '/warm-up',
};
/** Divisible by no buffer. */
export const probeBytes = 5_000_001;

/**
 * @param {string} dir
 * @param {Scale} scale
 */
async function writeFiles(dir, scale) {
  const { bsize, bavail } = await statfs(dir);
  const needed = scale.bytes + scale.warmUpBytes + (64 << 20);
  if (bsize * bavail < needed) {
    throw new Error(`${Math.ceil(needed / 1e6)} MB of space in memory are needed: use a smaller --size`);
  }
  const www = path.join(dir, 'www');
  await mkdir(www);
  await writeContent(path.join(www, files.large), scale.bytes);
  await writeContent(path.join(www, files.warmUp), scale.warmUpBytes);
  await writeContent(path.join(www, files.small), 1 << 10);
  await writeContent(path.join(www, files.medium), 64 << 10);
  await writeContent(path.join(www, files.probe), probeBytes);
  await writeHole(path.join(www, files.stalled), scale.stalledBytes);
}

/**
 * @param {Map<string, string>} tools
 * @param {string} dir
 * @param {Certificates} certificates
 */
async function startFiles(tools, dir, certificates) {
  const port = await freePort();
  const tlsPort = await freePort();
  await mkdir(path.join(dir, 'origin-temp'));
  const config = await writeFromTemplate(dir, new URL('../origin/nginx.conf', import.meta.url), {
    name: 'origin',
    user: nginxUser,
    dir,
    port,
    tlsPort,
    openFiles,
    cipher: tlsCipher,
    ...certificates,
  });
  const nginx = /** @type {string} */ (tools.get('nginx'));
  return { program: await startProgram(port, nginx, ['-p', dir, '-e', 'stderr', '-c', config]), tlsPort };
}

/**
 * A shallow clone does not have the commit, and a machine without a network not its packages.
 *
 * @param {string} root
 */
async function findOlder(root) {
  try {
    return { program: await buildOlder(root), problem: undefined };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return { program: undefined, problem: problem.replaceAll(root, '<repository>') };
  }
}

/**
 * Builds everything that the measurements share.
 *
 * @param {Scale} scale
 * @param {{ sluiceway?: string | undefined, node26?: string | undefined, wantsGo: boolean, wantsOlder: boolean }} options
 * @returns {Promise<Lab>}
 */
export async function openLab(scale, { sluiceway, node26, wantsGo, wantsOlder }) {
  const tools = findTools();
  const inMemory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const dir = await mkdtemp(path.join(inMemory, 'sluiceway-bench-'));
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => abandonLab({ dir }));
  }
  try {
    const root = path.resolve(benchFile('..'));
    await writeFiles(dir, scale);
    const certificates = await createCertificates(
      /** @type {string} */ (tools.get('openssl')),
      path.join(dir, 'tls'),
    );
    const sinkCommand = await buildHelper(tools, dir, 'origin/sink');
    const readers = await buildHelper(tools, dir, 'clients/readers');
    const older = await (wantsOlder ? findOlder(root) : undefined);
    const webSocket = await buildProgram(tools, dir, 'clients/websocket');
    const tunnel = await buildProgram(tools, dir, 'origin/websocket');
    const tunnelPort = await freePort();
    const goProxy = wantsGo ? await buildGoProxy(tools, dir) : undefined;
    const { program, tlsPort } = await startFiles(tools, dir, certificates);
    const sinkPort = await freePort();
    const [sinkFile, ...sinkArgs] = /** @type {[string, ...string[]]} */ (sinkCommand);
    const language = tools.has('cc') ? 'C' : 'Node';
    return {
      dir,
      root,
      scale,
      tools,
      certificates,
      files: program,
      sink: await startProgram(sinkPort, sinkFile, [...sinkArgs, String(sinkPort)]),
      tunnel:
        tunnel === undefined
          ? undefined
          : await startProgram(tunnelPort, tunnel, [String(tunnelPort), path.join(dir, 'www')]),
      tlsPort,
      readers,
      webSocket,
      helpers: {
        origin: 'nginx',
        uploadSink: language,
        slowReaders: language,
        transfers: 'curl',
        load: 'wrk',
      },
      sluiceway: path.resolve(sluiceway ?? path.join(root, 'packages/server/bin/sluiceway.js')),
      olderSluiceway: older?.program,
      olderProblem: older?.problem,
      node26,
      goProxy,
    };
  } catch (error) {
    await closeLab({ dir });
    throw error;
  }
}

/**
 * Leaves nothing behind, at once: whatever awaits something now must not get to start the next program.
 *
 * @param {Pick<Lab, 'dir'>} lab
 */
function abandonLab({ dir }) {
  killPrograms();
  rmSync(dir, { recursive: true, force: true });
  process.exit(1);
}

/** @param {Pick<Lab, 'dir'>} lab */
export async function closeLab({ dir }) {
  await stopPrograms();
  await rm(dir, { recursive: true, force: true });
}

/**
 * @param {Lab} lab
 * @param {Route} route
 * @returns {Wiring}
 */
export function wire(lab, route) {
  const http2Client = route === 'http2-client';
  const tlsClient = route === 'tls-client' || http2Client;
  if (route === 'tls-origin')
    return { route, tlsClient, http2Client, origin: new URL(`https://127.0.0.1:${lab.tlsPort}`) };
  const { port } = originOf(lab, route);
  return { route, tlsClient, http2Client, origin: new URL(`http://127.0.0.1:${port}`) };
}

/**
 * @param {Lab} lab
 * @param {Route} route
 * @returns {Program}
 */
export function originOf(lab, route) {
  if (route === 'upload') return lab.sink;
  if (route !== 'tunnel') return lab.files;
  if (lab.tunnel === undefined) throw new Error('a tunnel needs a C compiler');
  return lab.tunnel;
}
