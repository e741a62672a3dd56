import { writeFileSync } from 'node:fs';
import { request as sendHttp } from 'node:http';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { Gate } from '../../sluiceway/test/support/gate.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import { until } from '../../sluiceway/test/support/until.js';
import { ConfigFile } from '../src/config/file.js';
import { configMembers } from '../src/config/options.js';
import { checkOnly, compile } from '../src/server/compile.js';
import {
  type Program,
  sluiceway,
  sluicewayGateway,
  sluicewayProxy,
  sluicewayServe,
} from './support/program.js';

const anyPort = '127.0.0.1:0';
const config = (content: string, admin: unknown = { address: anyPort }) => ({
  listeners: [{ address: anyPort }],
  ...(admin !== null && { admin }),
  routes: [{ respond: { content } }],
});

const adminPort = async (program: Program): Promise<number> =>
  Number((await program.match('stdout', /admin listener on http:\/\/\S+:(\d+)\n/))[1]);

async function send(
  net: Network,
  port: number,
  request: string,
  { host = 'localhost', lines = [] }: { host?: string; lines?: readonly string[] } = {},
) {
  const client = await net.client(port);
  const fields = [`Host: ${host}`, 'Content-Length: 0', ...lines].map((line) => `${line}\r\n`).join('');
  await client.send(`${request} HTTP/1.1\r\n${fields}\r\n`);
  const { head, content } = await client.readResponse();
  client.close();
  return { status: head.status, head, text: content.toString() };
}

const readJson = ({ text }: { text: string }) => JSON.parse(text) as Record<string, unknown>;
const textOf = async (net: Network, port: number) => (await send(net, port, 'GET /')).text;

