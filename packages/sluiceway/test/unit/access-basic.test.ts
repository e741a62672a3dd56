import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { basic, parseBasic } from '../../src/access/basic.js';
import type { BasicUsers } from '../../src/access/basic-users.js';
import { accessRequest, basicOf, bcryptOfPw, tokenFile } from '../support/access.js';
import { problemsOf } from '../support/problems.js';

const encode = (text: string, encoding: BufferEncoding = 'utf8') =>
  Buffer.from(text, encoding).toString('base64');

describe('credentials', () => {
  test.each<[string, string, { user: string; password: string } | null]>([
    ['a name and a password', encode('anna:pw'), { user: 'anna', password: 'pw' }],
    ['colons belong to the password', encode('anna:a:b:'), { user: 'anna', password: 'a:b:' }],
    ['both may be empty', encode(':'), { user: '', password: '' }],
    ['spaces stay', encode(' anna : p w '), { user: ' anna ', password: ' p w ' }],
    ['UTF-8', encode('j\u00fcrgen:p\u20ac'), { user: 'j\u00fcrgen', password: 'p\u20ac' }],
    [
      'latin1, which is no UTF-8',
      encode('j\u00fcrgen:\u00e4', 'latin1'),
      { user: 'j\u00fcrgen', password: '\u00e4' },
    ],
    ['no colon', encode('anna'), null],
    ['nothing', '', null],
    ['a control character', encode('anna:p\nw'), null],
    ['NUL', encode('an\0na:pw'), null],
    ['DEL', encode('anna:\x7f'), null],
    ['C1 in UTF-8', encode('anna:\u0085'), null],
    ['no padding', 'YW5uYTpwd2Q', null],
    ['base64 for URLs', encode('a:\u00ff\u00ff', 'latin1').replaceAll('/', '_'), null],
    ['bits that say nothing', 'YTp=', null],
    ['no base64', 'a~~~', null],
  ])('%s', (_, token, expected) => {
    expect(parseBasic(token)).toEqual(expected);
  });

  test('whatever was encoded is decoded', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((each) => !/\p{Cc}|\p{Cs}/u.test(each));
    fc.assert(
      fc.property(
        text.filter((each) => !each.includes(':')),
        text,
        (user, password) => {
          expect(parseBasic(encode(`${user}:${password}`))).toEqual({ user, password });
        },
      ),
    );
  });

  test('no two tokens are the same credentials in UTF-8', () => {
    fc.assert(
      fc.property(
        fc.base64String({ minLength: 4 }),
        fc.nat(),
        fc.string({ minLength: 1, maxLength: 1 }),
        (token, at, char) => {
          const i = at % token.length;
          const other = token.slice(0, i) + char + token.slice(i + 1);
          const [one, two] = [parseBasic(token), parseBasic(other)];
          if (other !== token && one !== null) expect(two).not.toEqual(one);
        },
      ),
    );
  });
});

const decide = async (users: BasicUsers, ...lines: string[]) =>
  basic(users)(accessRequest(lines.flatMap((line) => ['Authorization', line])));

describe('which users are let in', () => {
  test.each([
    ['of an object', { anna: bcryptOfPw, file: bcryptOfPw }],
    ['of a file', { file: tokenFile(`# users\n\nanna:${bcryptOfPw}\r\nfile:${bcryptOfPw}`) }],
  ] as const)('those %s, with their password, and their name is the identity', async (_, users) => {
    const granted = { allowed: true, consumed: ['Authorization'] };
    expect(await decide(users, basicOf('anna', 'pw'))).toEqual({ ...granted, identity: 'anna' });
    expect(await decide(users, basicOf('file', 'pw'))).toEqual({ ...granted, identity: 'file' });
    expect(await decide(users, basicOf('ben', 'pw'))).toMatchObject({ allowed: false, status: 401 });
  });

  test.each(['utf8', 'latin1'] as const)('one whose name is sent as %s', async (encoding) => {
    const users = { 'j\u00fcrgen': bcryptOfPw };
    expect(await decide(users, basicOf('j\u00fcrgen', 'pw', encoding))).toMatchObject({
      allowed: true,
      identity: 'j\u00fcrgen',
    });
  });

  test.each(['__proto__', 'constructor', 'toString'])('not %s, which objects have', async (user) => {
    expect(await decide({ anna: bcryptOfPw }, basicOf(user, 'pw'))).toMatchObject({ status: 401 });
  });
});

test.each<[string, string[]]>([
  ['there is no field', []],
  ['there is another scheme', ['Bearer aaaaaaaaaaaaaaaa']],
  ['the user does not exist', [basicOf('ben', 'pw')]],
  ['the password is wrong', [basicOf('anna', 'PW')]],
  ['the password is empty', [basicOf('anna', '')]],
  ['there is no colon', ['Basic YW5uYQ==']],
  ['there is no token', ['Basic']],
  ['there is no base64', ['Basic ~~~~']],
  ['there are two lines', [basicOf('anna', 'pw'), basicOf('anna', 'pw')]],
  ['the password has 10 KB', [basicOf('anna', 'p'.repeat(10_000))]],
])('a refusal is the same where %s', async (_, lines) => {
  const decision = await decide({ anna: bcryptOfPw }, ...lines);
  expect(decision).toMatchObject({
    allowed: false,
    status: 401,
    challenge: 'Basic realm="restricted", charset="UTF-8"',
  });
  expect(JSON.stringify(decision)).not.toMatch(/anna|ben|pw/i);
});

test('too many wrong passwords are 429, without a challenge', async () => {
  const policy = basic({ anna: bcryptOfPw });
  const decisions = [];
  for (let i = 0; i < 11; i += 1)
    decisions.push(await policy(accessRequest(['Authorization', basicOf('anna', String(i))])));
  expect(decisions[9]).toMatchObject({ status: 401 });
  expect(decisions[10]).toEqual({
    allowed: false,
    status: 429,
    reason: 'there were too many attempts at a password',
  });
});

describe('what is wrong is said, all at once, and without the hashes', () => {
  const noHash = 'must be a bcrypt hash ($2y$…, from htpasswd -B) or a scrypt hash ($scrypt$…)';
  test.each<[string, unknown, string[]]>([
    ['nothing', undefined, ['users is required']],
    ['a list', ['anna'], ['users must be an object, not an array', 'users must have at least one user']],
    ['an empty object', {}, ['users must have at least one user']],
    [
      'bad ones in an object',
      { anna: 'secret', ben: 7, '': bcryptOfPw, 'a:b': bcryptOfPw, 'a\nb': bcryptOfPw },
      [
        `users.anna ${noHash}`,
        'users.ben must be a string',
        ...['', 'a:b', 'a\nb'].map(
          (name) => `users.${name} must have a name, without colons and control characters`,
        ),
      ],
    ],
  ])('%s', (_, users, problems) => {
    expect(problemsOf(() => basic(users as BasicUsers))).toEqual(problems);
  });

  test('in a file', () => {
    const file = tokenFile(`anna:${bcryptOfPw}\nben:secret\n${bcryptOfPw}\nanna:${bcryptOfPw}\n`);
    const entry = (line: number) => `users.file has an entry in line ${line} of ${file} that`;
    expect(problemsOf(() => basic({ file }))).toEqual([
      `${entry(2)} ${noHash}`,
      `${entry(3)} must have a name, without colons and control characters`,
      `${entry(4)} appears twice`,
    ]);
  });
});
