import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { AccessRequest } from '../../src/access/policy.js';
import { Fields } from '../../src/http/fields.js';

/** A request as a policy sees it, with only these fields. */
export function accessRequest(
  fields: readonly string[] = [],
  facts: Partial<Omit<AccessRequest, 'fields'>> = {},
): AccessRequest {
  const clientAddress = '192.0.2.7';
  return {
    id: '1',
    method: 'GET',
    path: '/',
    mountPath: '',
    query: null,
    host: 'test',
    protocol: 'http',
    httpVersion: '1.1',
    headers: new Fields(fields),
    clientAddress,
    trusted: false,
    forwarded: { for: clientAddress, host: 'test', proto: 'http' },
    clientCertificate: null,
    raw: {} as IncomingMessage,
    ...facts,
  };
}

const folders: string[] = [];
let files = 0;

/** Writes a file with credentials, which is deleted after the tests of the test file. */
export function tokenFile(content: string | Buffer, path?: string): string {
  if (folders.length === 0) folders.push(mkdtempSync(join(tmpdir(), 'sluiceway-access-')));
  files += 1;
  const file = path ?? join(folders[0] as string, `credentials-${files}`);
  writeFileSync(file, content, { mode: 0o600 });
  return file;
}

const removeFolders = (): void => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
};
afterAll(removeFolders);
// Tests that are only collected, for the conformance page, write files but run no hooks.
process.once('exit', removeFolders);

/** The value of `Authorization` for a user and a password. */
export const basicOf = (user: string, password: string, encoding: BufferEncoding = 'utf8'): string =>
  `Basic ${Buffer.from(`${user}:${password}`, encoding).toString('base64')}`;

/**
 * Hashes of the password `pw` from a C library (libxcrypt), not from the code that verifies them here. They have the
 * lowest cost.
 */
export const bcryptOfPw = '$2y$04$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW';