describe('the admin listener', () => {
  test('is off unless it is configured, and its paths are no public routes [Sluiceway]', async ({ net }) => {
    const without = await sluicewayServe(net, config('a', null));
    expect(without.stdout).not.toContain('admin');
    const program = await sluicewayServe(net, config('a'));
    await adminPort(program);
    for (const path of ['/healthz', '/readyz', '/api/config'])
      expect((await send(net, program.port, `GET ${path}`)).text).toBe('a');
  });

  test('answers health, readiness and the effective configuration without secrets [Kubernetes; Sluiceway]', async ({
    net,
  }) => {
    const program = await sluicewayServe(net, {
      ...config('a'),
      defaults: { headers: { request: { set: { Authorization: 'Bearer hidden' } } } },
      routes: [{ proxy: { upstream: 'http://127.0.0.1:9' } }],
    });
    const port = await adminPort(program);
    const health = await send(net, port, 'GET /healthz');
    expect([health.status, readJson(health)]).toEqual([200, { status: 'ok' }]);
    expect(health.head.get('cache-control')).toBe('no-store');
    const ready = await send(net, port, 'GET /readyz');
    expect([ready.status, readJson(ready)]).toEqual([200, { status: 'ready', phase: 'serving' }]);
    const shown = await send(net, port, 'GET /api/config');
    expect(shown.status).toBe(200);
    expect(shown.text).not.toContain('hidden');
    expect(readJson(shown)).toMatchObject({ listeners: [{ address: anyPort }], routes: [{ proxy: {} }] });
    const client = await net.client(port);
    await client.send('HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect((await client.readHead()).status).toBe(200);
    expect((await send(net, port, 'GET /nothing')).status).toBe(404);
    const wrong = await send(net, port, 'POST /healthz');
    expect([wrong.status, wrong.head.get('allow')]).toEqual([405, 'GET, HEAD']);
    // The admin listener writes nothing to the transfer log.
    expect(program.stderr).toBe('');
  });

  test.for(['serve', 'proxy', 'gateway'] as const)(
    'is opened by --admin of %s [Sluiceway]',
    async (command, { net }) => {
      const folder = scratchFolder(net);
      const file = join(folder, 'a.yaml');
      writeFileSync(file, JSON.stringify(config('a', { address: '127.0.0.1:1', hosts: ['admin.test'] })));
      const program =
        command === 'proxy'
          ? await sluicewayProxy(net, 'http://127.0.0.1:9', '--admin', anyPort)
          : command === 'gateway'
            ? await sluicewayGateway(net, '--unsigned', '--allow-host', 'a.test', '--admin', anyPort)
            : sluiceway(net, 'serve', '--config', file, '--admin', anyPort);
      const port = await adminPort(program);
      expect((await send(net, port, 'GET /readyz')).status).toBe(200);
      const named = await send(net, port, 'GET /readyz', { host: 'admin.test' });
      expect(named.status).toBe(command === 'serve' ? 200 : 403);
      expect((await send(net, port, 'POST /api/reload')).status).toBe(200);
    },
  );

  test('can be a Unix socket, which accepts every host [curl]', async ({ net }) => {
    const folder = scratchFolder(net);
    const path = join(folder, 'admin.sock');
    const program = await sluicewayServe(net, config('a', { address: 'unix:admin.sock', mode: '0600' }), {
      folder,
    });
    await program.match('stdout', /admin listener on unix:/);
    const status = await new Promise((resolve, reject) => {
      sendHttp({ socketPath: path, path: '/readyz', headers: { host: 'anything' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });

  test('is refused on an address that other machines can reach, unless it has access [Sluiceway]', async ({
    net,
  }) => {
    const file = join(scratchFolder(net), 'a.yaml');
    const problem = 'can be reached from other machines, so it requires admin.access';
    const check = (admin: unknown): string => {
      writeFileSync(file, JSON.stringify(config('a', admin)));
      try {
        compile(new ConfigFile(file, configMembers), checkOnly);
        return 'valid';
      } catch (error) {
        return (error as Error).message;
      }
    };
    for (const address of [
      '0.0.0.0:0',
      ':0',
      '[::]:0',
      'example.com:0',
      '192.0.2.1:0',
      '[::ffff:192.0.2.1]:0',
    ])
      for (const access of [{}, { access: 'everyone' }])
        expect(check({ address, ...access })).toContain(`admin.address ${problem}`);
    for (const address of ['127.9.9.9:0', 'localhost:0', '[::1]:0', '[0:0:0:0:0:0:0:1]:0', 'unix:admin.sock'])
      expect(check({ address })).toBe('valid');
    expect(check({ address: ':0', access: { addresses: { allow: ['10.0.0.0/8'] } } })).toBe('valid');
    writeFileSync(file, JSON.stringify(config('a', {})));
    const program = sluiceway(net, 'serve', '--config', file, '--admin', ':0');
    expect(await program.exited).toBe(2);
    expect(program.stderr).toContain(`--admin: ${problem}`);
    expect(program.stdout).toBe('');
  });

  test('on a public address serves only clients with access, health included [Sluiceway]', async ({
    net,
  }) => {
    const folder = scratchFolder(net);
    const token = 'a-token-of-24-characters';
    writeFileSync(join(folder, 'tokens'), token, { mode: 0o600 });
    const admin = { address: '0.0.0.0:0', access: { bearer: { tokens: { file: 'tokens' } } } };
    const program = await sluicewayServe(net, config('a', admin), { folder });
    const port = await adminPort(program);
    const lines = [`Authorization: Bearer ${token}`];
    for (const request of ['GET /healthz', 'GET /api/config', 'POST /api/reload']) {
      expect((await send(net, port, request)).status).toBe(401);
      expect((await send(net, port, request, { lines })).status).toBe(200);
    }
  });

  test('takes --admin-token-file for an address that other machines can reach', async ({ net }) => {
    const file = join(scratchFolder(net), 'tokens');
    writeFileSync(file, 'a-token-of-24-characters', { mode: 0o600 });
    const flags = ['--admin', '0.0.0.0:0', '--admin-token-file', file];
    const program = await sluicewayProxy(net, 'http://127.0.0.1:9', ...flags);
    const port = await adminPort(program);
    expect((await send(net, port, 'GET /readyz')).status).toBe(401);
    const lines = ['Authorization: Bearer a-token-of-24-characters'];
    expect((await send(net, port, 'GET /readyz', { lines })).status).toBe(200);
    const alone = sluiceway(net, 'proxy', 'http://127.0.0.1:9', '--admin-token-file', file);
    expect(await alone.exited).toBe(2);
    expect(alone.stderr).toContain('--admin-token-file: needs --admin');
    const open = sluiceway(net, 'proxy', 'http://127.0.0.1:9', '--admin', '0.0.0.0:0');
    expect(await open.exited).toBe(2);
    expect(open.stderr).toContain(
      '--admin: can be reached from other machines, so it requires --admin-token-file',
    );
  });

  test('that cannot be opened ends the start with 2, and no listener stays open', async ({ net }) => {
    const program = await sluicewayServe(net, config('a'));
    const file = join(scratchFolder(net), 'b.yaml');
    writeFileSync(file, JSON.stringify(config('b', { address: `127.0.0.1:${program.port}` })));
    const other = sluiceway(net, 'serve', '--config', file);
    expect(await other.exited).toBe(2);
    expect(other.stderr).toMatch(/b\.yaml:\d+:\d+: admin\.address cannot listen on .*: the port is in use/);
  });

  test('refuses hosts that are not its own [CWE-350]', async ({ net }) => {
    const program = await sluicewayServe(net, config('a', { address: anyPort, hosts: ['admin.test'] }));
    const port = await adminPort(program);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      'localhost.evil.example',
      '127.0.0.1.evil.example',
    ])
      for (const request of ['GET /api/config', 'POST /api/reload'])
        expect([host, (await send(net, port, request, { host })).status]).toEqual([host, 403]);
    expect(program.stdout).not.toContain('admin: ');
    // IP addresses are no names that a site could let lead here.
    for (const host of [
      'localhost',
      'LOCALHOST:9',
      '127.0.0.1:1',
      '[::1]',
      '10.1.2.3',
      'admin.test',
      'a.localhost',
    ])
      expect([host, (await send(net, port, 'GET /readyz', { host })).status]).toEqual([host, 200]);
  });

  test('refuses a change that a browser sends for another site [W3C Fetch Metadata; RFC 6454 7]', async ({
    net,
  }) => {
    const program = await sluicewayServe(net, config('a'));
    const port = await adminPort(program);
    const host = `localhost:${port}`;
    const statusOf = async (...lines: string[]) =>
      (await send(net, port, 'POST /api/reload', { host, lines })).status;
    expect(await statusOf('Sec-Fetch-Site: cross-site')).toBe(403);
    expect(await statusOf('Sec-Fetch-Site: same-site')).toBe(403);
    expect(await statusOf('Origin: https://evil.example')).toBe(403);
    expect(await statusOf('Origin: null')).toBe(403);
    expect(await statusOf('Origin: http://localhost:1')).toBe(403);
    expect(await statusOf('Sec-Fetch-Site: same-origin', 'Origin: https://evil.example')).toBe(403);
    expect((await send(net, port, 'GET /api/reload')).status).toBe(405);
    const read = await send(net, port, 'GET /readyz', { host, lines: ['Origin: https://evil.example'] });
    expect(read.head.get('access-control-allow-origin')).toBe(undefined);
    expect(program.stdout).not.toContain('admin: ');
    const { token } = readJson(await send(net, port, 'GET /api/session', { host }));
    const own = ['Sec-Fetch-Site: same-origin', `Origin: http://${host}`];
    expect(await statusOf(...own, `X-Sluiceway-Token: ${String(token)}`)).toBe(200);
  });
});

describe('POST /api/reload', () => {
  test('does what SIGHUP does, and answers what has changed [Sluiceway]', async ({ net }) => {
    const program = await sluicewayServe(net, config('a'));
    const port = await adminPort(program);
    program.write({
      ...config('b'),
      listeners: [{ address: anyPort }, { address: anyPort }],
      routes: [
        { name: 'new', respond: { content: 'b' } },
        { name: 'more', path: '/more', respond: {} },
      ],
    });
    const answer = await send(net, port, 'POST /api/reload');
    expect(answer.status).toBe(200);
    expect(readJson(answer)).toEqual({
      reloaded: true,
      listeners: { opened: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/)], closed: [] },
      routes: { added: ['new', 'more'], removed: ['/**'], kept: 0 },
    });
    expect(await textOf(net, program.port)).toBe('b');
    await program.match('stdout', /admin: reloaded\n/);
    const again = await send(net, port, 'POST /api/reload');
    expect(readJson(again)).toMatchObject({
      listeners: { opened: [], closed: [] },
      routes: { added: [], removed: [], kept: 2 },
    });
  });

  test('answers 422 with every problem, and changes nothing [Sluiceway]', async ({ net }) => {
    const program = await sluicewayServe(net, config('a'));
    const port = await adminPort(program);
    program.write({ ...config('b', { address: '0.0.0.0:1' }), drainTimeout: 'soon', routing: 1 });
    const answer = await send(net, port, 'POST /api/reload');
    expect(answer.status).toBe(422);
    const { reloaded, problems } = readJson(answer) as {
      reloaded: boolean;
      problems: Record<string, unknown>[];
    };
    expect(reloaded).toBe(false);
    expect(new Set(problems.map(({ path }) => path))).toEqual(
      new Set(['admin.address', 'drainTimeout', 'routing']),
    );
    expect(problems.map(({ file, line }) => [file, typeof line])).toEqual(
      problems.map(() => [program.file, 'number']),
    );
    expect(await textOf(net, program.port)).toBe('a');
    await program.match('stderr', /admin: not reloaded, everything stays as it was: \n[^]*admin\.address/);
    expect((await send(net, port, 'GET /readyz')).status).toBe(200);
  });

  test('can move, change and close the admin listener itself, and a failure leaves it [Sluiceway]', async ({
    net,
  }) => {
    const folder = scratchFolder(net);
    const program = await sluicewayServe(net, config('a'), { folder });
    const port = await adminPort(program);
    program.write(config('b', { address: anyPort, hosts: ['other.test'] }));
    expect((await send(net, port, 'POST /api/reload')).status).toBe(200);
    expect((await send(net, port, 'GET /readyz', { host: 'other.test' })).status).toBe(200);
    program.write(config('c', { address: `127.0.0.1:${program.port}` }));
    expect((await send(net, port, 'POST /api/reload')).status).toBe(422);
    expect((await send(net, port, 'GET /readyz', { host: 'other.test' })).status).toBe(200);
    program.write(config('d', { address: 'unix:moved.sock' }));
    expect((await send(net, port, 'POST /api/reload')).status).toBe(200);
    await until(async () => {
      try {
        (await net.client(port)).close();
        return false;
      } catch {
        return true;
      }
    }, 'the old listener was closed');
    expect(await textOf(net, program.port)).toBe('d');
  });
});

test('/readyz is 503 while the server drains, and /healthz stays 200 [Kubernetes]', async ({ net }) => {
  const asked = new Gate();
  const release = new Gate();
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    asked.open();
    await release.opened;
    await connection.write(sized('late'));
  });
  const program = await sluicewayProxy(net, origin.url, '--admin', anyPort);
  const port = await adminPort(program);
  const client = await net.client(program);
  await client.get('/');
  await asked.opened;
  program.signal('SIGTERM');
  await program.match('stdout', /SIGTERM: stopping/);
  const ready = await send(net, port, 'GET /readyz');
  expect([ready.status, readJson(ready)['phase']]).toEqual([503, 'draining']);
  expect((await send(net, port, 'GET /healthz')).status).toBe(200);
  expect((await send(net, port, 'POST /api/reload')).status).toBe(409);
  release.open();
  expect((await client.readResponse()).content.toString()).toBe('late');
  expect(await program.exited).toBe(0);
});
