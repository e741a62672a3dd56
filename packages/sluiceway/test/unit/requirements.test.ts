import { execFileSync } from 'node:child_process';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { requireTool, requireVersion } from '../support/requirements.js';

const absent = 'no-program-has-this-name';

/** Of the node on the PATH, which need not be the one that runs this. */
const nodeVersion = execFileSync('node', ['--version'], { encoding: 'utf8' }).trim();

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe('requireTool', () => {
  test('finds a program on the PATH', () => {
    expect(requireTool('node')).toMatch(/node$/);
  });

  test('a missing program skips with its name in a reason', () => {
    vi.stubEnv('SLUICEWAY_REQUIRE_ALL', undefined);
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    expect(requireTool(absent)).toBeNull();
    expect(warn).toHaveBeenCalledWith(expect.stringContaining(absent));
  });

  test('a missing program fails where nothing may be skipped', () => {
    vi.stubEnv('SLUICEWAY_REQUIRE_ALL', '1');
    expect(() => requireTool(absent)).toThrow(absent);
  });
});

describe('requireVersion', () => {
  test('finds a program whose version fits', () => {
    expect(requireVersion('node', '--version', /^v\d+\./)).toMatch(/node$/);
  });

  test('another version skips with what it is in a reason', () => {
    vi.stubEnv('SLUICEWAY_REQUIRE_ALL', undefined);
    const warn = vi.spyOn(console, 'warn').mockReturnValue();
    expect(requireVersion('node', '--version', /^v0\./)).toBeNull();
    expect(warn).toHaveBeenCalledWith(expect.stringContaining(nodeVersion));
  });

  test('another version fails where nothing may be skipped', () => {
    vi.stubEnv('SLUICEWAY_REQUIRE_ALL', '1');
    expect(() => requireVersion('node', '--version', /^v0\./)).toThrow(nodeVersion);
  });
});
