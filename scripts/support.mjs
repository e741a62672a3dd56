// What several scripts need. Only Node's own modules: some scripts run before anything is installed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The workspace, wherever the script is called from. */
export const root = resolve(import.meta.dirname, '..');

/**
 * @typedef {object} RunOptions
 * @property {string} [cwd] The workspace when absent.
 * @property {NodeJS.ProcessEnv} [env] The whole environment; the present one when absent.
 */

/**
 * Runs a command to its end with its output shown. A failure ends this script with the same exit code,
 * without a stack trace: the command has already said what is wrong.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function run(command, args, { cwd = root, env = process.env } = {}) {
  const { status, error } = spawnSync(command, args, {
    cwd,
    env,
    stdio: 'inherit',
    shell: needsShell(command),
  });
  if (error) console.error(`${command}: ${error.message}`);
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * Runs a command and returns what it printed. A failure throws, with its output in the message.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {RunOptions} [options]
 */
export function output(command, args, { cwd = root, env = process.env } = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    shell: needsShell(command),
  });
  if (error) throw new Error(`${command}: ${error.message}`, { cause: error });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} exited with ${status}\n${stdout}${stderr}`);
  return stdout;
}

/**
 * On Windows npm and npx are batch files, which only a shell can start.
 *
 * @param {string} command
 */
function needsShell(command) {
  return process.platform === 'win32' && ['npm', 'npx'].includes(command);
}

/**
 * The environment for a command that works in another project. `npm run` tells its scripts which project they
 * belong to, and an npm started inside would act on that one instead of its working directory.
 */
export function environmentElsewhere() {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(npm_(package|lifecycle)_|npm_config_local_prefix$|INIT_CWD$|SLUICEWAY_)/.test(name),
    ),
  );
}

/**
 * A new directory outside the workspace, so that nothing is resolved from the workspace's node_modules.
 * It goes when the process exits, however that comes about.
 *
 * @param {string} name
 */
export function scratchDirectory(name) {
  const path = mkdtempSync(join(tmpdir(), `sluiceway-${name}-`));
  process.on('exit', () => rmSync(path, { recursive: true, force: true }));
  return path;
}
