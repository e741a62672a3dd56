import { once } from 'node:events';
import { expect, test, vi } from 'vitest';
import { jwt } from '../../src/jwt.js';
import { accessRequest } from '../support/access.js';

vi.mock('jose', () => {
  throw new Error('Cannot find package jose');
});

test('without the package jose a warning says so at once, and every token is an error of the proxy [Sluiceway]', async () => {
  const warned = once(process, 'warning');
  const policy = jwt({ issuer: 'https://login.example', audience: 'files', secret: 's'.repeat(32) });
  expect((await warned)[0]).toMatchObject({
    name: 'SluicewayAccessWarning',
    message: 'jwt needs the package jose: npm install jose',
  });
  const request = accessRequest(['Authorization', 'Bearer aaaa.bbbb.cccc']);
  await expect(Promise.resolve(policy(request))).rejects.toMatchObject({
    code: 'proxy_internal_error',
    status: 500,
  });
  expect(await policy(accessRequest([]))).toMatchObject({ allowed: false, status: 401 });
});
