import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatKeys, generateKey } from 'sluiceway/gateway';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import {
  loopbackCertificate,
  makeAuthority,
  makeCertificate,
} from '../../sluiceway/test/support/certificates.js';
import { isSeeded } from '../../sluiceway/test/support/content.js';
import { test } from '../../sluiceway/test/support/fixture.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import * as inProcess from './support/process.js';
import { sluiceway, sluicewayProxy } from './support/program.js';

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

let directory: string;
const fileOf = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'sluiceway-cli-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('what the command line asks for', () => {
  test('--version prints the version of the package', async ({ net }) => {
    const program = sluiceway(net, '--version');
    expect(await program.exited).toBe(0);
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    expect(program.stdout).toBe(`${version}\n`);
  });

  test('--help lists the commands, and those of a command its flags and exit codes', async ({ net }) => {
    const general = sluiceway(net, '--help');
    const command = sluiceway(net, 'proxy', '--help');
    expect(await general.exited).toBe(0);
    expect(general.stdout).toMatch(/^ {2}proxy .*<origin-url\.\.\.>/m);
    expect(await command.exited).toBe(0);
    for (const text of ['--listen', '--drain-timeout', '--log', 'Exit codes:', '143']) {
      expect(command.stdout).toContain(text);
    }
  });

  test('nothing shows the help as a usage error', async ({ net }) => {
    const program = sluiceway(net);
    expect(await program.exited).toBe(2);
    expect(program.stderr).toMatch(/^Usage: sluiceway/);
  });

  test.for([
    ['an unknown command', ['prox'], /unknown command 'prox'.*proxy/],
    ['no URL', ['proxy'], /origin-url/],
    ['one URL twice', ['proxy', 'http://a', 'http://a'], /<origin-url>: must not contain a server twice/],
    [
      'a mirror of several URLs',
      ['proxy', 'http://a', 'http://b', '--mirror', 'http://c'],
      /--mirror: must not be given together with a group/,
    ],
    [
      'an unknown way to balance',
      ['proxy', 'http://a', 'http://b', '--balance', 'luck'],
      /--balance.*Allowed choices are round-robin/,
    ],
    [
      'a hash key that is none',
      ['proxy', 'http://a', 'http://b', '--balance', 'hash', '--hash-key', 'luck'],
      /--hash-key: must be 'path'/,
    ],
    [
      'a hash key that nothing uses',
      ['proxy', 'http://a', 'http://b', '--hash-key', 'client'],
      /--hash-key: needs --balance hash/,
    ],
    [
      'a server without transfers',
      ['proxy', 'http://a', 'http://b', '--max-transfers', '0'],
      /^sluiceway: --max-transfers: must be at least 1\n$/,
    ],
    [
      'a server without connections',
      ['proxy', 'http://a', 'http://b', '--max-connections', '0'],
      /^sluiceway: --max-connections: must be at least 1\n$/,
    ],
    [
      'a health check that is no path',
      ['proxy', 'http://a', 'http://b', '--health', 'healthz'],
      /--health: must begin with \//,
    ],
    [
      'retries that are no number',
      ['proxy', 'http://a', 'http://b', '--retries', 'many'],
      /--retries: must be a whole number/,
    ],
    ['an unknown flag', ['proxy', 'http://a', '--foo'], /unknown option '--foo'/],
    ['a flag without its value', ['proxy', 'http://a', '--listen'], /--listen/],
    ['no URL but a word', ['proxy', 'files'], /<origin-url>: must be a URL/],
    ['a URL that is not HTTP', ['proxy', 'ftp://a'], /<origin-url>: must .*http/],
    ['no port', ['proxy', 'http://a', '--listen', 'localhost'], /--listen: must be host:port/],
    ['a port alone', ['proxy', 'http://a', '--listen', '8080'], /--listen: must be host:port/],
    ['a port that is none', ['proxy', 'http://a', '--listen', ':65536'], /--listen: must be host:port/],
    ['IPv6 without brackets', ['proxy', 'http://a', '--listen', '::1:80'], /--listen: must be host:port/],
    ['a bad duration', ['proxy', 'http://a', '--connect-timeout', 'soon'], /--connect-timeout: .*"soon"/],
    ['a bad drain time', ['proxy', 'http://a', '--drain-timeout', '1w'], /--drain-timeout: .*"1w"/],
    [
      'a drain time beyond timers',
      ['proxy', 'http://a', '--drain-timeout', '25d'],
      /--drain-timeout: must be at most 24d/,
    ],
    [
      'a timeout of 0',
      ['proxy', 'http://a', '--total-timeout', '0'],
      /--total-timeout: must be at least 1ms, or off to turn it off/,
    ],
    [
      'a timeout that cannot be off',
      ['proxy', 'http://a', '--connect-timeout', 'off'],
      /--connect-timeout: /,
    ],
    [
      'a limit of 0 that would allow no file',
      ['gateway', '--unsigned', '--allow-host', '*', '--max-file', '0'],
      /--max-file: must be at least 1B, or off to turn it off/,
    ],
    ['a bad size', ['proxy', 'http://a', '--min-rate', '1KB/s'], /--min-rate: .*"1KB\/s"/],
    [
      'an egress proxy that is none',
      ['proxy', 'http://a', '--egress-proxy', 'socks5://b'],
      /--egress-proxy: must be a URL/,
    ],
    ['a bad name', ['proxy', 'http://a', '--name', 'a b'], /--name: /],
    ['a bad range', ['proxy', 'http://a', '--trusted-proxies', '10.0.0.0/99'], /--trusted-proxies: /],
    ['an unknown log format', ['proxy', 'http://a', '--log', 'xml'], /--log .*text, json, combined, none/],
    ['a certificate without its key', ['proxy', 'http://a', '--cert', 'x'], /--cert needs --key/],
    ['a key without its certificate', ['proxy', 'http://a', '--key', 'x'], /--key needs --cert/],
    [
      'a missing file',
      ['proxy', 'http://a', '--ca', '/no/file'],
      /--ca: cannot read \/no\/file: no such file/,
    ],
  ] as const)('%s is a usage error in one line', async ([_what, args, message], { net }) => {
    const program = sluiceway(net, ...args);
    expect(await program.exited).toBe(2);
    expect(program.stderr).toMatch(message);
    expect(program.stderr).toMatch(/^sluiceway: [^\n]+\n$/);
    expect(program.stdout).toBe('');
  });

  test('several mistakes are told at once', async ({ net }) => {
    const program = sluiceway(net, 'proxy', 'http://a', '--total-timeout', 'x', '--client-idle-timeout', 'y');
    expect(await program.exited).toBe(2);
    expect(program.stderr).toMatch(/^sluiceway: .*--client-idle-timeout: .*; --total-timeout: .*\n$/);
  });

  test('files that do not fit are usage errors', async ({ net }) => {
    const own = await loopbackCertificate();
    const other = await makeCertificate(['localhost']);
    const cert = fileOf('own.pem', own.cert);
    const otherKey = fileOf('other-key.pem', other.key);
    const text = fileOf('text.pem', 'no certificate');
    const broken = fileOf('broken.pem', own.cert.replace(/[A-Za-z0-9]{40}/, ''));
    for (const [args, message] of [
      [['--cert', cert, '--key', otherKey], /--key: .*other-key.pem is not the key of .*own.pem/],
      [['--cert', cert, '--key', text], /--key: .*text.pem contains no usable private key/],
      [['--cert', text, '--key', otherKey], /--cert: .*text.pem contains no certificate/],
      [['--ca', broken], /--ca: .*broken.pem contains a certificate that cannot be read/],
      [['--ca', directory], /--ca: cannot read .*: is a directory/],
    ] as const) {
      const program = sluiceway(net, 'proxy', 'http://127.0.0.1:1', ...args);
      expect(await program.exited).toBe(2);
      expect(program.stderr).toMatch(message);
    }
  });
});

