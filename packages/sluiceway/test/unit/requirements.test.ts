import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  describeWith,
  findOptionalTool,
  requireAddress,
  requireTool,
  requireVersion,
  Tool,
  testWith,
} from '../support/requirements.js';

const absent = 'no-program-has-this-name';
const node = basename(process.execPath);

beforeEach(() => {
  vi.stubEnv('PATH', dirname(process.execPath));
  vi.stubEnv('SLUICEWAY_REQUIRE_ALL', undefined);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

const watchWarnings = () => vi.spyOn(console, 'warn').mockReturnValue();

describe('requireTool', () => {
  test('finds a program on the PATH', () => {
    expect(requireTool(node)).toMatchObject({ name: node, missing: null, path: process.execPath });
  });

  test('a missing program skips with its name in a reason', () => {
    const warn = watchWarnings();
    expect(requireTool(absent).missing).toContain(absent);
    expect(warn).toHaveBeenCalledWith(`skipped: ${absent} is not installed on this machine`);
  });

  test('a missing program has no path, so that nothing can start it', () => {
    watchWarnings();
    expect(() => requireTool(absent).path).toThrow(absent);
  });

  test('a missing program fails where nothing may be skipped', () => {
    vi.stubEnv('SLUICEWAY_REQUIRE_ALL', '1');
    expect(() => requireTool(absent)).toThrow(absent);
  });

  test.skipIf(process.platform === 'win32')(
    'finds a server in the sbin beside a folder of the PATH, and nowhere else',
    () => {
      watchWarnings();
      const root = mkdtempSync(join(tmpdir(), 'sluiceway-tools-'));
      try {
        for (const folder of ['bin', 'sbin', 'other']) mkdirSync(join(root, folder));
        const server = join(root, 'sbin', absent);
        writeFileSync(server, '#!/bin/sh\n');
        chmodSync(server, 0o755);
        vi.stubEnv('PATH', join(root, 'other/bin'));
        expect(requireTool(absent).missing).not.toBeNull();
        vi.stubEnv('PATH', `:${join(root, 'bin')}`);
        expect(requireTool(absent).path).toBe(server);
      } finally {
        rmSync(root, { recursive: true });
      }
    },
  );

  test('an empty PATH finds nothing, a program in the working directory included', () => {
    watchWarnings();
    vi.stubEnv('PATH', '');
    expect(requireTool(relative('.', process.execPath)).missing).not.toBeNull();
  });
});

describe('findOptionalTool', () => {
  test('a missing program is a reason to skip even where nothing may be skipped', () => {
    const warn = watchWarnings();
    vi.stubEnv('SLUICEWAY_REQUIRE_ALL', '1');
    expect(findOptionalTool(absent).missing).toContain(absent);
    expect(warn).toHaveBeenCalledWith(expect.stringContaining(absent));
  });
});

describe('requireAddress', () => {
  test('finds an address of this machine', () => {
    expect(requireAddress('127.0.0.1').missing).toBeNull();
  });

  test('an address that this machine does not have skips, or fails where nothing may be skipped', () => {
    watchWarnings();
    expect(requireAddress('192.0.2.1').missing).toContain('192.0.2.1');
    vi.stubEnv('SLUICEWAY_REQUIRE_ALL', '1');
    expect(() => requireAddress('192.0.2.1')).toThrow('192.0.2.1');
  });
});

describe('requireVersion', () => {
  test('finds a program whose version fits', () => {
    expect(requireVersion(node, '--version', /^v\d+\./).missing).toBeNull();
  });

  test('another version skips with what it is in a reason', () => {
    const warn = watchWarnings();
    expect(requireVersion(node, '--version', /^v0\./).missing).toContain(process.version);
    expect(warn).toHaveBeenCalledWith(expect.stringContaining(process.version));
  });

  test('another version fails where nothing may be skipped', () => {
    vi.stubEnv('SLUICEWAY_REQUIRE_ALL', '1');
    expect(() => requireVersion(node, '--version', /^v0\./)).toThrow(process.version);
  });
});

describe('without a tool', () => {
  const missing = Tool.absent(absent, `${absent} is not installed on this machine`);
  const present = Tool.at(process.execPath);
  const ran: string[] = [];

  /** A suite with a hook and tests, which leave their names. */
  const suite = (name: string) => (): void => {
    beforeAll(() => void ran.push(`${name}: a hook`));
    afterAll(() => void ran.push(`${name}: a hook`));
    test('a test', () => void ran.push(`${name}: a test`));
    test.for([1])('a row of a table: %s', () => void ran.push(`${name}: a row`));
    describe('a suite', () => {
      beforeAll(() => void ran.push(`${name}: a hook inside`));
      test('a test', () => void ran.push(`${name}: a test inside`));
    });
  };
  describeWith(missing)('a suite', suite('describeWith'));
  describeWith(present, missing)('a suite that needs one more', suite('two tools'));
  describeWith(missing).for([1, 2])('a suite for each of a table: %s', suite('describeWith.for'));
  testWith(missing)('a test', () => void ran.push('testWith'));
  testWith(missing).for([1])('a row of a table: %s', () => void ran.push('testWith.for'));

  test('neither tests nor hooks run', () => {
    expect(ran).toEqual([]);
  });
});

describe('with its tools', () => {
  const ran: string[] = [];
  const present = Tool.at(process.execPath);
  describeWith(present)('a suite', () => {
    beforeAll(() => void ran.push('a hook'));
    test('a test', () => void ran.push('a test'));
  });
  describeWith(present).for(['a', 'b'])('a suite for each of a table: %s', (row) => {
    test('a test', () => void ran.push(row));
  });
  testWith(present)('a test', () => void ran.push('testWith'));

  test('a suite runs, for each row where there is a table', () => {
    expect(ran).toEqual(['a hook', 'a test', 'a', 'b', 'testWith']);
  });
});
