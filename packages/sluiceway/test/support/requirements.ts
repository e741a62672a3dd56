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
  const path = findTool(name);
  if (path !== null) return path;
  if (process.env['SLUICEWAY_REQUIRE_ALL'] === '1') {
    throw new Error(`${name} is not installed, and SLUICEWAY_REQUIRE_ALL=1 says that nothing may be skipped`);
  }
  console.warn(`skipped: ${name} is not installed on this machine`);
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
