import { writeFileSync } from 'node:fs';
import { request as sendHttp } from 'node:http';
import { request as sendHttps } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect } from 'vitest';
import {
  makeAuthority,
  makeCertificate,
  type TestCertificate,
} from '../../sluiceway/test/support/certificates.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { openHttp2 } from '../../sluiceway/test/support/http2-client.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import { sluiceway, sluicewayServe } from './support/program.js';

const file = respondWith(({ target }) => sized(`this is ${target}`));
const anyPort = { address: '127.0.0.1:0' };

async function ask(net: Network, port: number, target: string, lines: readonly string[] = []) {
  const client = await net.client(port);
  await client.get(target, lines);
  const response = await client.readResponse();
  client.close();
  return response;
}

const textOf = async (...request: Parameters<typeof ask>): Promise<string> =>
  (await ask(...request)).content.toString();
const statusOf = async (...request: Parameters<typeof ask>): Promise<number> =>
  (await ask(...request)).head.status;

function writeCertificate(folder: string, name: string, { cert, key }: TestCertificate) {
  writeFileSync(join(folder, `${name}.pem`), cert);
  writeFileSync(join(folder, `${name}.key`), key);
  return { cert: `${name}.pem`, key: `${name}.key` };
}

describe('routes', () => {
  test('lead requests to their upstreams, with options of their own over the defaults [nginx]', async ({
    net,
  }) => {
    const [a, b] = [await net.origin(file), await net.origin(file)];
    const program = await sluicewayServe(net, {
      listeners: [anyPort],
      upstreams: { a: { url: `${a.url}/base` } },
      defaults: { name: 'edge', headers: { response: { set: { 'X-From': 'default' }, remove: ['Server'] } } },
      routes: [
        { path: '/', proxy: { upstream: 'a' } },
        {
          path: '/b',
          proxy: { upstream: b.url, stripPrefix: true, headers: { response: { set: { 'X-From': 'b' } } } },
        },
        { host: 'b.test', proxy: { upstream: b.url } },
        { path: '/b', methods: ['PUT'], respond: { status: 403 } },
        { pattern: '/fixed', respond: { headers: { 'Content-Type': 'text/html' }, content: '<p>' } },
        { path: '/old', redirect: { to: '/new{rest}{query}' } },
        { path: '/away', redirect: { to: 'https://{host}{path}', status: 301 } },
      ],
    });
    const { port } = program;
    expect(await textOf(net, port, '/x?y')).toBe('this is /base/x?y');
    const stripped = await ask(net, port, '/b/x');
    expect([stripped.content.toString(), stripped.head.get('x-from'), stripped.head.get('via')]).toEqual([
      'this is /x',
      'b',
      '1.1 edge',
    ]);
    expect((await ask(net, port, '/x')).head.get('x-from')).toBe('default');
    const client = await net.client(port);
    await client.send('GET /x HTTP/1.1\r\nHost: B.test:80\r\n\r\n');
    expect((await client.readResponse()).content.toString()).toBe('this is /x');
    await client.send('GET http://b.test/y HTTP/1.1\r\nHost: other\r\n\r\n');
    expect((await client.readResponse()).content.toString()).toBe('this is /y');
    await client.send('PUT /b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n');
    expect((await client.readResponse()).head.status).toBe(403);
    const fixed = await ask(net, port, '/fixed');
    expect([fixed.content.toString(), fixed.head.get('content-type')]).toEqual(['<p>', 'text/html']);
    const location = async (target: string) => (await ask(net, port, target)).head.get('location');
    expect(await location('/old/a?b=c')).toBe('/new/a?b=c');
    expect(await location('/away/a?b')).toBe('https://test/away/a');
  });

  test('that there are none of get 404, and of other methods 405 with Allow [RFC 9110 15.5.6]', async ({
    net,
  }) => {
    const program = await sluicewayServe(net, {
      listeners: [anyPort],
      log: { format: 'json' },
      routes: [{ path: '/a', methods: ['GET', 'PUT'], respond: {} }],
    });
    expect(await statusOf(net, program.port, '/b')).toBe(404);
    const client = await net.client(program);
    await client.send('DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n');
    const { head } = await client.readResponse();
    expect([head.status, head.get('allow')]).toEqual([405, 'GET, PUT, HEAD']);
    expect(await program.record()).toMatchObject({ status: 404, outcome: 'rejected' });
  });

  test('redirect to no other site, whatever the path is [CWE-601]', async ({ net }) => {
    const program = await sluicewayServe(net, {
      listeners: [anyPort],
      routes: [
        { path: '/', redirect: { to: '/{rest}' } },
        { path: '/r', redirect: { to: '{rest}'.replace('{', '/{') } },
      ],
    });
    for (const path of ['//evil.test', '/r//evil.test', '/r/%2F%2Fevil.test', '/\\evil.test'])
      expect((await ask(net, program.port, path)).head.get('location')).toMatch(/^\/(?![/\\])/);
  });

  test('relay WebSockets and uploads that wait for 100 Continue', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      const { lines } = await connection.readHead();
      if (lines.some((line) => /^upgrade:/i.test(line))) {
        await connection.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhello',
        );
      } else {
        await connection.write('HTTP/1.1 100 Continue\r\n\r\n');
        await connection.take(4, () => {});
        await connection.write(sized('stored'));
      }
    });
    const program = await sluicewayServe(net, {
      listeners: [anyPort],
      routes: [{ path: '/a', proxy: { upstream: origin.url } }],
    });
    const tunnel = await net.client(program);
    await tunnel.get('/a', ['Connection: upgrade', 'Upgrade: echo']);
    expect((await tunnel.readHead()).status).toBe(101);
    expect((await tunnel.readExactly(5)).toString()).toBe('hello');
    const upload = await net.client(program);
    await upload.send('PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n');
    expect((await upload.readHead()).status).toBe(100);
    await upload.send('four');
    expect((await upload.readResponse()).content.toString()).toBe('stored');
  });
});