describe('the built program', () => {
  test.for<[what: string, args: readonly string[], exit: number, stdout: RegExp, stderr: RegExp]>([
    ['its version', ['--version'], 0, /^\d+\.\d+\.\d+\S*\n$/, /^$/],
    ['the help of a command', ['gateway', '--help'], 0, /^Usage: sluiceway gateway/, /^$/],
    ['its usage', [], 2, /^$/, /^Usage: sluiceway/],
    ['a usage error', ['proxy', 'http://a', '--foo'], 2, /^$/, /^sluiceway: unknown option '--foo'\n$/],
    ['a mistake in an option', ['gateway', '--keys', '/no/file'], 2, /^$/, /^sluiceway: --keys: .*\n$/],
    ['a configuration error', ['config', 'check', '/no/file'], 2, /^$/, /^sluiceway: .*\/no\/file.*\n$/],
    ['a new key', ['keys', 'new'], 0, /^\{\n[^]*"secret"[^]*\}\n$/, /^$/],
    ['a file error', ['keys', 'new', '--add', '/no/file'], 1, /^$/, /^sluiceway: cannot read \/no\/file/],
  ])(
    'prints %s where scripts expect it, and ends with its exit code',
    async ([, args, ...expected], { net }) => {
      const program = inProcess.sluiceway(net, ...args);
      const exit = await program.exited;
      const [expectedExit, stdout, stderr] = expected;
      expect([exit, program.stdout, program.stderr]).toEqual([
        expectedExit,
        expect.stringMatching(stdout),
        expect.stringMatching(stderr),
      ]);
    },
  );

  test('signs a link that it then finds valid for one client only', async ({ net }) => {
    const keys = fileOf('keys.json', formatKeys([generateKey()]));
    const flags = ['--keys', keys, '--expires', '1h', '--client-ip', '192.0.2.1'];
    const signing = inProcess.sluiceway(net, 'sign', 'https://a.test/file', ...flags);
    expect(await signing.exited).toBe(0);
    for (const [client, exit] of [
      ['192.0.2.1', 0],
      ['192.0.2.2', 1],
    ] as const) {
      const verifying = inProcess.sluiceway(
        net,
        ...['verify', signing.stdout.trim(), '--keys', keys, '--client-ip', client],
      );
      expect(await verifying.exited).toBe(exit);
      expect(verifying.stdout).toContain('https://a.test/file');
    }
  });
});

