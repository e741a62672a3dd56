import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Where a program is that a test compares with or is driven by; `null` when this machine has none. Use it at the
 * top of a test file: `const nginx = requireTool('nginx')`, then `describe.skipIf(nginx === null)`.
 *
 * With SLUICEWAY_REQUIRE_ALL=1 a missing program throws and so fails the file: a run that must prove everything
 * skips nothing.
 */
export function requireTool(name: string): string | null {
  return findTool(name) ?? skip(`${name} is not installed on this machine`);
}

/** As `requireTool`, for a program whose version matters: what it prints for `flag` has to match. */
export function requireVersion(name: string, flag: string, version: RegExp): string | null {
  const path = requireTool(name);
  if (path === null) return null;
  const { stdout, stderr } = spawnSync(path, [flag], { encoding: 'utf8' });
  if (version.test(stdout + stderr)) return path;
  return skip(`${name} ${flag} says nothing like ${version}: ${(stdout + stderr).split('\n', 1)[0]}`);
}

/** As `requireTool`, for a program that no run has to have: missing, it is a reason to skip and nothing else. */
export function findOptionalTool(name: string): string | null {
  const path = findTool(name);
  if (path === null) console.warn(`skipped: ${name} is not installed on this machine`);
  return path;
}

function skip(reason: string): null {
  if (process.env['SLUICEWAY_REQUIRE_ALL'] === '1') {
    throw new Error(`${reason}, and SLUICEWAY_REQUIRE_ALL=1 says that nothing may be skipped`);
  }
  console.warn(`skipped: ${reason}`);
  return null;
}

function findTool(name: string): string | null {
  // Servers live in sbin, which is not on the PATH of an ordinary user on Debian.
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutableFile) ?? null;
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
