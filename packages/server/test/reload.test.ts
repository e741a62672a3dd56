import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { createLinks, formatKeys, generateKey } from 'sluiceway/gateway';
import { describe, expect } from 'vitest';
import { makeCertificate } from '../../sluiceway/test/support/certificates.js';
import { isSeeded, seededBytes } from '../../sluiceway/test/support/content.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { Gate } from '../../sluiceway/test/support/gate.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import { until } from '../../sluiceway/test/support/until.js';
import { sluicewayServe } from './support/program.js';

const anyPort = { address: '127.0.0.1:0' };
const file = respondWith(({ target }) => sized(`this is ${target}`));
const size = 32 * 1024 * 1024;

async function ask(net: Network, port: number, target = '/', lines: readonly string[] = []) {
  const client = await net.client(port);
  await client.get(target, lines);
  const response = await client.readResponse();
  client.close();
  return response;
}

const statusOf = async (...request: Parameters<typeof ask>): Promise<number> =>
  (await ask(...request)).head.status;
const textOf = async (...request: Parameters<typeof ask>): Promise<string> =>
  (await ask(...request)).content.toString();

const respond = (content: string) => ({ listeners: [anyPort], routes: [{ respond: { content } }] });

describe('SIGHUP', () => {
  test('gives new requests the new settings, and leaves downloads, uploads and tunnels theirs [nginx]', async ({
    net,
  }) => {
    const read = new Gate();
    const origin = await net.origin(async (connection) => {
      const { method, lines } = await connection.readHead();
      if (lines.some((line) => /^upgrade:/i.test(line))) {
        await connection.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n',
        );
        await connection.take(4, () => {});
        await connection.write('pong');
      } else if (method === 'PUT') {
        await read.opened;
        let right = 0;
        await connection.take(size, (bytes) => {
          if (isSeeded('up', right, bytes)) right += bytes.length;
        });
        await connection.write(sized(`${right} right`));
      } else {
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        await connection.writeSeeded('down', 0, size);
      }
    });
    const config = (timeout: string) => ({
      listeners: [anyPort],
      routes: [{ proxy: { upstream: origin.url, timeouts: { clientIdle: timeout } } }],
    });
    const program = await sluicewayServe(net, config('10m'));
    const download = await net.client(program);
    await download.get('/');
    const head = await download.readHead();
    download.pause();
    const upload = await net.client(program);
    await upload.send(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`);
    const sending = upload.send(seededBytes('up', 0, size));
    const tunnel = await net.client(program);
    await tunnel.get('/', ['Connection: upgrade', 'Upgrade: echo']);
    expect((await tunnel.readHead()).status).toBe(101);
    await until(() => origin.total === 3, 'all three had reached the origin server');

    for (let i = 0; i < 5; i += 1)
      expect(await program.reload(config(`${i + 1}m`))).toContain('SIGHUP: reloaded');
    expect(await program.reload(respond('new'))).toContain('SIGHUP: reloaded');
    expect(await textOf(net, program.port)).toBe('new');

    read.open();
    await sending;
    expect((await upload.readResponse()).content.toString()).toBe(`${size} right`);
    await tunnel.send('ping');
    expect((await tunnel.readExactly(4)).toString()).toBe('pong');
    download.resume();
    let right = 0;
    const { complete } = await download.readContent(head, {
      onContent: (bytes) => {
        if (isSeeded('down', right, bytes)) right += bytes.length;
      },
    });
    expect([complete, right]).toEqual([true, size]);
    expect(program.exitCode).toBe(null);
  });

  test('serves a request that waits behind another on its connection [RFC 9112 9.3.2]', async ({ net }) => {
    const release = new Gate();
    const origin = await net.origin(async (connection) => {
      for (;;) {
        const { target } = await connection.readHead();
        if (target === '/1') await release.opened;
        await connection.write(sized(target));
      }
    });
    const config = (name: string) => ({
      listeners: [anyPort],
      routes: [{ proxy: { upstream: origin.url, name } }],
    });
    const program = await sluicewayServe(net, config('a'));
    const client = await net.client(program);
    await client.send('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => origin.total === 1, 'the first had reached the origin server');
    await program.reload(config('b'));
    release.open();
    expect((await client.readResponse()).content.toString()).toBe('/1');
    const second = await client.readResponse();
    expect([second.head.status, second.content.toString()]).toEqual([200, '/2']);
  });

  test('changes nothing where anything is wrong, and says what [nginx]', async ({ net }) => {
    const folder = scratchFolder(net);
    const pair = await makeCertificate(['a.test']);
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text, { mode: 0o600 });
    write('cert', pair.cert);
    write('key', pair.key);
    write('tokens', 'a-token-of-24-characters\n');
    const taken = createServer().listen(0, '127.0.0.1');
    net.cleanup(() => taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port: used } = taken.address() as { port: number };
    const good = {
      listeners: [anyPort, { address: '127.0.0.1:0', tls: { certificates: [{ cert: 'cert', key: 'key' }] } }],
      routes: [
        { respond: { content: 'old' } },
        { path: '/t', access: { bearer: { tokens: { file: 'tokens' } } }, respond: {} },
      ],
    };
    const program = await sluicewayServe(net, good, { folder });
    const unchanged = async (answer: string, expected: RegExp): Promise<void> => {
      expect(answer).toMatch(/^SIGHUP: not reloaded, everything stays as it was: /);
      expect(answer).toMatch(expected);
      expect(await textOf(net, program.port)).toBe('old');
      expect(
        await statusOf(net, program.port, '/t', ['Authorization: Bearer a-token-of-24-characters']),
      ).toBe(200);
    };
    await unchanged(await program.reload('routes: ['), /sluiceway\.yaml:1:\d+: is not valid YAML/);
    await unchanged(await program.reload('routes: &a\n  - *a\n'), /an anchor that contains itself/);
    await unchanged(await program.reload('# filler\n'.repeat(6_000_000)), /is larger than 4MiB/);
    rmSync(program.file);
    await unchanged(await program.reload(), /cannot be read: no such file/);
    await unchanged(
      await program.reload({ ...good, rutes: [] }),
      /rutes is not an option; did you mean 'routes'/,
    );
    await unchanged(
      await program.reload({
        ...good,
        listeners: [...good.listeners, { address: '127.0.0.1:0' }, { address: `127.0.0.1:${used}` }],
      }),
      /listeners\[3\]\.address cannot listen on .*the port is in use/,
    );
    program.write(good);
    write('cert', (await makeCertificate(['a.test'])).cert);
    await unchanged(await program.reload(), /tls\.certificates\[0\]\.key .*is not the key of/);
    write('cert', pair.cert);
    write('tokens', 'short\n');
    await unchanged(await program.reload(), /access\.bearer\.tokens\.file/);
    write('tokens', 'another-token-of-24-characters\n');
    rmSync(program.file);
    await unchanged(await program.reload(), /cannot be read: no such file/);
    mkdirSync(program.file);
    await unchanged(await program.reload(), /it is a directory/);
    rmSync(program.file, { recursive: true });
    program.write(good);
    if (process.getuid?.() !== 0) {
      chmodSync(program.file, 0);
      await unchanged(await program.reload(), /permission denied/);
      chmodSync(program.file, 0o600);
    }
    expect(await program.reload()).toBe('SIGHUP: reloaded\n');
    expect(await statusOf(net, program.port, '/t', ['Authorization: Bearer a-token-of-24-characters'])).toBe(
      401,
    );
  });

  test('opens new listeners, closes those that are gone, and keeps the others open', async ({ net }) => {
    const [a, b] = [join(scratchFolder(net), 'a.sock'), join(scratchFolder(net), 'b.sock')];
    const routes = [{ respond: { content: 'ok' } }];
    const program = await sluicewayServe(net, { listeners: [anyPort, { address: `unix:${a}` }], routes });
    const kept = await net.client(program);
    await kept.get('/');
    await kept.readResponse();
    await program.reload({ listeners: [anyPort, { address: `unix:${b}` }], routes });
    // The same connection, and so the same listener.
    await kept.get('/');
    expect((await kept.readResponse()).content.toString()).toBe('ok');
    const { connect } = await import('node:net');
    const opens = (path: string) =>
      new Promise((resolve) => {
        const socket = connect(path, () => {
          socket.destroy();
          resolve(true);
        }).on('error', () => resolve(false));
      });
    expect([await opens(a), await opens(b)]).toEqual([false, true]);
  });

  test('takes over new certificates on connections that come after it [Caddy]', async ({ net }) => {
    const folder = scratchFolder(net);
    const write = async (name: string) => {
      const { cert, key } = await makeCertificate([name]);
      writeFileSync(join(folder, 'cert'), cert);
      writeFileSync(join(folder, 'key'), key);
    };
    await write('one.test');
    const program = await sluicewayServe(
      net,
      {
        listeners: [{ address: '127.0.0.1:0', tls: true }],
        tls: { certificates: [{ cert: 'cert', key: 'key' }] },
        routes: [{ respond: {} }],
      },
      { folder },
    );
    const nameFor = (servername?: string): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const socket = connectTls(
          {
            port: program.port,
            host: '127.0.0.1',
            rejectUnauthorized: false,
            ...(servername !== undefined && { servername }),
          },
          () => {
            resolve(socket.getPeerCertificate().subjectaltname);
            socket.destroy();
          },
        ).on('error', reject);
      });
    expect([await nameFor(), await nameFor('two.test')]).toEqual(['DNS:one.test', 'DNS:one.test']);
    await write('two.test');
    await program.reload();
    expect([await nameFor(), await nameFor('two.test'), await nameFor('one.test')]).toEqual([
      'DNS:two.test',
      'DNS:two.test',
      'DNS:two.test',
    ]);
  });

  test('keeps what a gateway knows of single-use links, and takes over its new keys [Sluiceway]', async ({
    net,
  }) => {
    const origin = await net.origin(file);
    const folder = scratchFolder(net);
    const [key, fresh] = [generateKey(), generateKey()];
    const writeKeys = (...keys: Parameters<typeof formatKeys>[0]) =>
      writeFileSync(join(folder, 'keys.json'), formatKeys(keys), { mode: 0o600 });
    writeKeys(key);
    const config = (content: string) => ({
      listeners: [anyPort],
      defaults: { trustedProxies: ['127.0.0.1'] },
      routes: [
        {
          path: '/download',
          gateway: {
            keys: { file: 'keys.json' },
            guard: { allowAddresses: ['127.0.0.0/8'], allowPorts: 'any' },
          },
        },
        { respond: { content } },
      ],
    });
    const program = await sluicewayServe(net, config('1'), { folder });
    const link = (by: typeof key, singleUse: boolean) =>
      createLinks({ keys: [by] }).sign({ url: `${origin.url}/f`, expires: '1h', singleUse });
    const by = (address: string) => [`X-Forwarded-For: ${address}`];
    const single = link(key, true);
    expect(await statusOf(net, program.port, single, by('192.0.2.1'))).toBe(200);
    writeKeys(fresh, key);
    expect(await program.reload(config('2'))).toBe('SIGHUP: reloaded\n');
    expect(await textOf(net, program.port, '/')).toBe('2');
    expect(await statusOf(net, program.port, single, by('192.0.2.2'))).toBe(403);
    expect(await statusOf(net, program.port, single, by('192.0.2.1'))).toBe(200);
    expect(await statusOf(net, program.port, link(fresh, false))).toBe(200);
    writeFileSync(join(folder, 'keys.json'), '{');
    expect(await program.reload(config('3'))).toMatch(/not reloaded.*gateway\.keys/s);
  });

  test('keeps connections to origin servers of routes that stay the same, and closes the others', async ({
    net,
  }) => {
    const origins = [await net.origin(file), await net.origin(file)];
    const [a, b] = origins as [(typeof origins)[0], (typeof origins)[0]];
    const config = (name: string) => ({
      listeners: [anyPort],
      routes: [
        { path: '/a', proxy: { upstream: a.url } },
        { path: '/b', proxy: { upstream: b.url, name } },
      ],
    });
    const program = await sluicewayServe(net, config('x'));
    for (const path of ['/a', '/b']) await ask(net, program.port, path);
    await program.reload(config('y'));
    await b.connections[0]?.closed;
    for (const path of ['/a', '/b']) await ask(net, program.port, path);
    expect([a.total, b.total]).toEqual([1, 2]);
  });
});

test('a server that stops waits for transfers of an older configuration, too', async ({ net }) => {
  const release = new Gate();
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no');
    await release.opened;
    await connection.write('k');
  });
  const program = await sluicewayServe(net, {
    listeners: [anyPort],
    routes: [{ proxy: { upstream: origin.url } }],
  });
  const client = await net.client(program);
  await client.get('/');
  const head = await client.readHead();
  await program.reload(respond('new'));
  program.signal('SIGTERM');
  await program.match('stdout', /waiting up to 30s for 1 transfer\n/);
  release.open();
  expect(await client.readContent(head)).toMatchObject({ complete: true });
  expect(await program.exited).toBe(0);
});
