// @ts-check
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from '../lib/command.mjs';
import { files } from '../lib/lab.mjs';
import { measureTransfer } from '../lib/transfer.mjs';
import { columns } from './transfers.mjs';

/** @import { Run, Workload } from '../lib/types.mjs' */

/**
 * Receives a file through a WebSocket.
 *
 * @param {Run} run
 * @param {string} file
 * @param {string[]} [output]  name of a file, to keep what arrives
 */
async function receive({ lab, url }, file, output = []) {
  const command = /** @type {string} */ (lab.webSocket);
  const { stdout } = await runCommand(command, [url.port, `/websocket${file}`, ...output]);
  const [bytes, seconds] = stdout.trim().split(' ').map(Number);
  return { bytes: bytes ?? NaN, seconds: seconds ?? NaN };
}

/** @param {Run} run */
export async function verifyTunnel(run) {
  const output = path.join(run.lab.dir, 'verify');
  await receive(run, files.probe, [output]);
  const sent = await readFile(path.join(run.lab.dir, 'www', files.probe));
  if (!sent.equals(await readFile(output)))
    throw new Error('what arrived is not what the origin server sent');
}

/** @type {Workload} */
export const tunnel = {
  name: 'tunnel',
  title: 'Tunnel: from the origin server through a WebSocket',
  route: 'tunnel',
  maxRounds: Infinity,
  needs: ['cc'],
  // The Node peers take no upgrades.
  subjects: ({ kind }) => kind !== 'node',
  better: 'lower',
  columns,
  warmUp: async (run) => void (await receive(run, files.warmUp)),
  measure: (run) => measureTransfer(run, run.lab.scale.bytes, () => receive(run, files.large)),
};
