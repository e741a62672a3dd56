import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect } from 'vitest';
import { makeCertificate } from '../../sluiceway/test/support/certificates.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import { until } from '../../sluiceway/test/support/until.js';
import * as built from './support/process.js';
import { sluicewayProxy, sluicewayServe } from './support/program.js';

const anyPort = { address: '127.0.0.1:0' };
const respond = { respond: { content: 'ok' } };

async function ask(net: Network, port: number, path = '/', lines: readonly string[] = []) {
  const client = await net.client(port);
  await client.get(path, lines);
  const response = await client.readResponse();
  client.close();
  return response;
}

/** Sends bytes that are no request, and waits until the connection is closed. */
const sendRaw = (port: number, bytes: string): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => void socket.end(bytes));
    socket.on('error', () => {}).on('close', () => resolve());
    socket.resume();
  });

/** The lines of a log, once there are so many. */
async function linesOf(path: string, count: number): Promise<string[]> {
  const read = (): string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []);
  await until(() => read().length >= count, `${path} had ${count} lines`);
  return read();
}

describe('the transfer log', () => {
  test('is written to a file in JSON, with the route, the request id and the timings [nginx]', async ({
    net,
  }) => {
    const folder = scratchFolder(net);
    const origin = await net.origin(respondWith(sized('content')));
    const { port } = await sluicewayServe(
      net,
      {
        listeners: [anyPort],
        routes: [{ name: 'files', path: '/files', proxy: { upstream: origin.url } }, respond],
        log: { format: 'json', output: 'access.log' },
      },
      { folder },
    );
    const { head } = await ask(net, port, '/files/a?secret=1', ['User-Agent: test/1']);
    const [line = ''] = await linesOf(join(folder, 'access.log'), 1);
    expect(JSON.parse(line)).toMatchObject({
      requestId: head.get('x-request-id'),
      path: '/files/a?…',
      route: 'files',
      outcome: 'completed',
      upstream: origin.url,
      connectMs: expect.any(Number) as number,
      userAgent: 'test/1',
    });
    expect(statSync(join(folder, 'access.log')).mode & 0o777 & ~0o640).toBe(0);
  });

  test('is in the combined format, and leaves out routes with log: false [nginx]', async ({ net }) => {
    const folder = scratchFolder(net);
    const { port } = await sluicewayServe(
      net,
      {
        listeners: [anyPort],
        routes: [respond, { pattern: '/health', log: false, ...respond }],
        log: { format: 'combined', output: 'access.log' },
      },
      { folder },
    );
    await ask(net, port, '/health');
    await ask(net, port, '/a', ['Referer: https://example.com/?q=1']);
    const lines = await linesOf(join(folder, 'access.log'), 1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a HTTP\/1\.1" 200 2 "https:\/\/example\.com\/\?\.\.\." "-" "answered" \d+\.\d{3} "-" "[\da-f-]{36}" "\/\*\*"$/,
    );
  });

  test('with level warn has no lines of transfers without a problem [Sluiceway]', async ({ net }) => {
    const folder = scratchFolder(net);
    const { port } = await sluicewayServe(
      net,
      {
        listeners: [anyPort],
        routes: [{ path: '/a', ...respond }],
        log: { output: 'access.log', level: 'warn' },
      },
      { folder },
    );
    await ask(net, port, '/a');
    await ask(net, port, '/b');
    const lines = await linesOf(join(folder, 'access.log'), 1);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('path=/b status=404');
  });

  test('cannot be forged by what a client sends [Sluiceway]', async ({ net }) => {
    const folder = scratchFolder(net);
    const { port } = await sluicewayServe(
      net,
      { listeners: [anyPort], routes: [respond], log: { format: 'text', output: 'access.log' } },
      { folder },
    );
    await ask(net, port, '/a"%0Aroute=admin', ['User-Agent: x status=200 \x9b2J"', 'X-Request-Id: mine']);
    const [line = ''] = await linesOf(join(folder, 'access.log'), 1);
    expect(line).toMatch(/^[\x20-\x7e]+$/);
    expect(line).toContain(String.raw`userAgent="x status=200 \u009b2J\""`);
    expect(line).not.toContain('mine');
  });

  test('is opened again on SIGUSR2 and on a reload, and no line is lost [nginx; logrotate]', async ({
    net,
  }) => {
    const folder = scratchFolder(net);
    const path = join(folder, 'access.log');
    const program = await built.sluicewayServe(
      net,
      { listeners: [anyPort], routes: [respond], log: { format: 'json', output: 'access.log' } },
      { folder },
    );
    const client = await net.client(program.port);
    let sent = 0;
    const send = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++, sent++) {
        await client.get(`/${sent}`);
        await client.readResponse();
      }
    };
    await send(20);
    renameSync(path, `${path}.1`);
    await send(20);
    program.signal('SIGUSR2');
    await until(() => existsSync(path), 'the file was opened again');
    await send(20);
    renameSync(path, `${path}.2`);
    await send(20);
    expect(await program.reload()).toContain('reloaded');
    await send(20);
    client.close();
    const count = (name: string): number =>
      existsSync(name) ? readFileSync(name, 'utf8').split('\n').length - 1 : 0;
    const names = [`${path}.1`, `${path}.2`, path];
    await until(() => names.reduce((sum, name) => sum + count(name), 0) === sent, 'every line was written');
    // Lines are written many at a time: a file may have none.
    const lines = names.flatMap((name) => readFileSync(name, 'utf8').match(/.+/g) ?? []);
    expect(lines.map((line) => (JSON.parse(line) as { path: string }).path)).toEqual(
      Array.from({ length: sent }, (_, i) => `/${i}`),
    );
    expect(count(path)).toBeGreaterThanOrEqual(20);
  });

  test('whose reader has stopped reading holds up no transfer, and the program ends [Sluiceway]', async ({
    net,
  }) => {
    const script = fileURLToPath(new URL('../bin/sluiceway.js', import.meta.url));
    const folder = scratchFolder(net);
    writeFileSync(
      join(folder, 'c.json'),
      JSON.stringify({
        listeners: [anyPort],
        routes: [respond],
        log: { format: 'json', output: 'stderr', buffer: '64KiB' },
      }),
    );
    const child = spawn(process.execPath, [script, 'serve', '--config', join(folder, 'c.json')], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    net.cleanup(() => child.kill('SIGKILL'));
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => void (stdout += text));
    // Nothing reads standard error: the pipe fills up.
    child.stderr.pause();
    await until(() => stdout.includes('listening on'), 'it listened');
    const port = Number(/:(\d+),/.exec(stdout)?.[1]);
    const client = await net.client(port);
    for (let i = 0; i < 600; i++) {
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(200);
    }
    client.close();
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });

  test.for(['--log-output', '--log-errors'])(
    '%s of the program names the file [nginx]',
    async (flag, { net }) => {
      const path = join(scratchFolder(net), 'the.log');
      const origin = await net.origin(respondWith(sized('content')));
      const { port } = await sluicewayProxy(net, origin.url, flag, path);
      if (flag === '--log-output') await ask(net, port);
      else await sendRaw(port, 'not HTTP\r\n\r\n');
      expect(await linesOf(path, 1)).toHaveLength(1);
    },
  );
});

