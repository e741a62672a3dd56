import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { formatKeys, generateKey, type KeyOptions, parseKeys } from '../../src/access/keys.js';
import { createLinks } from '../../src/gateway/links.js';
import { anyUse, keyOf, keys } from '../support/grants.js';
import { problemsOf } from '../support/problems.js';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'sluiceway-keys-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(text: string, mode = 0o600): string {
  const file = join(directory, 'keys.json');
  // Only root writes to a file that is read-only.
  rmSync(file, { force: true });
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
}

const grant = { url: 'https://a.example/', expires: '1h' };
const linkOf = (options: KeyOptions): string => createLinks({ keys: options }).sign(grant);
const isValid = (link: string): void =>
  expect(createLinks({ keys }).verify(link, anyUse).grant.url).toBe(grant.url);

test('a new key has 32 random bytes and an id that names the day [Sluiceway]', () => {
  const key = generateKey(new Date('2031-02-03T23:59:59Z'));
  expect(key.id).toMatch(/^k20310203-[0-9a-f]{6}$/);
  expect(Buffer.from(key.secret, 'base64url')).toHaveLength(32);
  expect(generateKey().secret).not.toBe(generateKey().secret);
  expect(parseKeys(formatKeys([key, generateKey()]))[0]).toEqual(key);
});

test('keys come from a file or a variable of the environment as well [Sluiceway]', () => {
  isValid(linkOf({ file: fileOf(formatKeys(keys)) }));
  vi.stubEnv('SLUICEWAY_TEST_KEYS', formatKeys(keys));
  onTestFinished(() => void vi.unstubAllEnvs());
  isValid(linkOf({ env: 'SLUICEWAY_TEST_KEYS' }));
});

describe.skipIf(process.platform === 'win32')('a key file', () => {
  test.each([
    ['0o600', false],
    ['0o400', false],
    ['0o640', false],
    ['0o644', true],
    ['0o602', true],
    ['0o666', true],
  ])('of the mode %s gives cause for a warning: %s [Sluiceway]', (mode, warned) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    onTestFinished(() => warn.mockRestore());
    isValid(linkOf({ file: fileOf(formatKeys(keys), Number(mode)) }));
    expect(warn.mock.calls.map(([message, type]) => [String(message).split(' in ')[0], type])).toEqual(
      warned
        ? [['Other users of the machine can read or change the secrets', 'SluicewaySecretFileWarning']]
        : [],
    );
  });
});

const good = keyOf('k1', 1);
test.each<[string, unknown, RegExp]>([
  ['an empty list', [], /^keys must have at least one key$/],
  ['a text', 'secret-a', /^keys must be an object, not string$/],
  ['neither file nor env', {}, /^keys must be a list of keys, or an object with either file or env$/],
  ['file and env', { file: 'a', env: 'b' }, /^keys must be a list of keys, or/],
  ['an unknown source', { fil: 'a' }, /^keys\.fil is not an option; did you mean 'file'\?$/],
  [
    'a file that is not there',
    { file: '/nowhere/keys.json' },
    /^keys names a file that cannot be read: ENOENT$/,
  ],
  ['a directory', { file: '/' }, /^keys names a file that cannot be read: EISDIR$/],
  ['a file that is no name', { file: 7 }, /^keys must be a string with the path of a file$/],
  [
    'a variable that is not set',
    { env: 'NOT_SET_AT_ALL' },
    /^keys names the environment variable NOT_SET_AT_ALL, which is not set$/,
  ],
  [
    'a variable that is no name',
    { env: 7 },
    /^keys must be a string with the name of an environment variable$/,
  ],
  ['no key', [undefined], /^keys\[0\] is required$/],
  ['null', [null], /^keys\[0\] must be an object, not null$/],
  ['a key by its text alone', ['secret-a'], /^keys\[0\] must be an object, not string$/],
  ['the same id twice', [good, keyOf('k1', 2)], /^keys must not have the id "k1" twice$/],
  ['no id', [{ secret: good.secret }], /^keys\[0\]\.id must be 1 to 32 letters/],
  ['an empty id', [{ ...good, id: '' }], /^keys\[0\]\.id must be 1 to 32 letters/],
  ['an id that is too long', [{ ...good, id: 'k'.repeat(33) }], /^keys\[0\]\.id must be 1 to 32 letters/],
  ['an id with other characters', [{ ...good, id: 'a.b' }], /^keys\[0\]\.id must be 1 to 32 letters/],
  ['an id with the end of a line', [{ ...good, id: 'a\n' }], /^keys\[0\]\.id must be 1 to 32 letters/],
  ['no secret', [{ id: 'k1' }], /^keys\[0\]\.secret must be base64url without padding$/],
  ['a short secret', [{ id: 'k1', secret: 'secret-a' }], /^keys\[0\]\.secret must have at least 32 bytes/],
  [
    'a secret of 31 bytes',
    [{ id: 'k1', secret: Buffer.alloc(31, 7).toString('base64url') }],
    /at least 32 bytes/,
  ],
  [
    'a secret with padding',
    [{ id: 'k1', secret: `${good.secret}=` }],
    /^keys\[0\]\.secret must be base64url/,
  ],
  [
    'a secret in base64',
    [{ id: 'k1', secret: Buffer.alloc(33, 0xff).toString('base64') }],
    /must be base64url/,
  ],
  ['a secret with spare bits', [{ id: 'k1', secret: `${good.secret.slice(0, -1)}F` }], /must be base64url/],
  ['something else in a key', [{ ...good, secrett: 'secret-a' }], /^keys\[0\]\.secrett is not an option/],
])('%s is refused, and no secret told', (_, given, problem) => {
  const problems = problemsOf(() => createLinks({ keys: given as KeyOptions }));
  expect(problems[0]).toMatch(problem);
  expect(problems.join()).not.toContain('secret-');
});

test.each([
  '',
  '{',
  'secret-a',
  '{"keys": "secret-a"}',
  '[]',
  '{"key": []}',
  'null',
  '{"keys": [{"id": "secret-a]}',
])('a file that holds %j is refused, and not shown', (text) => {
  const form = /must contain JSON such as \{"keys": \[\{"id": "…", "secret": "…"\}\]\}$/;
  expect(problemsOf(() => parseKeys(text))).toEqual([expect.stringMatching(form)]);
  expect(problemsOf(() => createLinks({ keys: { file: fileOf(text) } }))).toEqual([
    expect.stringMatching(form),
  ]);
});

test('the keys in a file are checked like others, each under its path', () => {
  const text = JSON.stringify({ keys: [good, { id: 'k2', secret: 'secret-a' }, { id: '?' }] });
  const problems = problemsOf(() => parseKeys(text));
  expect(problems.map((problem) => problem.split(' ')[0])).toEqual([
    'keys[1].secret',
    'keys[2].id',
    'keys[2].secret',
  ]);
});
