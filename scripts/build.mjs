// Compiles and bundles both packages. tsc -b decides by its own record of what it has written, so this puts right what the
// record does not show: files in dist that are gone, and files in dist whose source is gone. Then writes the JSON Schema
// of configuration files, which follows from the sources of both.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderDocs } from './render-docs.mjs';
import { root, run } from './support.mjs';

const packages = ['packages/sluiceway', 'packages/server'];

/** Costs a fraction of a second when nothing has changed. */
export function build() {
  for (const directory of packages) forgetIncompleteBuild(join(root, directory));
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', ...packages]);
  for (const directory of packages) removeOrphans(join(root, directory));
  run(process.execPath, [join(root, 'scripts/bundle.mjs')]);
  writeSchema();
  renderDocs();
}

function writeSchema() {
  const file = join(root, 'packages/server/dist/sluiceway.schema.json');
  const built = packages.map((directory) => join(root, directory, 'dist/.tsbuildinfo'));
  const isFresh = existsSync(file) && built.every((each) => statSync(each).mtimeMs <= statSync(file).mtimeMs);
  if (isFresh) return;
  const program = join(root, 'packages/server/bin/sluiceway.js');
  writeFileSync(file, execFileSync(process.execPath, [program, 'config', 'schema']));
}

/** @param {string} directory */
function forgetIncompleteBuild(directory) {
  const sources = listFiles(join(directory, 'src')).filter((name) => name.endsWith('.ts'));
  const complete = sources.every((name) => existsSync(join(directory, 'dist', name.replace(/\.ts$/, '.js'))));
  if (complete) return;
  for (const record of ['dist/.tsbuildinfo', 'dist/dashboard/.tsbuildinfo'])
    rmSync(join(directory, record), { force: true });
}

/**
 * What is left behind would still be published, and could still be imported.
 *
 * @param {string} directory
 */
function removeOrphans(directory) {
  for (const name of listFiles(join(directory, 'dist'))) {
    const stem = /^(.*?)\.(?:js|d\.ts)(?:\.map)?$/.exec(name)?.[1];
    if (stem === undefined || /^bundle[\\/]/.test(name) || existsSync(join(directory, 'src', `${stem}.ts`)))
      continue;
    rmSync(join(directory, 'dist', name));
  }
}

/** @param {string} directory */
function listFiles(directory) {
  return existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
}

if (process.argv[1] === import.meta.filename) build();
