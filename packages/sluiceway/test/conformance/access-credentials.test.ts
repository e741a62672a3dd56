import { describe, expect } from 'vitest';
import { anyOf, basic, bearer } from '../../src/index.js';
import { basicOf, bcryptOfPw } from '../support/access.js';
import { type Network, test } from '../support/fixture.js';
import type { RawResponse } from '../support/raw-client.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const TOKEN = 'aaaaaaaaaaaaaaaa';
const users = { anna: bcryptOfPw, 'j\u00fcrgen': bcryptOfPw };
const both = () => anyOf(bearer({ [TOKEN]: 'ci' }), basic(users));

async function ask(
  net: Network,
  lines: readonly string[],
): Promise<RawResponse & { identity: string | null }> {
  const { client, running } = await through(net, respondWith(sized('secret')), { access: both() });
  await client.get('/', lines);
  const response = await client.readResponse();
  return { ...response, identity: (await running.record()).identity };
}

const authorization = (value: string) => `Authorization: ${value}`;

describe('credentials in Authorization', () => {
  test.for<[string, string, string]>([
    ['a token', `Bearer ${TOKEN}`, 'ci'],
    ['a token, the scheme in lower case', `bearer ${TOKEN}`, 'ci'],
    ['a password', basicOf('anna', 'pw'), 'anna'],
    ['a password, the scheme in capitals', basicOf('anna', 'pw').replace('Basic', 'BASIC'), 'anna'],
    ['a name in UTF-8', basicOf('j\u00fcrgen', 'pw'), 'j\u00fcrgen'],
    ['a name in latin1', basicOf('j\u00fcrgen', 'pw', 'latin1'), 'j\u00fcrgen'],
  ])('let in with %s [RFC 6750 2.1; RFC 7617 2; RFC 9110 11.4]', async ([, value, identity], { net }) => {
    const response = await ask(net, [authorization(value)]);
    expect([response.head.status, response.identity]).toEqual([200, identity]);
  });

  test.for<[string, string[]]>([
    ['there are none', []],
    ['the field is empty', ['Authorization:']],
    ['the password is wrong', [authorization(basicOf('anna', 'PW'))]],
    ['there is no such user', [authorization(basicOf('ben', 'pw'))]],
    ['there is no colon', [authorization(`Basic ${Buffer.from('anna').toString('base64')}`)]],
    ['they are no base64', [authorization('Basic ~')]],
    ['they are bytes', [authorization('Basic \xe4\xf6')]],
    ['they are huge', [authorization(basicOf('anna', 'p'.repeat(9000)))]],
    ['they are of a scheme that nobody asked for', [authorization('Digest a')]],
    ['they come in two fields', [authorization(basicOf('anna', 'pw')), authorization(`Bearer ${TOKEN}`)]],
    ['they come twice', [authorization(`Bearer ${TOKEN}`), authorization(`Bearer ${TOKEN}`)]],
    ['they come in a list', [authorization(`Bearer ${TOKEN}, ${basicOf('anna', 'pw')}`)]],
    ['they come as Proxy-Authorization', [`Proxy-Authorization: Bearer ${TOKEN}`]],
  ])('do not where %s, and all challenges are sent [RFC 9110 15.5.2]', async ([, lines], { net }) => {
    const response = await ask(net, lines);
    const challenges = response.head.getAll('www-authenticate');
    expect([response.head.status, response.identity]).toEqual([401, null]);
    expect(challenges.map((challenge) => challenge.replace(/, error=.*/, ''))).toEqual([
      'Bearer realm="restricted"',
      'Basic realm="restricted", charset="UTF-8"',
    ]);
  });

  test('do not in a query or a form [RFC 6750 5.3]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized('secret')), { access: both() });
    const form = `access_token=${TOKEN}`;
    await client.send(
      `POST /?${form} HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\n\r\n${form}`,
    );
    expect((await client.readResponse()).head.status).toBe(401);
  });

  test('that are wrong get the same answer for a known user and an unknown one [RFC 7617 4]', async ({
    net,
  }) => {
    const { client } = await through(net, respondWith(sized('')), { access: basic(users) });
    const answers: string[] = [];
    for (const user of ['anna', 'ben']) {
      await client.get('/', [authorization(basicOf(user, 'no'))]);
      const { head, content } = await client.readResponse();
      const lines = head.lines.filter((line) => !line.startsWith('Date:'));
      answers.push([head.startLine, ...lines, content.toString()].join('\n'));
    }
    expect(answers[0]).toBe(answers[1]);
  });

  test('that are wrong too often get 429, and only who was let in before is still let in [RFC 6585 4]', async ({
    net,
  }) => {
    const { client, origin } = await through(net, respondWith(sized('')), { access: basic(users) });
    const statusOf = async (user: string, password: string): Promise<number> => {
      await client.get('/', [authorization(basicOf(user, password))]);
      return (await client.readResponse()).head.status;
    };
    expect(await statusOf('anna', 'pw')).toBe(200);
    const statuses: number[] = [];
    for (let i = 0; i < 11; i += 1) statuses.push(await statusOf('anna', String(i)));
    expect(statuses).toEqual([...Array.from({ length: 10 }, () => 401), 429]);
    expect(await statusOf('j\u00fcrgen', 'pw')).toBe(429);
    expect(await statusOf('anna', 'pw')).toBe(200);
    expect(origin.total).toBe(1);
  });
});