describe('access', () => {
  const token = 'a-token-of-24-characters';

  test('is decided before anything is dialled, per route, and what is combined must all agree', async ({
    net,
  }) => {
    const origin = await net.origin(file);
    const proxy = { upstream: origin.url };
    const bearer = { tokens: { ci: token } };
    const program = await sluicewayServe(net, {
      listeners: [anyPort],
      log: { format: 'json' },
      defaults: { access: { bearer } },
      routes: [
        { proxy },
        { path: '/open', access: 'everyone', proxy },
        { path: '/near', access: { bearer, addresses: { allow: ['127.0.0.1'] } }, proxy },
        { path: '/far', access: { bearer, addresses: { deny: ['127.0.0.0/8'] } }, proxy },
        { path: '/either', access: { any: [{ bearer }, { addresses: { allow: ['127.0.0.1'] } }] }, proxy },
        { path: '/answer', respond: { content: 'x' } },
      ],
    });
    const { port } = program;
    const authorization = [`Authorization: Bearer ${token}`];
    const statuses: Record<string, [number, number]> = {};
    for (const path of ['/', '/open', '/near', '/far', '/either', '/answer', '/%6fpen'])
      statuses[path] = [await statusOf(net, port, path), await statusOf(net, port, path, authorization)];
    expect(statuses).toEqual({
      '/': [401, 200],
      '/open': [200, 200],
      '/near': [401, 200],
      '/far': [401, 403],
      '/either': [200, 200],
      '/answer': [401, 200],
      '/%6fpen': [400, 400],
    });
    // Two connections at most are kept and used again: refused requests have opened none.
    expect(origin.total).toBeLessThanOrEqual(6);
    const records = await program.records(14);
    const accepted = records.find(({ status, path }) => status === 200 && path === '/');
    expect(accepted).toMatchObject({ identity: 'ci' });
  });
});

