import * as crypto from 'node:crypto';
import { describe, expect, test, vi } from 'vitest';
import { bearer } from '../../src/access/bearer.js';
import type { BearerTokens } from '../../src/access/bearer-tokens.js';
import { accessRequest, tokenFile } from '../support/access.js';
import { problemsOf } from '../support/problems.js';

vi.mock('node:crypto', async (importOriginal) => {
  const original = await importOriginal<typeof crypto>();
  return { ...original, timingSafeEqual: vi.fn<typeof crypto.timingSafeEqual>(original.timingSafeEqual) };
});

const A = 'aaaaaaaaaaaaaaaa';
const B = 'bbbbbbbbbbbbbbbb';
const C = 'cccccccccccccccc';

const decide = (tokens: BearerTokens, ...lines: string[]) =>
  bearer(tokens)(accessRequest(lines.flatMap((line) => ['Authorization', line])));

describe('which tokens let in', () => {
  test.each([
    ['of a list', [A, B], null],
    ['of an object, with its identity', { [A]: 'anna', [B]: 'ci' }, 'ci'],
    ['of a file, without an identity', { file: tokenFile(`# tokens\n\n${A}\n  ${B}\r\n`) }, null],
    ['of a file, with one', { file: tokenFile(`anna: ${A}\nb:ci : ${B}`) }, 'b:ci'],
    ['of a file that begins with a byte order mark', { file: tokenFile(`\uFEFFci:${B}`) }, 'ci'],
  ] as const)('one %s', (_, tokens, identity) => {
    const granted = { allowed: true, identity, consumed: ['Authorization'] };
    expect(decide(tokens, `Bearer ${B}`)).toEqual(granted);
    expect(decide(tokens, `Bearer ${C}`)).toMatchObject({ allowed: false, status: 401 });
  });

  test('the file is read when the policy is made, and not again', () => {
    const file = tokenFile(A);
    const policy = bearer({ file });
    tokenFile(B, file);
    expect(policy(accessRequest(['Authorization', `Bearer ${A}`]))).toMatchObject({ allowed: true });
  });

  test('several tokens of one identity, so that one can replace another', () => {
    expect(decide({ [A]: 'ci', [B]: 'ci' }, `Bearer ${A}`)).toMatchObject({ identity: 'ci' });
  });
});

describe('what is compared', () => {
  test.each([
    ['the first', A],
    ['the last', C],
    ['none', 'dddddddddddddddd'],
    ['one that is as long as no other', 'x'],
    ['one of which most is right', `${A.slice(1)}x`],
  ])('all tokens, by timingSafeEqual, where %s is given', (_, given) => {
    vi.mocked(crypto.timingSafeEqual).mockClear();
    void decide([A, B, C], `Bearer ${given}`);
    const compared = vi
      .mocked(crypto.timingSafeEqual)
      .mock.calls.map(([left, right]) => [left.byteLength, right.byteLength]);
    expect(compared).toEqual([
      [32, 32],
      [32, 32],
      [32, 32],
    ]);
  });

  test('nothing where there is no token', () => {
    vi.mocked(crypto.timingSafeEqual).mockClear();
    void decide([A], 'Basic YTpi');
    expect(crypto.timingSafeEqual).not.toHaveBeenCalled();
  });
});

describe('what a refusal says', () => {
  const plain = 'Bearer realm="restricted"';
  test.each<[string, string[], string]>([
    ['there is no field', [], plain],
    ['there is another scheme', ['Basic YTpi'], plain],
    ['the scheme only begins so', [`Bearers ${A}`], plain],
    ['the token is not known', [`Bearer ${B}`], `${plain}, error="invalid_token"`],
    ['the token is a prefix', [`Bearer ${A.slice(1)}`], `${plain}, error="invalid_token"`],
    ['the token is of another case', [`Bearer ${A.toUpperCase()}`], `${plain}, error="invalid_token"`],
    ['there is no token', ['Bearer'], `${plain}, error="invalid_request"`],
    ['there is no token, but a space', ['Bearer '], `${plain}, error="invalid_request"`],
    ['there are two tokens', [`Bearer ${A} ${A}`], `${plain}, error="invalid_request"`],
    ['there are two in a list', [`Bearer ${A}, Bearer ${A}`], `${plain}, error="invalid_request"`],
    ['there is a space behind it', [`Bearer ${A} `], `${plain}, error="invalid_request"`],
    [
      'there are 15 KB of spaces in it',
      [`Bearer a${' '.repeat(15_000)}a`],
      `${plain}, error="invalid_request"`,
    ],
    ['there is a parameter', [`Bearer ${A}, a=b`], `${plain}, error="invalid_request"`],
    ['the token has bytes above 0x7F', ['Bearer aaaaaaaaaaaaaaa\xe4'], `${plain}, error="invalid_request"`],
    ['the line is empty', [''], `${plain}, error="invalid_request"`],
    ['there are two lines', [`Bearer ${A}`, `Bearer ${A}`], `${plain}, error="invalid_request"`],
    [
      'there are two of different schemes',
      ['Basic YTpi', `Bearer ${A}`],
      `${plain}, error="invalid_request"`,
    ],
  ])('where %s', (_, lines, challenge) => {
    const decision = decide([A], ...lines);
    expect(decision).toMatchObject({ allowed: false, status: 401, challenge });
    expect(JSON.stringify(decision)).not.toContain(A);
  });

  test('a token of 15 KB is one like any other', () => {
    expect(decide([A], `Bearer ${'a'.repeat(15_000)}`)).toMatchObject({ status: 401 });
  });

  test('the realm stands in the challenge, quotes and backslashes escaped', () => {
    const policy = bearer([A], { realm: 'a "b" \\c' });
    expect(policy(accessRequest())).toMatchObject({ challenge: 'Bearer realm="a \\"b\\" \\\\c"' });
  });
});

