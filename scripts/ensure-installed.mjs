// Lets `npm start` and `npm test` work on a fresh clone: installs what the lockfile asks for when
// node_modules does not match it, then builds. Only Node's own modules: nothing may be installed yet.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { root, run } from './support.mjs';

/** @typedef {Record<string, { version?: string, integrity?: string, optional?: boolean }>} Packages */

/** @param {string} path */
function readPackages(path) {
  try {
    const lockfile = /** @type {{ packages: Packages }} */ (
      JSON.parse(readFileSync(join(root, path), 'utf8'))
    );
    return lockfile.packages;
  } catch {
    return undefined;
  }
}

/**
 * Compares contents, not times: a checkout sets new times on an unchanged lockfile.
 * npm leaves a copy of what it installed in node_modules/.package-lock.json.
 *
 * @returns {string | undefined} why an install is needed
 */
function reasonToInstall() {
  const wanted = readPackages('package-lock.json');
  const installed = readPackages('node_modules/.package-lock.json');
  if (wanted === undefined) throw new Error('package-lock.json is missing or unreadable');
  if (installed === undefined) return 'node_modules is missing';
  for (const [path, { version, integrity, optional }] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = installed[path];
    // Builds for other platforms are in the lockfile only.
    if (found === undefined && optional) continue;
    if (found?.version !== version || found?.integrity !== integrity) return `${path} is not as locked`;
    // npm's copy of the lockfile outlives what `git clean` takes out of a workspace.
    if (!existsSync(join(root, path))) return `${path} is missing`;
  }
  return undefined;
}

export function ensureInstalled() {
  const reason = reasonToInstall();
  if (reason !== undefined) {
    console.log(`${reason}: running npm ci`);
    // The compiler is a development dependency, which NODE_ENV=production would leave out.
    // Some are for a newer Node than this one may be, of which npm would warn a screen full.
    run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  }
  build();
}