describe('listeners', () => {
  test('on several addresses and a Unix socket serve the same routes', async ({ net }) => {
    const folder = scratchFolder(net);
    const program = await sluicewayServe(
      net,
      {
        listeners: [anyPort, { address: 'unix:s.sock', mode: '0600' }, anyPort],
        routes: [{ respond: { content: 'ok' } }],
      },
      { folder },
    );
    expect(program.ports).toHaveLength(2);
    for (const port of program.ports) expect(await textOf(net, port, '/')).toBe('ok');
    const socketPath = join(folder, 's.sock');
    expect(program.stdout).toContain(`listening on unix:${socketPath}\n`);
    const status = await new Promise((resolve, reject) => {
      sendHttp({ socketPath }, (response) => resolve(response.statusCode))
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });

  test('with TLS choose the certificate by name, speak HTTP/2, refuse old versions, and set HSTS [RFC 6066 3; RFC 6797 7.2]', async ({
    net,
  }) => {
    const folder = scratchFolder(net);
    const authority = await makeAuthority();
    const names = [['default.test'], ['a.test'], ['*.a.test'], ['x.a.test', 'localhost']];
    const certificates = [];
    for (const [i, each] of names.entries())
      certificates.push(
        writeCertificate(folder, `c${i}`, await makeCertificate(each, { issuer: authority })),
      );
    const program = await sluicewayServe(
      net,
      {
        listeners: [
          { address: '127.0.0.1:0', tls: true, hsts: { maxAge: '1h', includeSubDomains: true } },
          { address: '127.0.0.1:0', tls: { certificates, minVersion: 'TLSv1.3' }, protocol: 'http1' },
          { address: '127.0.0.1:0', redirectToHttps: { port: 8443, status: 301 } },
        ],
        tls: { certificates },
        routes: [{ respond: { content: 'ok', headers: { 'Strict-Transport-Security': 'max-age=0' } } }],
      },
      { folder },
    );
    const [port = 0, strict = 0, plain = 0] = program.ports;
    const nameFor = (servername: string | undefined): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const socket = connectTls(
          {
            port,
            host: '127.0.0.1',
            ...(servername !== undefined && { servername }),
            rejectUnauthorized: false,
          },
          () => {
            resolve(socket.getPeerCertificate().subjectaltname);
            socket.destroy();
          },
        ).on('error', reject);
      });
    expect(await nameFor('a.test')).toBe('DNS:a.test');
    expect(await nameFor('y.a.test')).toBe('DNS:*.a.test');
    expect(await nameFor('x.a.test')).toBe('DNS:x.a.test, DNS:localhost');
    expect(await nameFor('other.test')).toBe('DNS:default.test');
    expect(await nameFor(undefined)).toBe('DNS:default.test');

    const session = await openHttp2(port, { ca: authority.cert });
    const response = await session.get('/');
    expect(response.content.toString()).toBe('ok');
    session.close();
    const secure = await net.client(port, { tls: { ca: authority.cert, servername: 'a.test' } });
    await secure.get('/');
    expect((await secure.readResponse()).head.getAll('strict-transport-security')).toEqual([
      'max-age=3600; includeSubDomains',
    ]);
    const handshake = (maxVersion: 'TLSv1.2' | 'TLSv1.3'): Promise<string> =>
      new Promise((resolve) => {
        const socket = connectTls(
          {
            port: strict,
            host: '127.0.0.1',
            servername: 'a.test',
            ca: authority.cert,
            maxVersion,
            ALPNProtocols: ['h2', 'http/1.1'],
          },
          () => {
            resolve(`${socket.getProtocol()} ${socket.alpnProtocol}`);
            socket.destroy();
          },
        ).on('error', () => resolve('refused'));
      });
    expect([await handshake('TLSv1.2'), await handshake('TLSv1.3')]).toEqual(['refused', 'TLSv1.3 http/1.1']);

    const redirect = await ask(net, plain, '/a?b=c');
    expect([redirect.head.status, redirect.head.get('location')]).toEqual([301, 'https://test:8443/a?b=c']);
    expect(redirect.head.has('strict-transport-security')).toBe(false);
  });

  test.for(['required', 'optional'] as const)(
    'ask for client certificates that are %s, and refuse those of others [nginx]',
    async (mode, { net }) => {
      const folder = scratchFolder(net);
      const [authority, others] = [await makeAuthority(), await makeAuthority('Others')];
      const server = writeCertificate(
        folder,
        'server',
        await makeCertificate(['localhost'], { issuer: authority }),
      );
      writeFileSync(join(folder, 'ca.pem'), authority.cert);
      const program = await sluicewayServe(
        net,
        {
          listeners: [
            {
              address: '127.0.0.1:0',
              tls: { certificates: [server], clientCertificates: { ca: 'ca.pem', mode } },
            },
          ],
          routes: [{ respond: { content: 'ok' } }],
        },
        { folder },
      );
      const outcome = (client: TestCertificate | null): Promise<number | string> =>
        new Promise((resolve) => {
          const options = {
            port: program.port,
            host: '127.0.0.1',
            servername: 'localhost',
            ca: authority.cert,
          };
          sendHttps(
            { ...options, ...(client && { cert: client.cert, key: client.key }), agent: false },
            (response) => {
              response.resume();
              resolve(response.statusCode ?? 0);
            },
          )
            .on('error', () => resolve('refused'))
            .end();
        });
      const good = await makeCertificate(['client'], { issuer: authority });
      const bad = await makeCertificate(['client'], { issuer: others });
      const old = await makeCertificate(['client'], {
        issuer: authority,
        notAfter: new Date(Date.now() - 1000),
        notBefore: new Date(0),
      });
      expect([await outcome(good), await outcome(bad), await outcome(old), await outcome(null)]).toEqual([
        200,
        'refused',
        'refused',
        mode === 'required' ? 'refused' : 200,
      ]);
    },
  );
});

