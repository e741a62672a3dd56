import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDigest } from '../../src/http/digest.js';
import { findInDigestFile, type SoughtFile } from '../../src/http/digest-file.js';

const hex = (text: string, algorithm = 'sha256'): string => createHash(algorithm).update(text).digest('hex');
const A = hex('a');
const B = hex('b');
const A512 = hex('a', 'sha512');
const ofA = { digest: parseDigest(`sha256:${A}`), size: null };
const ofA512 = { digest: parseDigest(`sha512:${A512}`), size: null };

const inFolder: SoughtFile = { path: '/iso/a.iso', folder: '/iso/', isOwn: false };
const own: SoughtFile = { ...inFolder, isOwn: true };

describe('a list of digests gives that of the file in the format of', () => {
  test.for([
    ['sha256sum', `${B}  b.iso\n${A}  a.iso\n`, ofA],
    ['sha256sum --binary', `${B} *b.iso\n${A} *a.iso\n`, ofA],
    ['sha256sum in a folder', `${A}  ./a.iso\n`, ofA],
    ['sha256sum --tag', `SHA256 (b.iso) = ${B}\nSHA256 (a.iso) = ${A}\n`, ofA],
    ['sha512sum', `${A512}  a.iso\n`, ofA512],
    ['cksum -a sha512 of BSD', `SHA512 (a.iso) = ${A512}\n`, ofA512],
    ['openssl dgst', `SHA2-256(a.iso)= ${A}\n`, ofA],
    ['openssl dgst 1.1', `SHA256(a.iso)= ${A}\n`, ofA],
    ['certutil, with capital letters and CR LF', `${A.toUpperCase()}  a.iso\r\n`, ofA],
    ['a text editor that writes a byte order mark', `\xef\xbb\xbf${A}  a.iso\n`, ofA],
    ['Debian (Release)', `SHA256:\n ${B}   17 b.iso\n ${A}   4096 a.iso\n`, { ...ofA, size: 4096 }],
    ['Fedora (CHECKSUM)', `# a.iso: 123 bytes\nSHA256 (a.iso) = ${A}\n`, { ...ofA, size: 123 }],
    [
      'a message that is signed inline',
      `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n${A}  a.iso\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n`,
      ofA,
    ],
    ['several algorithms, the strongest', `${A}  a.iso\n${A512}  a.iso\n`, ofA512],
    ['the same line twice', `${A}  a.iso\n${A}  a.iso\n`, ofA],
  ] as const)('%s', ([, text, expected]) => {
    expect(findInDigestFile(text, inFolder)).toEqual(expected);
  });
});

describe('a list of digests gives none', () => {
  test.for([
    ['of a file that it does not name', `${B}  b.iso\n`],
    ['of a file whose name only ends alike', `${A}  ba.iso\n`],
    ['of a file of that name in another folder', `${A}  other/a.iso\n`],
    ['without a name', `${A}\n`],
    ['if two lines contradict each other', `${A}  a.iso\n${B}  a.iso\n`],
    [
      'of other algorithms',
      `${'0'.repeat(40)}  a.iso\nMD5 (a.iso) = ${'0'.repeat(32)}\nSHA512/256 (a.iso) = ${A}\n`,
    ],
    ['of the wrong length for its algorithm', `SHA512 (a.iso) = ${A}\n`],
    ['if it is a page in HTML', `<!doctype html><title>Not Found</title>${A}  a.iso`],
    ['if it is empty', ''],
  ])('%s', ([, text = '']) => {
    expect(findInDigestFile(text, inFolder)).toBeNull();
  });
});

test.for([
  ['', '/d/x/a.iso', '/d/', `${B}  a.iso\n${A}  x/a.iso\n`, A],
  ['and not that of a file above', '/d/x/a.iso', '/d/', `${B}  a.iso\n`, null],
  ['with a list on another server', '/d/x/a.iso', null, `${A}  a.iso\n`, A],
  ['the longest name on another server', '/d/x/a.iso', null, `${B}  a.iso\n${A}  x/a.iso\n`, A],
] as const)('a file in a folder below is found by its path %s', ([, path, folder, text, expected]) => {
  const found = findInDigestFile(text, { path, folder, isOwn: false });
  expect(found?.digest ?? null).toEqual(expected === null ? null : parseDigest(`sha256:${expected}`));
});

test('a name with an escaped backslash or line feed is that of the file', () => {
  const sought = { path: '/a\\b\nc', folder: '/', isOwn: false };
  expect(findInDigestFile(`\\${A}  a\\\\b\\nc\n`, sought)).toEqual(ofA);
  expect(findInDigestFile(`\\SHA256 (a\\\\b\\nc) = ${A}\n`, sought)).toEqual(ofA);
});

describe('the checksum file of one file', () => {
  test.for([
    ['a digest alone', `${A}\n`],
    ['a digest as container images write it', `sha256:${A}\n`],
    ['a member of Repr-Digest', `sha-256=:${Buffer.from(A, 'hex').toString('base64')}:\n`],
    ['the name that the file had elsewhere', `${A}  build/out.iso\n`],
    ['the line of the file among others', `${B}  b.iso\n${A}  a.iso\n`],
  ])('may have %s', ([, text = '']) => {
    expect(findInDigestFile(text, own)).toEqual(ofA);
  });

  test('gives no digest if it has those of several other files', () => {
    expect(findInDigestFile(`${A}  b.iso\n${B}  c.iso\n`, own)).toBeNull();
  });
});

test('no text makes it throw, or find a file that is not named', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 300 }), (noise) => {
      findInDigestFile(noise, own);
      expect(findInDigestFile(`${noise.replaceAll('a.iso', '')}\n`, inFolder)).toBeNull();
    }),
  );
});