describe('where it listens', () => {
  test('one line names the real port and the origin server', async ({ net }) => {
    const origin = await net.origin(respondWith(ok));
    const program = await sluicewayProxy(net, origin.url, '--listen', '127.0.0.1:0');
    const line = `sluiceway: listening on http://127.0.0.1:${program.port}, forwarding to ${origin.url}\n`;
    expect(program.stdout).toBe(line);
    const client = await net.client(program);
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('ok');
  });

  test('":0" is a free port on all addresses', async ({ net }) => {
    const origin = await net.origin(respondWith(ok));
    const program = await sluicewayProxy(net, origin.url, '--listen', ':0');
    const client = await net.client(program);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(200);
  });

  test('a port in use ends it with 1', async ({ net }) => {
    const taken = createServer().listen(0, '127.0.0.1');
    net.cleanup(() => taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const program = sluiceway(net, 'proxy', 'http://127.0.0.1:1', '--listen', `127.0.0.1:${port}`);
    expect(await program.exited).toBe(1);
    expect(program.stderr).toBe(`sluiceway: cannot listen on 127.0.0.1:${port}: the port is in use\n`);
  });

  test('an address of another machine ends it with 1', async ({ net }) => {
    const program = sluiceway(net, 'proxy', 'http://127.0.0.1:1', '--listen', '192.0.2.1:0');
    expect(await program.exited).toBe(1);
    expect(program.stderr).toMatch(/cannot listen on 192\.0\.2\.1:0: this machine has no such address/);
  });

  test('--cert and --key serve HTTPS', async ({ net }) => {
    const origin = await net.origin(respondWith(ok));
    const { cert, key, ca } = await loopbackCertificate();
    const flags = ['--cert', fileOf('cert.pem', cert), '--key', fileOf('key.pem', key)];
    const program = await sluicewayProxy(net, origin.url, ...flags);
    expect(program.stdout).toContain(`listening on https://127.0.0.1:${program.port}`);
    const client = await net.client(program, { tls: { ca } });
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('ok');
  });

  test('--ca makes a private origin server trusted, which it is not without', async ({ net }) => {
    const issuer = await makeAuthority();
    const tls = await makeCertificate(['localhost'], { issuer });
    const origin = await net.origin(respondWith(ok), { tls });
    const ca = fileOf('ca.pem', issuer.cert);
    for (const [flags, status] of [
      [['--ca', ca], 200],
      [[], 502],
    ] as const) {
      const program = await sluicewayProxy(net, origin.url, ...flags);
      const client = await net.client(program);
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(status);
      await program.kill();
    }
  });
});

describe('the transfer log', () => {
  const ask = async (net: Parameters<typeof sluiceway>[0], ...flags: string[]) => {
    const origin = await net.origin(respondWith(ok));
    const program = await sluicewayProxy(net, origin.url, ...flags);
    const client = await net.client(program);
    await client.get('/file?token=secret');
    await client.readResponse();
    client.close();
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
    return program.stderr;
  };

  test('is one line of text on standard error for each transfer by default', async ({ net }) => {
    const log = await ask(net);
    expect(log).toMatch(/^[^\n]*GET[^\n]*\/file\?…[^\n]*completed[^\n]*\n$/);
    expect(log).not.toContain('secret');
  });

  test('is one line of JSON with --log json', async ({ net }) => {
    const record: unknown = JSON.parse(await ask(net, '--log', 'json'));
    expect(record).toMatchObject({
      method: 'GET',
      path: '/file?…',
      status: 200,
      outcome: 'completed',
      bytesDown: 2,
      attempts: 1,
      error: null,
    });
  });

  test('is nothing with --log none', async ({ net }) => {
    expect(await ask(net, '--log', 'none')).toBe('');
  });

  test('without a reader does not stop the proxy', async ({ net }) => {
    const origin = await net.origin(respondWith(ok));
    const program = await inProcess.sluicewayProxy(net, origin.url);
    program.child.stderr?.destroy();
    program.child.stdout?.destroy();
    for (let i = 0; i < 3; i++) {
      const client = await net.client(program);
      await client.get('/');
      expect((await client.readResponse()).content.toString()).toBe('ok');
      client.close();
    }
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
  });
});

test('a large file passes unchanged', async ({ net }) => {
  const size = 16 * 1024 * 1024;
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    await connection.writeSeeded('cli', 0, size);
  });
  const program = await sluicewayProxy(net, origin.url);
  const client = await net.client(program);
  await client.get('/');
  let offset = 0;
  let wrong = 0;
  const { complete } = await client.readResponse({
    onContent: (bytes) => {
      if (!isSeeded('cli', offset, bytes)) wrong += 1;
      offset += bytes.length;
    },
  });
  expect({ complete, offset, wrong }).toEqual({ complete: true, offset: size, wrong: 0 });
});