describe('the error log', () => {
  test('has connections that never became a transfer, with the client and without a stack [nginx]', async ({
    net,
  }) => {
    const folder = scratchFolder(net);
    const { cert, key } = await makeCertificate(['127.0.0.1']);
    writeFileSync(join(folder, 'cert.pem'), cert);
    writeFileSync(join(folder, 'key.pem'), key);
    const { ports } = await sluicewayServe(
      net,
      {
        listeners: [anyPort, { ...anyPort, tls: { certificates: [{ cert: 'cert.pem', key: 'key.pem' }] } }],
        routes: [respond],
        log: { format: 'json', output: 'access.log', errors: 'error.log' },
      },
      { folder },
    );
    await sendRaw(ports[0] as number, 'not HTTP\r\n\r\n');
    await sendRaw(ports[1] as number, 'GET / HTTP/1.1\r\n\r\n');
    const lines = await linesOf(join(folder, 'error.log'), 2);
    expect(lines.map((line) => JSON.parse(line) as object)).toMatchObject([
      {
        level: 'warn',
        event: 'http1',
        clientAddress: '127.0.0.1',
        error: expect.stringMatching(/^HPE_/) as string,
      },
      { level: 'warn', event: 'tls', clientAddress: '127.0.0.1', error: 'ERR_SSL_HTTP_REQUEST' },
    ]);
    expect(lines.join('')).not.toContain('    at ');
  });

  test('shows at most twenty errors of a kind in ten seconds, and how many it does not show [Sluiceway]', async ({
    net,
  }) => {
    const folder = scratchFolder(net);
    const program = await sluicewayServe(
      net,
      { listeners: [anyPort], routes: [respond], log: { errors: 'error.log' } },
      { folder },
    );
    for (let i = 0; i < 25; i++) await sendRaw(program.port, 'not HTTP\r\n\r\n');
    program.signal('SIGTERM');
    await program.exited;
    const lines = await linesOf(join(folder, 'error.log'), 21);
    expect(lines).toHaveLength(21);
    expect(lines[20]).toContain('5 more errors of the kind http1 are not shown');
  });
});

describe('a log that cannot be written', () => {
  test.for([
    ['does not exist', 'missing/access.log', 'no such directory'],
    ['is a directory', '.', 'cannot be'],
  ] as const)(
    'because its folder or file %s is refused at the start, with its place [Sluiceway]',
    async ([, output, why], { net }) => {
      const folder = scratchFolder(net);
      const starting = sluicewayServe(
        net,
        { listeners: [anyPort], routes: [respond], log: { output } },
        { folder },
      );
      await expect(starting).rejects.toThrow(
        new RegExp(
          `It ended with 2 [^]*log.output ${why === 'cannot be' ? 'cannot be' : `cannot be written: ${why}`}`,
        ),
      );
    },
  );

  test('keeps the old configuration on a reload [Sluiceway]', async ({ net }) => {
    const folder = scratchFolder(net);
    const config = (output: string) => ({ listeners: [anyPort], routes: [respond], log: { output } });
    const program = await sluicewayServe(net, config('access.log'), { folder });
    expect(await program.reload(config('missing/access.log'))).toContain('not reloaded');
    await ask(net, program.port);
    expect(await linesOf(join(folder, 'access.log'), 1)).toHaveLength(1);
  });

  test.skipIf(process.getuid?.() === 0)(
    'for lack of permission is refused at the start [Sluiceway]',
    async ({ net }) => {
      const folder = scratchFolder(net);
      mkdirSync(join(folder, 'logs'));
      chmodSync(join(folder, 'logs'), 0o500);
      const config = { listeners: [anyPort], routes: [respond], log: { output: 'logs/access.log' } };
      await expect(sluicewayServe(net, config, { folder })).rejects.toThrow('permission denied');
    },
  );
});
