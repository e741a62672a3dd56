// @ts-check
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from './command.mjs';
import { benchFile } from './tools.mjs';

/** The build that the bars compare with. */
export const olderCommit = '331716e';

const program = 'packages/server/bin/sluiceway.js';

/** What a build needs. The configuration of other tools would make those of this tree stumble. */
const sources = ['package.json', 'package-lock.json', 'tsconfig.base.json', '.npmrc', 'packages', 'scripts'];

/**
 * Builds the older commit in a directory of its own, once: later runs use the same build.
 *
 * @param {string} root  of the repository
 * @returns {Promise<string>} path of its program
 */
export async function buildOlder(root) {
  const builds = benchFile('.scratch/builds');
  const finished = path.join(builds, olderCommit);
  if (existsSync(finished)) return path.join(finished, program);
  await mkdir(builds, { recursive: true });
  const directory = await mkdtemp(path.join(builds, 'unfinished-'));
  try {
    const archive = path.join(directory, 'source.tar');
    await runCommand('git', ['-C', root, 'archive', '--output', archive, olderCommit, ...sources]);
    await runCommand('tar', ['-xf', archive, '-C', directory]);
    await rm(archive);
    // Its own lock file decides which compiler builds it. Its scripts would build it too, with output that nobody reads.
    await runCommand('npm', ['ci', '--ignore-scripts', '--prefer-offline'], { cwd: directory });
    await runCommand(process.execPath, ['scripts/build.mjs'], { cwd: directory });
    await rename(directory, finished);
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw error;
  }
  return path.join(finished, program);
}