describe('a server that cannot start ends with 2 and says why', () => {
  test('because of the configuration, with every problem on a line of its own', async ({ net }) => {
    const path = join(scratchFolder(net), 'bad.yaml');
    writeFileSync(path, 'listeners: [{ address: x }]\nrutes: []\n');
    const program = sluiceway(net, 'serve', '--config', path);
    expect(await program.exited).toBe(2);
    expect(program.stdout).toBe('');
    const lines = program.stderr.trim().split('\n');
    expect(lines.every((line) => line.startsWith(`sluiceway: ${path}`))).toBe(true);
    expect(lines.map((line) => line.slice(`sluiceway: ${path}`.length)).join('\n')).toMatch(
      /:2:1: rutes is not an option; did you mean 'routes'\?[^]*:1:24: listeners\[0\]\.address/,
    );
  });

  test('because of a port that is in use, with its place in the file, and nothing stays open', async ({
    net,
  }) => {
    const taken = createServer().listen(0, '127.0.0.1');
    net.cleanup(() => taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const path = join(scratchFolder(net), 'c.yaml');
    writeFileSync(
      path,
      `listeners:\n  - address: 127.0.0.1:0\n  - address: 127.0.0.1:${port}\nroutes: [{ respond: {} }]\n`,
    );
    const program = sluiceway(net, 'serve', '--config', path);
    expect(await program.exited).toBe(2);
    expect(program.stderr).toBe(
      `sluiceway: ${path}:3:14: listeners[1].address cannot listen on 127.0.0.1:${port}: the port is in use\n`,
    );
  });

  test.for([
    ['cert', 'key', /certificates\[0\]\.key .*key is not the key of the first certificate in /],
    ['none', 'key', /certificates\[0\]\.cert cannot read .*none: no such file/],
    ['text', 'key', /certificates\[0\]\.cert .*text contains no certificate/],
    ['cert', 'text', /certificates\[0\]\.key .*text contains no usable private key/],
  ] as const)('because of the files %s and %s', async ([cert, key, expected], { net }) => {
    const folder = scratchFolder(net);
    writeFileSync(join(folder, 'cert'), (await makeCertificate(['a.test'])).cert);
    writeFileSync(join(folder, 'key'), (await makeCertificate(['a.test'])).key);
    writeFileSync(join(folder, 'text'), 'text');
    const path = join(folder, 'c.json');
    writeFileSync(
      path,
      JSON.stringify({
        listeners: [{ address: ':0', tls: true }],
        tls: { certificates: [{ cert, key }] },
        routes: [{ respond: {} }],
      }),
    );
    for (const command of [
      ['serve', '--config'],
      ['config', 'check'],
    ]) {
      const program = sluiceway(net, ...command, path);
      expect(await program.exited).toBe(2);
      expect(program.stderr).toMatch(expected);
      expect(program.stderr).toMatch(/^sluiceway: [^\n]*c\.json:1:\d+: tls\.[^\n]+\n$/);
    }
  });
});
