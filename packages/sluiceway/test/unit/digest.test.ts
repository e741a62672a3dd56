import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { formatDigest, isSameDigest, parseDigest, readDigest } from '../../src/http/digest.js';
import { Fields } from '../../src/http/fields.js';

const content = '{"hello": "world"}\n';
const sha256 = createHash('sha256').update(content).digest();
const sha512 = createHash('sha512').update(content).digest();
const member256 = `sha-256=:${sha256.toString('base64')}:`;
const member512 = `sha-512=:${sha512.toString('base64')}:`;

describe('a digest field', () => {
  // RFC 9530 appendix D has the same content with the same digests.
  test('is written as the standard writes it [RFC 9530 2]', () => {
    expect(member256).toBe('sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:');
    expect(formatDigest({ algorithm: 'sha-256', value: sha256 })).toBe(member256);
    expect(formatDigest({ algorithm: 'sha-512', value: sha512 })).toBe(member512);
  });

  test.each<[what: string, lines: string[], algorithm: string | null]>([
    ['with SHA-256 is read', [member256], 'sha-256'],
    ['with SHA-512 is read', [member512], 'sha-512'],
    ['with both is read for the stronger one', [`${member256}, ${member512}`], 'sha-512'],
    ['of several lines is one dictionary', [member256, member512], 'sha-512'],
    ['with other algorithms is read for the known one', [`md5=:AAAA:, ${member256}, crc=5`], 'sha-256'],
    ['with parameters is read without them', [`${member256};q=1`], 'sha-256'],
    ['without padding is read', [`${member256.slice(0, -2)}:`], 'sha-256'],
    ['with only other algorithms is ignored', ['md5=:AAAA:, unixsum=:AAAA:'], null],
    ['in upper case is ignored', [member256.toUpperCase()], null],
    ['that is cut short is ignored', [member256.slice(0, -1)], null],
    ['with something that is no dictionary in it is ignored as a whole', [`${member256}, ???`], null],
    ['in hexadecimal digits is ignored', [`sha-256=${sha256.toString('hex')}`], null],
    ['with a value of another length is ignored', ['sha-256=:AAAA:'], null],
    ['with a list of values is ignored', [`sha-256=(:${sha256.toString('base64')}:)`], null],
    ['with SHA-512 of another length falls back to SHA-256', [`sha-512=:AAAA:, ${member256}`], 'sha-256'],
    ['that says a member twice holds by the last', [`sha-256=:AAAA:, ${member256}`], 'sha-256'],
    ['that is longer than any is ignored', [member256, `x=:${'A'.repeat(2048)}:`], null],
    ['that is empty is ignored', [''], null],
    ['that is not there is null', [], null],
  ])('%s [RFC 9530 2; RFC 9651 4.2]', (_, lines, algorithm) => {
    const fields = new Fields(lines.flatMap((line) => ['repr-digest', line]));
    const digest = readDigest(fields, 'Repr-Digest');
    expect(digest?.algorithm ?? null).toBe(algorithm);
    if (digest !== null)
      expect(Buffer.from(digest.value)).toEqual(digest.algorithm === 'sha-256' ? sha256 : sha512);
    expect(readDigest(fields, 'Content-Digest')).toBeNull();
  });
});

describe('a digest that a user gives', () => {
  test.each([
    `sha256:${sha256.toString('hex')}`,
    `SHA256:${sha256.toString('hex').toUpperCase()}`,
    `sha512:${sha512.toString('hex')}`,
    member256,
    member512,
  ])('may be %s', (text) => {
    const digest = parseDigest(text);
    expect(Buffer.from(digest.value)).toEqual(digest.algorithm === 'sha-256' ? sha256 : sha512);
    expect(parseDigest(formatDigest(digest))).toEqual(digest);
  });

  test.each<unknown>([
    '',
    sha256.toString('hex'),
    `sha256:${sha256.toString('hex')}0`,
    `sha256:${sha512.toString('hex')}`,
    `sha256:${sha256.toString('hex').replace(/^./, 'g')}`,
    `sha-256:${sha256.toString('hex')}`,
    'sha-256=:AAAA:',
    `md5=:${sha256.toString('base64')}:`,
    `${member256}, ${member512}`,
    member256.slice(0, -1),
    5,
    null,
    sha256,
  ])('must not be %j', (text) => {
    expect(() => parseDigest(text)).toThrow(/^must be 'sha256:' and 64/);
  });
});

test('digests are the same by algorithm and value', () => {
  const digest = parseDigest(member256);
  expect(isSameDigest(digest, parseDigest(`sha256:${sha256.toString('hex')}`))).toBe(true);
  expect(isSameDigest(digest, parseDigest(`sha256:${createHash('sha256').digest('hex')}`))).toBe(false);
  expect(isSameDigest(digest, parseDigest(member512))).toBe(false);
});
