// A machine that has what the README asks for and nothing else, as far as a program can tell: a PATH with Node, npm,
// git and a shell, an environment without anything of ours, no home, no terminal, and a user who is not root.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, chownSync, constants, mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { output, scratchDirectory } from '../support.mjs';

const programs = ['npm', 'npx', 'git', 'sh'];

/** Of the system, not of the user: how the network is reached. */
const kept = /^(?:NODE_EXTRA_CA_CERTS|SSL_CERT_(?:FILE|DIR)|TMPDIR|(?:https?|no)_proxy)$/i;

/** Owns what is made for these checks where root runs them: `nobody` on every Linux. */
const nobody = 65_534;
const isRoot = process.getuid?.() === 0;

/**
 * @typedef {object} BareMachine
 * @property {string} folder Where its user may write.
 * @property {(command: string, args: readonly string[], cwd: string) => string} run Runs a command to its end and
 *   returns what it wrote to its standard output; throws, with all of its output, unless it ends with 0.
 * @property {(command: string, args: readonly string[], cwd: string) => Promise<string>} show As `run`, and shows the
 *   output as it comes.
 * @property {(command: string, args: readonly string[], cwd: string, env: Record<string, string>) =>
 *   import('node:child_process').ChildProcessByStdio<null, import('node:stream').Readable, import('node:stream').Readable>}
 *   start Starts a command as the leader of a group of its own.
 * @property {(folder: string) => void} give Makes its user the owner of a folder and of all that is in it.
 */

/** @returns {BareMachine} */
export function makeBareMachine() {
  const folder = scratchDirectory('machine');
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  // npm is a script that asks env for `node`, whatever this one is called.
  symlinkSync(process.execPath, join(bin, 'node'));
  for (const name of programs) symlinkSync(findProgram(name), join(bin, name));

  const env = {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.test(name))),
    PATH: bin,
    // Nothing can be read there, and nothing written.
    HOME: '/dev/null',
    npm_config_cache: join(folder, 'npm-cache'),
    npm_config_registry: output('npm', ['config', 'get', 'registry']).trim(),
  };
  const user = isRoot ? { uid: nobody, gid: nobody } : {};
  /** @type {BareMachine['give']} */
  const give = (path) => {
    if (isRoot) changeOwner(path);
  };
  give(folder);

  return {
    folder,
    give,
    run(command, args, cwd) {
      const options = {
        cwd,
        env,
        ...user,
        encoding: /** @type {const} */ ('utf8'),
        maxBuffer: 64 * 1024 * 1024,
      };
      const { status, error, stdout, stderr } = spawnSync(command, args, options);
      if (error) throw new Error(`${command}: ${error.message}`, { cause: error });
      if (status !== 0)
        throw new Error(`${command} ${args.join(' ')} exited with ${status}\n${stdout}${stderr}`);
      return stdout;
    },
    async show(command, args, cwd) {
      const child = spawn(command, args, { cwd, env, ...user, stdio: ['ignore', 'pipe', 'inherit'] });
      let printed = '';
      child.stdout.setEncoding('utf8').on('data', (/** @type {string} */ text) => {
        printed += text;
        process.stdout.write(text);
      });
      await new Promise((resolve, reject) => child.once('close', resolve).once('error', reject));
      return printed;
    },
    start: (command, args, cwd, more) =>
      spawn(command, args, {
        cwd,
        env: { ...env, ...more },
        ...user,
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      }),
  };
}

/** @param {string} name */
function findProgram(name) {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return realpathSync(path);
    } catch {
      // Not in this folder.
    }
  }
  throw new Error(`${name} is not on the PATH`);
}

/** @param {string} path */
function changeOwner(path) {
  chownSync(path, nobody, nobody);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) changeOwner(join(path, entry.name));
    else if (entry.isFile()) chownSync(join(path, entry.name), nobody, nobody);
  }
}
