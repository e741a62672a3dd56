import { X509Certificate } from 'node:crypto';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { makeCertificate } from '../../../sluiceway/test/support/certificates.js';
import { test } from '../../../sluiceway/test/support/fixture.js';
import { describeWith, requireTool } from '../../../sluiceway/test/support/requirements.js';
import { runTool, scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { createCertificateRequest } from '../../src/acme/certificate-request.js';
import { renewalTime, retryPauseMs } from '../../src/acme/schedule.js';
import { AcmeStorage, generateKey } from '../../src/acme/storage.js';

const openssl = requireTool('openssl');
const MINUTE_MS = 60_000;

describe('the schedule of a certificate', () => {
  test('renews it after two thirds of its life, give or take a twentieth', async () => {
    const { cert } = await makeCertificate(['a.test'], {
      notBefore: new Date('2026-01-01T00:00:00Z'),
      notAfter: new Date('2026-01-31T00:00:00Z'),
    });
    const parsed = new X509Certificate(cert);
    const days = [0, 0.5, 1].map((random) => new Date(renewalTime(parsed, random)).toISOString());
    expect(days).toEqual([
      '2026-01-19T12:00:00.000Z',
      '2026-01-21T00:00:00.000Z',
      '2026-01-22T12:00:00.000Z',
    ]);
  });

  test.for([
    [1, 0, 5],
    [2, 0, 10],
    [5, 0, 80],
    [50, 0, 360],
    [1, 60 * MINUTE_MS, 60],
    [1, 1e12, 24 * 60],
  ] as const)(
    'after %i failures, and a Retry-After of %i ms, waits %i minutes',
    ([failures, retryAfter, minutes]) => {
      expect(retryPauseMs(failures, retryAfter, 0)).toBe(minutes * MINUTE_MS);
      expect(retryPauseMs(failures, retryAfter, 1)).toBe((minutes + 1) * MINUTE_MS);
    },
  );
});

describeWith(openssl)('a certificate request', () => {
  test.for([
    ['a.example.org'],
    [`${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(40)}.org`],
  ])('for %s has the name, and a signature that OpenSSL accepts [RFC 2986]', async ([name = ''], { net }) => {
    const folder = scratchFolder(net);
    writeFileSync(join(folder, 'request.der'), createCertificateRequest(name, generateKey()));
    const args = ['req', '-inform', 'DER', '-in', 'request.der', '-verify', '-noout', '-text'];
    const { code, stdout, stderr } = await runTool(net, openssl, args, { in: folder });
    expect(code).toBe(0);
    expect(stdout + stderr).toMatch(/verify OK/);
    expect(stdout).toContain(`DNS:${name}`);
  });
});

describe('the storage of certificates', () => {
  const directory = 'https://acme.example:14000/dir';

  test('keeps the key of the account, and a folder for each authority', ({ net }) => {
    const folder = scratchFolder(net);
    const [a, again, b] = [directory, directory, 'https://other.example/dir'].map(
      (url) => new AcmeStorage(folder, url),
    ) as [AcmeStorage, AcmeStorage, AcmeStorage];
    for (const each of [a, b]) each.prepare();
    expect(a.accountKey().equals(again.accountKey())).toBe(true);
    expect(a.accountKey().equals(b.accountKey())).toBe(false);
  });

  test('gives a lock to one at a time, and takes it from an owner that has died', ({ net }) => {
    const folder = scratchFolder(net);
    const storage = new AcmeStorage(folder, directory);
    storage.prepare();
    const unlock = storage.lock('a.test');
    expect(storage.lock('a.test')).toBeNull();
    expect(storage.lock('b.test')).not.toBeNull();
    unlock?.();
    expect(storage.lock('a.test')).not.toBeNull();
    const old = new Date(Date.now() - 3_600_000);
    utimesSync(join(folder, 'acme.example_14000_dir', 'a.test.lock'), old, old);
    expect(storage.lock('a.test')).not.toBeNull();
  });

  test.for(['../account.key', 'a/b', '', 'x'.repeat(200), '%2e%2e'])(
    'reads no file for the token %j [CWE-22]',
    (token, { net }) => {
      const folder = scratchFolder(net);
      const storage = new AcmeStorage(folder, directory);
      storage.prepare();
      storage.accountKey();
      expect(storage.readChallenge(token)).toBeNull();
      expect(() => storage.writeChallenge(token, 'x')).toThrow('is not base64url');
    },
  );

  test('ignores a file that is no certificate with its key', async ({ net }) => {
    const folder = scratchFolder(net);
    const storage = new AcmeStorage(folder, directory);
    mkdirSync(join(folder, 'acme.example_14000_dir'));
    const [a, b] = [await makeCertificate(['a.test']), await makeCertificate(['a.test'])];
    for (const pem of [
      '',
      a.cert,
      a.cert + b.key,
      `${a.key}-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n`,
    ]) {
      writeFileSync(join(folder, 'acme.example_14000_dir', 'a.test.pem'), pem);
      expect(storage.readCertificate('a.test')).toBeNull();
    }
  });
});
