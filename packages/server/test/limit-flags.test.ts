import { describe, expect } from 'vitest';
import { test } from '../../sluiceway/test/support/fixture.js';
import { toLimitRules } from '../src/cli/limit-flags.js';
import { sluiceway } from './support/program.js';

describe('the flags of limits', () => {
  test('describe one rule [Sluiceway]', () => {
    expect(toLimitRules({})).toEqual([]);
    expect(toLimitRules({ limitRate: '2MB' })).toEqual([{ download: '2MB' }]);
    expect(
      toLimitRules({
        limitBy: 'header:X-Tenant',
        limitUploadRate: '1MB',
        limitTransfers: '4',
        limitRequests: '100/1m',
        limitBytes: '50GB/day',
      }),
    ).toEqual([
      {
        by: { header: 'X-Tenant' },
        upload: '1MB',
        transfers: 4,
        requests: { count: 100, per: '1m' },
        bytes: { count: '50GB', per: 'day' },
      },
    ]);
    expect(toLimitRules({ limitBy: 'all', limitRate: '1MB' })).toEqual([{ by: 'all', download: '1MB' }]);
  });

  test.for([
    [{ limitBy: 'client' }, '--limit-by: needs --limit-rate'],
    [{ limitBy: 'user', limitRate: '1MB' }, '--limit-by: must be one of client, identity'],
    [{ limitBy: 'identity', limitRate: '1MB' }, '--limit-by: identity needs --access-token-file'],
    [{ limitTransfers: 'many' }, '--limit-transfers: must be a whole number'],
    [{ limitRequests: '100' }, '--limit-requests: must be written as 100/1m'],
    [{ limitBytes: '50GB/day/x' }, '--limit-bytes: must be written as 50GB/day'],
  ] as const)('are refused with the flag that is wrong: %j', ([flags, message]) => {
    expect(() => toLimitRules(flags)).toThrow(message);
  });

  test('count by identity with a flag that finds it [Sluiceway]', () => {
    const flags = { limitBy: 'identity', limitRate: '1MB', basicFile: '.htpasswd' };
    expect(toLimitRules(flags)).toEqual([{ by: 'identity', download: '1MB' }]);
  });

  test('count by link only at a gateway [Sluiceway]', async ({ net }) => {
    const program = sluiceway(
      net,
      'proxy',
      'http://127.0.0.1:9',
      '--limit-rate',
      '1MB',
      '--limit-by',
      'link',
    );
    expect(await program.exited).toBe(2);
    expect(program.stderr).toContain('--limit-by: only a gateway has links');
  });
});
