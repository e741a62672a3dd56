import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { basic, bearer } from 'sluiceway';
import { expect } from 'vitest';
import { accessRequest, basicOf, bcryptOfPw } from '../../support/access.js';
import { issuerKey, token as makeToken } from '../../support/jwt-issuer.js';
import type { Check, Example } from './example.js';
import { readPage } from './markdown.js';

const TOKEN = 'Zp7c0T1mQmJYq0m4zB6H3w';
const authorization = (value: string) => ({ fields: [`Authorization: ${value}`] });

/** The files that examples read: the tokens of the page, and a user. */
function writeFiles(example: Example, directory: string): void {
  const block = readPage('docs/access.md').blocks.find(({ check }) => check === 'a file of tokens');
  example.write(join(directory, 'tokens.txt'), block?.text ?? '');
  example.write(join(directory, 'htpasswd'), `anna:${bcryptOfPw}\n`);
}

/** Runs an example beside its files. */
async function run(example: Example) {
  return example.run((code) => {
    writeFiles(example, '.');
    return code;
  });
}

/** Checks of the page about access. */
export const accessChecks: Readonly<Record<string, Check>> = {
  'tokens let in': async (example) => {
    const running = await run(example);
    expect((await running.send('/a')).head.status).toBe(401);
    expect((await running.send('/a', authorization(`Bearer ${TOKEN}x`))).head.status).toBe(401);
    expect(example.origin.seen).toEqual([]);
    const response = await running.send('/a', authorization(`Bearer ${TOKEN}`));
    expect(response.content.toString()).toBe('this is /a');
    expect(example.origin.seen[0]?.fields).not.toHaveProperty('authorization');
  },

  'a file of tokens': async (example) => {
    example.write('tokens.txt', example.block.text);
    const policy = bearer({ file: join(example.project, 'tokens.txt') });
    const tokens = example.block.text.trimEnd().split('\n').slice(1);
    const identities = tokens.map((line) => {
      const token = line.replace(/^.*:/, '');
      return policy(accessRequest(['Authorization', `Bearer ${token}`]));
    });
    expect(identities).toMatchObject(
      ['backup', 'anna', null].map((identity) => ({ allowed: true, identity })),
    );
  },

  'passwords let in': async (example) => {
    const running = await run(example);
    const refused = await running.send('/a', authorization(basicOf('anna', 'PW')));
    expect(refused.head.get('www-authenticate')).toBe('Basic realm="Files", charset="UTF-8"');
    const response = await running.send('/a', authorization(basicOf('anna', 'pw')));
    expect(response.content.toString()).toBe('this is /a');
  },

  'makes a hash': async (example) => {
    example.write('hash.mjs', example.block.text);
    const { stdout } = spawnSync(process.execPath, ['hash.mjs', 'horse staple'], {
      cwd: example.project,
      encoding: 'utf8',
    });
    const policy = basic({ anna: stdout.trim() });
    const decide = (password: string) => policy(accessRequest(['Authorization', basicOf('anna', password)]));
    expect(await decide('horse staple')).toMatchObject({ allowed: true, identity: 'anna' });
    expect(await decide('horse')).toMatchObject({ allowed: false });
  },

  'policies are combined': async (example) => {
    const running = await run(example);
    const refused = await running.send('/a');
    expect(refused.head.getAll('www-authenticate')).toHaveLength(2);
    for (const value of [`Bearer ${TOKEN}`, basicOf('anna', 'pw')])
      expect((await running.send('/a', authorization(value))).head.status).toBe(200);
  },

  'a policy of the application': async (example) => {
    const running = await run(example);
    const cookie = { fields: ['Cookie: a=b; session=c4f1b1'] };
    expect((await running.send('/a')).head.status).toBe(401);
    expect((await running.send('/a', { fields: ['Cookie: session=x'] })).head.status).toBe(401);
    expect((await running.send('/a', cookie)).head.status).toBe(200);
    expect((await running.send('/a', { ...cookie, method: 'PUT' })).head.status).toBe(401);
    expect((await running.send('/a', authorization(`Bearer ${TOKEN}`))).head.status).toBe(200);
    const preflight = { method: 'OPTIONS', fields: ['Access-Control-Request-Method: GET'] };
    expect((await running.send('/a', preflight)).head.status).toBe(200);
  },

  'JSON Web Tokens let in': async (example) => {
    const key = await issuerKey('k1');
    example.write('jwks.json', JSON.stringify({ keys: [key.jwk] }));
    const running = await example.run();
    const claims = { iss: 'https://login.example.com/', aud: 'files' };
    const ask = async (given: object): Promise<number> => {
      const fields = [`Authorization: Bearer ${await makeToken(key, { ...claims, ...given })}`];
      return (await running.send('/a', { fields })).head.status;
    };
    expect(await ask({ scope: 'files:read' })).toBe(200);
    expect(await ask({})).toBe(403);
    expect(await ask({ scope: 'files:read', aud: 'other' })).toBe(401);
  },

  'a service lets in': async (example) => {
    const service = createServer((request, response) => {
      const isKnown = request.headers.cookie === 'session=a';
      response
        .writeHead(isKnown ? 200 : 302, isKnown ? { 'Remote-User': 'anna' } : { Location: '/login' })
        .end();
    });
    await once(service.listen(0, '127.0.0.1'), 'listening');
    try {
      example.replacements.set('9091', String((service.address() as AddressInfo).port));
      const running = await example.run();
      const refused = await running.send('/a', { fields: ['Remote-User: root'] });
      expect([refused.head.status, refused.head.get('location')]).toEqual([302, '/login']);
      const fields = ['Cookie: session=a', 'Remote-User: root'];
      expect((await running.send('/a', { fields })).content.toString()).toBe('this is /a');
      expect(example.origin.seen.map((seen) => seen.fields['remote-user'])).toEqual(['anna']);
    } finally {
      service.close();
      service.closeAllConnections();
    }
  },

  'scripts of another site may read': async (example) => {
    const running = await run(example);
    const origin = 'Origin: https://a.preview.example.com';
    const preflight = await running.send('/a', {
      method: 'OPTIONS',
      fields: [origin, 'Access-Control-Request-Method: PUT'],
    });
    expect(preflight.head.status).toBe(204);
    expect(preflight.head.get('access-control-allow-headers')).toContain('Authorization, Content-Type');
    const refused = await running.send('/a', { fields: [origin] });
    expect([refused.head.status, refused.head.get('access-control-allow-origin')]).toEqual([
      401,
      'https://a.preview.example.com',
    ]);
    expect(example.origin.seen).toEqual([]);
  },

  'the origin server is told who it is': async (example) => {
    const running = await run(example);
    const backup = [`Authorization: Bearer ${TOKEN}`, 'X-User: forged'];
    await running.send('/a', { fields: backup });
    await running.send('/a', { fields: ['Authorization: Bearer q9Yb4WmT6xkq1nR3sJz0Ug', 'X-User: forged'] });
    expect(example.origin.seen.map(({ fields }) => fields['x-user'])).toEqual(['backup', undefined]);
  },

  'the program lets in by tokens and passwords': async (example) => {
    writeFiles(example, '.');
    const running = await example.runProgram();
    expect((await running.send('/a')).head.status).toBe(401);
    for (const value of [`Bearer ${TOKEN}`, basicOf('anna', 'pw')])
      expect((await running.send('/a', authorization(value))).head.status).toBe(200);
    await running.wrote(/ identity=backup /);
    await running.wrote(/ identity=anna /);
  },
};