test.each(['bearer', 'BEARER', 'bEaReR'])('the scheme may be spelled %s', (scheme) => {
  expect(decide([A], `${scheme}   ${A}`)).toMatchObject({ allowed: true });
});

test('the origin server gets the credentials where that is asked for', () => {
  const policy = bearer([A], { keepCredentials: true });
  expect(policy(accessRequest(['authorization', `Bearer ${A}`]))).toMatchObject({ consumed: [] });
});

describe('what is wrong is said, all at once, and without the tokens', () => {
  test.each<[string, unknown, string[]]>([
    ['nothing', undefined, ['tokens must be a list, an object or { file }']],
    ['a string', A, ['tokens must be a list, an object or { file }']],
    ['an empty list', [], ['tokens must have at least one token']],
    ['an empty object', {}, ['tokens must have at least one token']],
    [
      'bad ones in a list',
      ['0123456789abcde', 7, `secret secret ${A}`, A, A, '===============a'],
      [
        'tokens[0] must have 16 characters or more',
        'tokens[1] must be a string',
        'tokens[2] must consist of letters, digits and -._~+/, with = at its end only',
        'tokens[4] appears twice',
        'tokens[5] must consist of letters, digits and -._~+/, with = at its end only',
      ],
    ],
    [
      'bad ones in an object',
      { '0123456789abcde': 'anna', [A]: 7, [B]: ' ', [C]: 'a\nb' },
      [
        'tokens[0] must have 16 characters or more: the keys of the object are tokens, its values identities',
        ...[1, 2, 3].map(
          (i) => `tokens[${i}] must map to an identity that is a string without control characters`,
        ),
      ],
    ],
    ['a file without a name', { file: '' }, ['tokens.file must not be empty']],
    ['a file that is none', { file: 7 }, ['tokens.file must be a string, not number']],
  ])('%s', (_, tokens, problems) => {
    expect(problemsOf(() => bearer(tokens as BearerTokens))).toEqual(problems);
  });

  test('in a file', () => {
    const file = tokenFile(`anna:${A}\nshort:secret\n:${B}\nci:${A}\n`);
    expect(problemsOf(() => bearer({ file }))).toEqual([
      `tokens.file has a token in line 2 of ${file} that must have 16 characters or more`,
      `tokens.file has a token in line 3 of ${file} that must map to an identity that is a string without control characters`,
      `tokens.file has a token in line 4 of ${file} that appears twice`,
    ]);
  });

  test('a file that cannot be read', () => {
    expect(problemsOf(() => bearer({ file: '/nowhere/tokens' }))).toEqual([
      'tokens.file names a file that cannot be read: ENOENT',
    ]);
    const bytes = tokenFile(Buffer.from([0xff, 0xfe, 0x61]));
    expect(problemsOf(() => bearer({ file: bytes }))[0]).toMatch(/cannot be read: it is not in UTF-8$/);
  });

  test('a file with nothing in it', () => {
    const file = tokenFile('# none\n\n');
    expect(problemsOf(() => bearer({ file }))).toEqual([`tokens.file is empty: ${file}`]);
  });

  test('options', () => {
    const options: object = { realm: 'gr\u00fcn', keepCredentials: 'yes', relam: 1 };
    expect(problemsOf(() => bearer([A], options))).toEqual([
      "relam is not an option; did you mean 'realm'?",
      'realm must be printable ASCII',
      'keepCredentials must be true or false, not "yes"',
    ]);
  });
});
