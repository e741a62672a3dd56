import { afterEach, describe, expect, test, vi } from 'vitest';
import { requireTool } from '../support/requirements.js';

const absent = 'no-program-has-this-name';

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
