// @ts-check
import { runCommand } from './command.mjs';

/** @import { Run } from './types.mjs' */

export const slowRate = 64 << 10;

/**
 * @param {Run} run
 * @param {string} target
 * @param {{ connections: number, seconds: number, finish: boolean }} options
 * @returns {Promise<{ failed: number, slowBytes: number, totalBytes: number, fastSeconds: number }>}
 */
export async function readSlowly({ lab, url }, target, { connections, seconds, finish }) {
  const [file, ...args] = /** @type {[string, ...string[]]} */ (lab.readers);
  const { stdout } = await runCommand(file, [
    ...args,
    ...[url.port, target, connections, slowRate, seconds, finish ? 1 : 0].map(String),
  ]);
  return JSON.parse(stdout);
}
