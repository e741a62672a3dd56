import { spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe } from 'vitest';
import { prepareZeroCopy } from '../../src/zero-copy/zero-copy.js';
import { test } from './fixture.js';

/** A requirement of tests on the machine. */
export interface Requirement {
  readonly name: string;
  /** Why it is not available; null if it is. */
  readonly missing: string | null;
}

/**
 * A program that tests compare with or are driven by. Functions that start a program take a `Tool`, never a name, and a
 * missing tool has no path. So no test can start a program without looking for it first.
 */
export class Tool implements Requirement {
  readonly name: string;
  readonly missing: string | null;
  readonly #path: string | null;

  private constructor(name: string, path: string | null, missing: string | null) {
    this.name = name;
    this.missing = missing;
    this.#path = path;
  }

  static at(path: string, name: string = path): Tool {
    return new Tool(name, path, null);
  }

  static absent(name: string, reason: string): Tool {
    return new Tool(name, null, reason);
  }

  /** Throws if the tool is missing: then a test or hook is outside `describeWith`. */
  get path(): string {
    if (this.#path !== null) return this.#path;
    throw new Error(`${this.missing}; put what needs it inside describeWith(${this.name}) or testWith()`);
  }
}

/** The Node that runs the tests. */
export const node: Tool = Tool.at(process.execPath, 'node');

/**
 * Looks for a program. Call it at the top of a test file, and put every test and every hook that needs the program
 * inside `describeWith`:
 *
 *     const nginx = requireTool('nginx');
 *     describeWith(nginx)('nginx as the origin server', () => { … });
 *
 * A missing program is named once in the output. With SLUICEWAY_REQUIRE_ALL=1, this throws and so fails the file, for
 * runs that must not skip anything.
 */
export function requireTool(name: string): Tool {
  const path = findTool(name);
  return path === null ? skip(name, notInstalled(name)) : Tool.at(path, name);
}

/** Like `requireTool`, for a program whose version matters: its output for `flag` has to match `version`. */
export function requireVersion(name: string, flag: string, version: RegExp): Tool {
  const tool = requireTool(name);
  if (tool.missing !== null) return tool;
  const { stdout, stderr } = spawnSync(tool.path, [flag], { encoding: 'utf8' });
  if (version.test(stdout + stderr)) return tool;
  return skip(name, `${name} ${flag} says nothing like ${version}: ${(stdout + stderr).split('\n', 1)[0]}`);
}

/** Like `requireTool`, for an optional program: if it is missing, tests are skipped in any case. */
export function findOptionalTool(name: string): Tool {
  const path = findTool(name);
  return path === null ? announce(name, notInstalled(name)) : Tool.at(path, name);
}

/** A module of Python. If it is missing, tests are skipped in any case: the Python on the PATH may not be the system's. */
export function findOptionalModule(tool: Tool, module: string): Requirement {
  if (tool.missing !== null) return tool;
  const { status } = spawnSync(tool.path, ['-c', `import ${module}`]);
  const name = `the module ${module} of Python`;
  return status === 0 ? { name, missing: null } : announce(name, notInstalled(name));
}

/** Like `requireTool`, for an address of this machine: containers often have no IPv6. */
export function requireAddress(address: string): Requirement {
  const interfaces = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  if (interfaces.some((each) => each.address === address)) return { name: address, missing: null };
  return skip(address, `${address} is no address of this machine`);
}

/**
 * Zero copy, which needs Node 26.7 or newer. On an older Node, tests are skipped in any case.
 */
export function requireZeroCopy(): Requirement {
  const reason = prepareZeroCopy();
  if (reason === null) return { name: 'zero copy', missing: null };
  const missing = `zero copy cannot be had: ${reason}`;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const isNew = major > 26 || (major === 26 && minor >= 7);
  return isNew && process.platform === 'linux' ? skip('zero copy', missing) : announce('zero copy', missing);
}

/** A `describe` whose tests and hooks run only if all requirements are met. */
export interface DescribeWith {
  (title: string, body: () => void): void;
  for<Row>(rows: readonly Row[]): (title: string, body: (row: Row) => void) => void;
}

/** `describe`, skipped as a whole, including hooks, if one of the requirements is missing. */
export function describeWith(...needs: readonly Requirement[]): DescribeWith {
  // As an option: vitest 4 runs the suites of `describe.skip.for()` and of `describe.skipIf(true).for()`.
  const options = needs.some(isMissing) ? { skip: true } : {};
  return Object.assign(
    (title: string, body: () => void): void => {
      // oxlint-disable-next-line vitest/valid-describe-callback -- vitest takes the options second
      describe(title, options, body);
    },
    {
      for:
        <Row>(rows: readonly Row[]) =>
        (title: string, body: (row: Row) => void): void => {
          // oxlint-disable-next-line vitest/valid-describe-callback -- vitest takes the options second
          describe.for(rows)(title, options, body);
        },
    },
  );
}

/** `test` with a network, skipped if one of the requirements is missing. */
export function testWith(...needs: readonly Requirement[]): typeof test {
  return test.skipIf(needs.some(isMissing)) as typeof test;
}

const isMissing = ({ missing }: Requirement): boolean => missing !== null;

const notInstalled = (name: string): string => `${name} is not installed on this machine`;

function skip(name: string, reason: string): Tool {
  if (process.env['SLUICEWAY_REQUIRE_ALL'] === '1') {
    throw new Error(`${reason}, and SLUICEWAY_REQUIRE_ALL=1 says that nothing may be skipped`);
  }
  return announce(name, reason);
}

/** scripts/count-reporter.mjs collects these lines for the end of the output. */
function announce(name: string, reason: string): Tool {
  console.warn(`skipped: ${reason}`);
  return Tool.absent(name, reason);
}

function findTool(name: string): string | null {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  // Servers are installed in sbin, which is not on the PATH of an ordinary user on Debian.
  const beside = onPath.map((folder) => join(folder, '../sbin'));
  return [...onPath, ...beside].map((folder) => join(folder, name)).find(isExecutableFile) ?? null;
}

function isExecutableFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
