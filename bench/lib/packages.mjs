// @ts-check
import { readFile } from 'node:fs/promises';
import { runCommand } from './command.mjs';
import { benchFile } from './tools.mjs';

/** @param {string} name */
async function installedVersion(name) {
  try {
    return JSON.parse(await readFile(benchFile(`node_modules/${name}/package.json`), 'utf8')).version;
  } catch {
    return undefined;
  }
}

/** Installs the Node peers, which only a run of the bench needs. */
export async function installPeers() {
  const { dependencies } = JSON.parse(await readFile(benchFile('package.json'), 'utf8'));
  for (const [name, version] of Object.entries(dependencies)) {
    if ((await installedVersion(name)) === version) continue;
    await runCommand('npm', ['ci', '--prefix', benchFile('.')], { cwd: benchFile('.') });
    return;
  }
}
