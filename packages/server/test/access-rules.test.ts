import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { answeringServer } from '../../sluiceway/test/support/answering-server.js';
import {
  makeAuthority,
  makeCertificate,
  type TestCertificate,
} from '../../sluiceway/test/support/certificates.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { AUDIENCE, ISSUER, issuerKey, startIssuer, token } from '../../sluiceway/test/support/jwt-issuer.js';
import type { RequestHead } from '../../sluiceway/test/support/message-head.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import { sluiceway, sluicewayProxy, sluicewayServe } from './support/program.js';

const anyPort = { address: '127.0.0.1:0' };

async function startFiles(net: Network) {
  const seen: RequestHead[] = [];
  const origin = await net.origin(
    respondWith((head) => {
      seen.push(head);
      return sized('secret');
    }),
  );
  return { seen, url: origin.url };
}

async function ask(net: Network, port: number, target: string, lines: readonly string[] = []) {
  const client = await net.client(port);
  await client.get(target, lines);
  const { head } = await client.readResponse();
  client.close();
  return head;
}

test('routes accept JSON Web Tokens, whose keys rotate, and what a service accepts [Traefik; nginx]', async ({
  net,
}) => {
  const key = await issuerKey('k1');
  const issuer = await startIssuer(net, [key]);
  const service = await answeringServer(net, (asked, response) => {
    if (asked.headers.cookie === 's=1') response.writeHead(200, { 'Remote-User': 'ben' }).end();
    else response.writeHead(302, { Location: 'https://login.test/' }).end();
  });
  const { seen, url } = await startFiles(net);
  const jwt = { issuer: ISSUER, audience: AUDIENCE, jwks: issuer.url, allowAddresses: ['127.0.0.1'] };
  const forwardAuth = { url: service.url, copyHeaders: ['Remote-User'], identityHeader: 'Remote-User' };
  const program = await sluicewayServe(net, {
    listeners: [anyPort],
    log: { format: 'json' },
    defaults: { headers: { identity: 'X-User' } },
    routes: [
      { path: '/jwt', access: { jwt }, proxy: { upstream: url } },
      { path: '/service', access: { forwardAuth }, proxy: { upstream: url } },
      { path: '/either', access: { any: [{ jwt }, { forwardAuth }] }, proxy: { upstream: url } },
      { path: '/both', access: { jwt, forwardAuth }, proxy: { upstream: url } },
    ],
  });
  const bearer = `Authorization: Bearer ${await token(key)}`;
  const statuses = async (lines: readonly string[]): Promise<number[]> => {
    const found: number[] = [];
    for (const path of ['/jwt', '/service', '/either', '/both'])
      found.push((await ask(net, program.port, path, lines)).status);
    return found;
  };
  expect(await statuses(['X-User: root', 'Remote-User: root'])).toEqual([401, 302, 302, 401]);
  expect(await statuses([bearer, 'Remote-User: root'])).toEqual([200, 302, 200, 302]);
  expect(await statuses(['Cookie: s=1', 'X-User: root'])).toEqual([401, 200, 200, 401]);
  expect(await statuses([bearer, 'Cookie: s=1'])).toEqual([200, 200, 200, 200]);
  // Without copyHeaders, the route of the tokens passes the field on.
  expect(
    seen.map((head) => [head.target, head.getAll('x-user').join(), head.getAll('remote-user').join()]),
  ).toEqual([
    ['/jwt', 'anna', 'root'],
    ['/either', 'anna', ''],
    ['/service', 'ben', 'ben'],
    ['/either', 'ben', 'ben'],
    ['/jwt', 'anna', ''],
    ['/service', 'ben', 'ben'],
    ['/either', 'anna', ''],
    ['/both', 'anna', 'ben'],
  ]);
  expect(service.seen[0]?.headers['x-forwarded-uri']).toBe('/service');
});

test('the service sees the whole path, also where the route removes its prefix [nginx]', async ({ net }) => {
  const service = await answeringServer(net, (_asked, response) => void response.writeHead(204).end());
  const { seen, url } = await startFiles(net);
  const program = await sluicewayServe(net, {
    listeners: [anyPort],
    routes: [
      {
        path: '/files',
        access: { forwardAuth: { url: service.url } },
        proxy: { upstream: url, stripPrefix: true },
      },
    ],
  });
  await ask(net, program.port, '/files/a?b=1');
  expect([service.seen[0]?.headers['x-forwarded-uri'], seen[0]?.target]).toEqual(['/files/a?b=1', '/a?b=1']);
});

function askTls(port: number, ca: string, client: TestCertificate | null): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', servername: 'localhost', ca, agent: false };
    request({ ...options, ...(client && { cert: client.cert, key: client.key }) }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode));
    })
      .on('error', reject)
      .end();
  });
}

