import { describe, expect, test } from 'vitest';
import { systemResolver } from '../../src/net/system-resolver.js';
import { nowhere } from '../support/nowhere.js';

describe('systemResolver', () => {
  test('finds localhost', async () => {
    const addresses = await systemResolver.resolve('localhost');
    for (const { address, family } of addresses) expect(address).toBe(family === 4 ? '127.0.0.1' : '::1');
    expect(addresses.length).toBeGreaterThan(0);
  });

  test.each(['127.1', '0x7f.1', '2130706433'])('reads %s as the address that it is', async (spelling) => {
    expect(await systemResolver.resolve(spelling)).toEqual([{ address: '127.0.0.1', family: 4 }]);
  });

  test.each([nowhere, 'a b', 'a'.repeat(300)])('%j ends in dns_error', async (name) => {
    await expect(systemResolver.resolve(name)).rejects.toMatchObject({
      code: 'dns_error',
      status: 502,
      retryable: true,
    });
  });
});
