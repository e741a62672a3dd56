import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinks } from 'sluiceway/gateway';
import { describe, expect } from 'vitest';
import {
  loopbackCertificate,
  makeAuthority,
  makeCertificate,
} from '../../sluiceway/test/support/certificates.js';
import { seededBytes } from '../../sluiceway/test/support/content.js';
import { test } from '../../sluiceway/test/support/fixture.js';
import { Gate } from '../../sluiceway/test/support/gate.js';
import type { OriginScript } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import { until } from '../../sluiceway/test/support/until.js';
import { file, key, LOOPBACK, startGatewayProgram as start } from './support/gateway-program.js';
import { sluicewayGateway } from './support/program.js';

const unsigned = (url: string): string => `/download?url=${encodeURIComponent(url)}`;

describe('sluiceway gateway', () => {
  test('serves a link that was signed elsewhere with the same keys, says where it listens, and keeps the link from the log', async ({
    net,
  }) => {
    const { program, origin, link, ask } = await start(net, LOOPBACK);
    expect(program.stdout).toBe(`sluiceway: listening on http://127.0.0.1:${program.port}, serving links\n`);
    const target = link('/a?token=hush', { filename: 'hush.txt' });
    const { head, content } = await ask(target);
    expect([head.status, content.toString()]).toEqual([200, 'this is /a?token=hush']);
    expect(head.get('content-disposition')).toBe('attachment; filename=hush.txt');
    await program.match('stderr', /path=\/download\/…\?… status=200 outcome=completed/);
    expect(program.stdout + program.stderr).not.toMatch(/hush/);
    // The server that was asked, and nothing more of its URL.
    expect(program.stderr).toContain(` upstream=${origin.url} upstreamAddress=127.0.0.1:${origin.port} `);
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
  });

  test('--path says where it answers, and --listen where it listens', async ({ net }) => {
    const flags = [...LOOPBACK, '--path', '/files/get', '--listen', 'localhost:0'];
    const { program, link, statusOf } = await start(net, flags, file, { path: '/files/get' });
    expect(program.stdout).toMatch(/^sluiceway: listening on http:\/\/\S+:\d+, serving links\n$/);
    expect(await statusOf(link('/'))).toBe(200);
    expect(await statusOf(link('/').replace('/files/get', '/download'))).toBe(404);
  });

  test('reaches public addresses at the ports 80 and 443 only, but for those of --allow-address and --allow-port', async ({
    net,
  }) => {
    for (const [flags, status] of [
      [[], 403],
      [['--allow-address', '127.0.0.1'], 403],
      [['--allow-address', '127.0.0.2', '--allow-port', 'any'], 403],
      [['--allow-address', '10.0.0.0/8', '--allow-address', '127.0.0.0/8', '--allow-port', 'any'], 200],
    ] as const) {
      const { link, statusOf, origin } = await start(net, flags);
      expect(await statusOf(link('/'))).toBe(status);
      expect(origin.total).toBe(status === 200 ? 1 : 0);
    }
    const origin = await net.origin(file);
    const own = await start(net, [
      '--allow-address',
      '127.0.0.1',
      '--allow-port',
      '9',
      '--allow-port',
      String(origin.port),
    ]);
    expect(await own.statusOf(own.link('/'))).toBe(403);
    expect(await own.statusOf(createLinks({ keys: [key] }).sign({ url: origin.url, expires: '1h' }))).toBe(
      200,
    );
  });

  test('--deny-host takes away what is allowed otherwise, and --allow-host all that it does not name', async ({
    net,
  }) => {
    for (const [flags, status] of [
      [['--deny-host', '127.0.0.1'], 403],
      [['--deny-host', 'a.test', '--deny-host', '*.b.test'], 200],
      [['--allow-host', 'a.test'], 403],
      [['--allow-host', 'a.test', '--allow-host', '127.0.0.1'], 200],
    ] as const) {
      const { link, statusOf } = await start(net, [...LOOPBACK, ...flags]);
      expect([flags, await statusOf(link('/'))]).toEqual([flags, status]);
    }
  });

  test('--unsigned serves URLs of the hosts that --allow-host names, and links beside them', async ({
    net,
  }) => {
    const { program, origin, link, ask, statusOf } = await start(net, [
      ...LOOPBACK,
      '--unsigned',
      '--allow-host',
      '127.0.0.1',
    ]);
    expect(program.stdout).toMatch(/, serving links and URLs\n$/);
    expect((await ask(unsigned(`${origin.url}/a`))).content.toString()).toBe('this is /a');
    expect(await statusOf(unsigned(`http://localhost:${origin.port}/a`))).toBe(403);
    expect(await statusOf(link('/b'))).toBe(200);
    const closed = await start(net, LOOPBACK);
    expect(await closed.statusOf(unsigned(`${closed.origin.url}/a`))).toBe(403);
  });

  test('--unsigned needs no keys, and --allow-host "*" means any host, but no address that is not public', async ({
    net,
  }) => {
    const origin = await net.origin(file);
    for (const [flags, status] of [
      [LOOPBACK, 200],
      [['--allow-port', 'any'], 403],
    ] as const) {
      const program = await sluicewayGateway(net, '--unsigned', '--allow-host', '*', ...flags);
      const client = await net.client(program);
      await client.get(unsigned(`${origin.url}/`));
      expect((await client.readResponse()).head.status).toBe(status);
    }
  });

  test('--max-file limits every file, and a link can only say less', async ({ net }) => {
    const { link, statusOf } = await start(net, [...LOOPBACK, '--max-file', '9']);
    expect(await statusOf(link('/'))).toBe(200);
    expect(await statusOf(link('/ab'))).toBe(502);
    expect(await statusOf(link('/', { maxBytes: 8 }))).toBe(502);
    expect(await statusOf(link('/ab', { maxBytes: 100 }))).toBe(502);
  });

  test.for([
    ['--max-transfers', 503],
    ['--max-transfers-per-client', 429],
  ] as const)('%s refuses downloads beyond it with %i', async ([flag, status], { net }) => {
    const mayEnd = new Gate();
    const { link, ask, statusOf, origin } = await start(net, [...LOOPBACK, flag, '1'], async (connection) => {
      await connection.readHead();
      await mayEnd.opened;
      await connection.write(sized('late'));
    });
    const first = ask(link('/'));
    await until(() => origin.total === 1, 'the first download was under way');
    expect(await statusOf(link('/'))).toBe(status);
    mayEnd.open();
    expect((await first).content.toString()).toBe('late');
  });

  test('--cors lets scripts of the named sites read, and of all where it is "*"', async ({ net }) => {
    for (const [flags, allowed] of [
      [[], undefined],
      [['--cors', 'https://a.test', '--cors', 'https://b.test'], 'https://b.test'],
      [['--cors', 'https://a.test'], undefined],
      [['--cors', '*'], '*'],
    ] as const) {
      const { link, ask } = await start(net, [...LOOPBACK, ...flags]);
      const { head } = await ask(link('/'), ['Origin: https://b.test']);
      expect(head.get('access-control-allow-origin')).toBe(allowed);
    }
  });

  test('--ca makes a private origin server trusted, --cert, --key and --h2c serve as those of the proxy do', async ({
    net,
  }) => {
    const issuer = await makeAuthority();
    const tls = await makeCertificate(['localhost'], { issuer });
    const own = await loopbackCertificate();
    const folder = scratchFolder(net);
    for (const [name, text] of [
      ['ca', issuer.cert],
      ['cert', own.cert],
      ['key', own.key],
    ] as const)
      writeFileSync(join(folder, name), text);
    const at = (name: string) => join(folder, name);
    const secure = ['--cert', at('cert'), '--key', at('key'), '--h2c', '127.0.0.1:0'];
    for (const [flags, status] of [
      [['--ca', at('ca')], 200],
      [[], 502],
    ] as const) {
      const { program, link } = await start(net, [...LOOPBACK, ...secure, ...flags], file, { tls });
      const client = await net.client(program, { tls: { ca: own.ca } });
      await client.get(link('/'));
      expect((await client.readResponse()).head.status).toBe(status);
      const [, port] = await program.match('stdout', /listening on \S+:(\d+) for HTTP\/2 without TLS/);
      expect((await (await net.http2({ port: Number(port), ca: undefined })).get(link('/'))).status).toBe(
        status,
      );
    }
  });

  test('--trusted-proxies tells it for which clients links are', async ({ net }) => {
    for (const [flags, status] of [
      [['--trusted-proxies', '127.0.0.1'], 200],
      [[], 403],
    ] as const) {
      const { link, statusOf } = await start(net, [...LOOPBACK, ...flags]);
      expect(await statusOf(link('/', { clientIp: '192.0.2.7' }), ['X-Forwarded-For: 192.0.2.7'])).toBe(
        status,
      );
    }
  });

  test.for(['--response-head-timeout', '--total-timeout'])(
    '%s ends a download that hangs',
    async (flag, { net }) => {
      const silent: OriginScript = async (connection) => void (await connection.closed);
      const { link, statusOf, program } = await start(
        net,
        [...LOOPBACK, '--log', 'json', flag, '200ms'],
        silent,
      );
      expect(await statusOf(link('/'))).toBe(504);
      expect(await program.record()).toMatchObject({ status: 504, path: '/download?…' });
    },
  );

  test('lets a running download end when it is stopped, and cuts it off after --drain-timeout with exit code 1', async ({
    net,
  }) => {
    const content = seededBytes('drain', 0, 100_000);
    for (const [flags, code] of [
      [[], 0],
      [['--drain-timeout', '100ms'], 1],
    ] as const) {
      const mayEnd = new Gate();
      const { link, program } = await start(net, [...LOOPBACK, ...flags], async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n');
        await connection.write(content.subarray(0, 50_000));
        await mayEnd.opened;
        await connection.write(content.subarray(50_000));
      });
      const client = await net.client(program);
      await client.get(link('/'));
      const head = await client.readHead();
      program.signal('SIGTERM');
      await program.match('stdout', /SIGTERM: stopping, waiting up to \S+ for 1 transfer\n/);
      if (code === 0) mayEnd.open();
      expect((await client.readContent(head)).complete).toBe(code === 0);
      expect(await program.exited).toBe(code);
    }
  });
});