test('a route accepts clients by their certificates, and logs who they are [nginx]', async ({ net }) => {
  const authority = await makeAuthority();
  const server = await makeCertificate(['localhost'], { issuer: authority });
  const folder = scratchFolder(net);
  for (const [name, content] of [
    ['s.pem', server.cert],
    ['s.key', server.key],
    ['ca.pem', authority.cert],
  ] as const)
    writeFileSync(join(folder, name), content);
  const { url } = await startFiles(net);
  const listener = {
    ...anyPort,
    tls: {
      certificates: [{ cert: 's.pem', key: 's.key' }],
      clientCertificates: { ca: 'ca.pem', mode: 'optional' },
    },
  };
  const rule = { clientCertificate: { dnsNames: ['backup.test'] } };
  const program = await sluicewayServe(
    net,
    { listeners: [listener], log: { format: 'json' }, routes: [{ access: rule, proxy: { upstream: url } }] },
    { folder },
  );
  const [backup, other] = await Promise.all(
    ['backup.test', 'other.test'].map((name) => makeCertificate([name], { issuer: authority })),
  );
  expect(await askTls(program.port, authority.cert, backup ?? null)).toBe(200);
  expect(await askTls(program.port, authority.cert, other ?? null)).toBe(403);
  expect(await askTls(program.port, authority.cert, null)).toBe(403);
  await program.match('stderr', /"identity":"backup.test"/);
});

test('a rule about client certificates needs a listener that asks for them [Sluiceway]', async ({ net }) => {
  const file = join(scratchFolder(net), 'sluiceway.yaml');
  const config = {
    listeners: [anyPort],
    defaults: { access: { any: [{ addresses: { allow: ['10.0.0.0/8'] } }, { clientCertificate: {} }] } },
    routes: [{ access: { clientCertificate: {} }, respond: {} }],
  };
  writeFileSync(file, JSON.stringify(config, null, 2));
  const program = sluiceway(net, 'config', 'check', file);
  expect(await program.exited).toBe(2);
  expect(program.stderr).toMatch(
    /: defaults\.access\.any\[1\]\.clientCertificate needs a listener with tls\.client/,
  );
  expect(program.stderr).toMatch(/: routes\[0\]\.access\.clientCertificate needs a listener/);
});

test('mistakes in rules are reported with their places, and secrets are not shown [Sluiceway]', async ({
  net,
}) => {
  const file = join(scratchFolder(net), 'sluiceway.yaml');
  const secret = 'a secret of at least thirty-two bytes';
  const write = (routes: object[]): void =>
    writeFileSync(file, JSON.stringify({ listeners: [anyPort], routes }, null, 2));
  write([
    {
      path: '/a',
      access: { jwt: { issuer: 'a', audience: 'b', jwks: 'http://a.test', isuer: 'c' } },
      respond: {},
    },
    { path: '/b', access: { jwt: { issuer: 'a', secret: 'short' } }, respond: {} },
    { path: '/c', access: { forwardAuth: { url: 'a.test', timeout: 'soon' } }, respond: {} },
  ]);
  const bad = sluiceway(net, 'config', 'check', file);
  expect(await bad.exited).toBe(2);
  for (const problem of [
    /routes\[0\]\.access\.jwt\.isuer is not an option; did you mean 'issuer'\?/,
    /routes\[1\]\.access\.jwt\.audience is required/,
    /routes\[1\]\.access\.jwt\.secret must have at least 32 bytes/,
    /routes\[2\]\.access\.forwardAuth\.url must/,
    /routes\[2\]\.access\.forwardAuth\.timeout must/,
  ])
    expect(bad.stderr).toMatch(problem);
  write([{ access: { jwt: { issuer: 'a', audience: 'b', secret } }, respond: {} }]);
  const bin = fileURLToPath(new URL('../bin/sluiceway.js', import.meta.url));
  const shown = execFileSync(process.execPath, [bin, 'config', 'show', file], { encoding: 'utf8' });
  expect(shown).toContain('issuer: a');
  expect(shown).not.toContain('thirty-two');
});

test('the flags accept JSON Web Tokens and ask a service [Sluiceway]', async ({ net }) => {
  const key = await issuerKey('k1');
  const folder = scratchFolder(net);
  const keys = join(folder, 'jwks.json');
  writeFileSync(keys, JSON.stringify({ keys: [key.jwk] }));
  const service = await answeringServer(net, (_asked, response) => void response.writeHead(403).end());
  const { url } = await startFiles(net);
  const program = await sluicewayProxy(
    net,
    url,
    ...['--jwt-keys', keys, '--jwt-issuer', ISSUER, '--jwt-audience', AUDIENCE],
    ...['--forward-auth', service.url, '--forward-auth-header', 'Remote-User'],
  );
  expect((await ask(net, program.port, '/', [`Authorization: Bearer ${await token(key)}`])).status).toBe(200);
  expect(service.seen).toHaveLength(0);
  expect((await ask(net, program.port, '/')).status).toBe(401);
  expect(service.seen).toHaveLength(1);
  for (const [flags, message] of [
    [['--jwt-issuer', ISSUER], /--jwt-keys, --jwt-issuer and --jwt-audience need each other/],
    [['--forward-auth-header', 'A'], /--forward-auth-header needs --forward-auth/],
    [['--forward-auth', 'a.test'], /^sluiceway: --forward-auth: must/],
    [
      ['--jwt-keys', '/nowhere', '--jwt-issuer', 'a', '--jwt-audience', 'b'],
      /^sluiceway: --jwt-keys: names a file/,
    ],
  ] as const) {
    const bad = sluiceway(net, 'proxy', url, ...flags);
    expect(await bad.exited).toBe(2);
    expect(bad.stderr).toMatch(message);
  }
});
