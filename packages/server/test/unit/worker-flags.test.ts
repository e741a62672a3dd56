import { describe, expect, test } from 'vitest';
import { workerNodeFlags } from '../../src/workers/node-flags.js';

describe('the flags of Node for workers', () => {
  test('are those of the primary process, and a larger space for new objects [Sluiceway]', () => {
    const flags = workerNodeFlags(['--enable-source-maps'], '--no-warnings');
    expect(flags).toEqual(['--enable-source-maps', '--max-semi-space-size=32']);
  });

  test('leave a size that the operator has set [Sluiceway]', () => {
    expect(workerNodeFlags(['--max-semi-space-size=8'], '')).toEqual(['--max-semi-space-size=8']);
    expect(workerNodeFlags(['--max_semi_space_size=8'], '')).toEqual(['--max_semi_space_size=8']);
    expect(workerNodeFlags([], '--no-warnings --max-semi-space-size=8')).toEqual([]);
  });
});
