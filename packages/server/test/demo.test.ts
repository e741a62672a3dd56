import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { describe, expect } from 'vitest';
import { isSeeded, seededBytes, seededDigest } from '../../sluiceway/test/support/content.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { until } from '../../sluiceway/test/support/until.js';
import { readRange } from '../src/demo/file-request.js';
import { createOrigin, demoSeed } from '../src/demo/origin.js';
import { describeDemo } from '../src/demo/tour.js';
import { ProgramProcess } from './support/process.js';

const MiB = 1024 * 1024;
const etag = `"demo-${MiB}"`;

describe('the origin server of the demonstration', () => {
  const start = async (net: Network) => {
    const server = createOrigin().listen(0, '127.0.0.1');
    net.cleanup(() => {
      server.close();
      server.closeAllConnections();
    });
    await new Promise((resolve) => server.once('listening', resolve));
    return net.client((server.address() as { port: number }).port);
  };

  test('sends a file with length, validators and the bytes of its seed', async ({ net }) => {
    const client = await start(net);
    await client.get('/files/3MiB');
    const { head, content } = await client.readResponse();
    expect(head.status).toBe(200);
    expect(head.get('content-length')).toBe(String(3 * MiB));
    expect(head.get('etag')).toBe(`"demo-${3 * MiB}"`);
    expect(head.get('accept-ranges')).toBe('bytes');
    expect(head.has('last-modified')).toBe(true);
    expect(isSeeded(demoSeed, 0, content)).toBe(true);
  });

  test.for(['5GiB', '0', '1000', '1.5kB'])(
    'knows the size %s without sending it (HEAD)',
    async (size, { net }) => {
      const client = await start(net);
      await client.send(`HEAD /files/${size} HTTP/1.1\r\nHost: x\r\n\r\n`);
      const { head } = await client.readResponse({ method: 'HEAD' });
      const bytes = { '5GiB': 5 * 2 ** 30, '0': 0, '1000': 1000, '1.5kB': 1500 }[size];
      expect(head.get('content-length')).toBe(String(bytes));
    },
  );

  test.for([
    [[], 200, 0, MiB],
    [['Range: bytes=0-0'], 206, 0, 1],
    [['Range: bytes=1000-1999'], 206, 1000, 1000],
    [['Range: bytes=1048000-'], 206, 1_048_000, 576],
    [['Range: bytes=1048000-9999999'], 206, 1_048_000, 576],
    [['Range: bytes=-16'], 206, MiB - 16, 16],
    [['Range: bytes=0-1,5-6'], 200, 0, MiB],
    [['Range: lines=0-1'], 200, 0, MiB],
    [['Range: bytes=10-20', `If-Range: ${etag}`], 206, 10, 11],
    [['Range: bytes=10-20', 'If-Range: Wed, 01 Jan 2025 00:00:00 GMT'], 206, 10, 11],
    [['Range: bytes=10-20', 'If-Range: "other"'], 200, 0, MiB],
    [['If-None-Match: "other"'], 200, 0, MiB],
  ] as const)('answers %j with %i, %i, %i', async ([lines, status, offset, length], { net }) => {
    const client = await start(net);
    await client.get('/files/1MiB', lines);
    const { head, content } = await client.readResponse();
    expect([head.status, content.length]).toEqual([status, length]);
    expect(isSeeded(demoSeed, offset, content)).toBe(true);
    const contentRange = status === 206 ? `bytes ${offset}-${offset + length - 1}/${MiB}` : undefined;
    expect(head.get('content-range')).toBe(contentRange);
  });

  test.for([
    [['Range: bytes=1048576-'], 416, `bytes */${MiB}`],
    [['Range: bytes=-0'], 416, `bytes */${MiB}`],
    [[`If-None-Match: "x", W/${etag}`], 304, undefined],
    [['If-None-Match: *'], 304, undefined],
  ] as const)('answers %j with %i', async ([lines, status, contentRange], { net }) => {
    const client = await start(net);
    await client.get('/files/1MiB', lines);
    const { head } = await client.readResponse();
    expect(head.status).toBe(status);
    expect(head.get('content-range')).toBe(contentRange);
  });

  test('knows the SHA-256 of a file', async ({ net }) => {
    const client = await start(net);
    for (let i = 0; i < 2; i++) {
      await client.get('/files/2MiB.sha256');
      const { content } = await client.readResponse();
      const digest = createHash('sha256')
        .update(seededBytes(demoSeed, 0, 2 * MiB))
        .digest('hex');
      expect(content.toString()).toBe(`${digest}  2MiB\n`);
    }
  });

  test('lists what there is, and refuses the rest', async ({ net }) => {
    const client = await start(net);
    const requests = {
      'GET /': 200,
      'GET /files/': 404,
      'GET /files/big': 404,
      'GET /files/99TiB.sha256': 404,
      'GET /nothing': 404,
      'DELETE /files/1MiB': 405,
    };
    const statuses: Record<string, number> = {};
    for (const request of Object.keys(requests)) {
      await client.send(`${request} HTTP/1.1\r\nHost: x\r\n\r\n`);
      statuses[request] = (await client.readResponse()).head.status;
    }
    expect(statuses).toEqual(requests);
  });

  test('stops when the client leaves, and serves the next one', async ({ net }) => {
    const client = await start(net);
    await client.get('/files/5GiB');
    await client.readHead();
    const next = await net.client(client.tcp.remotePort ?? 0);
    client.reset();
    await next.get('/files/10');
    expect((await next.readResponse()).content).toEqual(seededBytes(demoSeed, 0, 10));
  });
});

test.for([
  [undefined, 10, null],
  ['bytes=-', 10, null],
  ['bytes=5-4', 10, null],
  ['bytes=x-4', 10, null],
  ['bytes=0-', 0, 'unsatisfiable'],
  ['bytes=-5', 0, 'unsatisfiable'],
  ['bytes=-50', 10, { start: 0, end: 10 }],
  ['bytes=9-9', 10, { start: 9, end: 10 }],
  ['bytes=10-10', 10, 'unsatisfiable'],
] as const)('readRange(%j, %i) is %j', ([range, size, expected]) => {
  expect(readRange(range, size)).toEqual(expected);
});

describe('npm start', () => {
  const start = (net: Network, env: Record<string, string>) => {
    const program = new ProgramProcess('dist/demo/main.js', [], env);
    net.cleanup(() => program.kill());
    return program;
  };
  const ports = async (program: ProgramProcess) => {
    const [, origin] = await program.match('stdout', /origin server is at http:\/\/127\.0\.0\.1:(\d+)/);
    const [, proxy] = await program.match('stdout', /is at http:\/\/127\.0\.0\.1:(\d+) \(process/);
    return { origin: Number(origin), proxy: Number(proxy) };
  };
  const refuses = async (net: Network, port: number) => {
    await until(
      () =>
        net.client(port).then(
          () => false,
          () => true,
        ),
      `port ${port} was closed`,
    );
  };

  test('serves a file whose digest is the promised one, through the proxy', async ({ net }) => {
    const program = start(net, { PORT: '0' });
    const { proxy } = await ports(program);
    const client = await net.client(proxy);
    await client.get('/files/5MiB');
    const { head, content } = await client.readResponse();
    expect(head.has('via')).toBe(true);
    const digest = createHash('sha256').update(content).digest('hex');
    expect(digest).toBe(seededDigest(demoSeed, 5 * MiB));
    await client.get('/files/5MiB.sha256');
    expect((await client.readResponse()).content.toString()).toBe(`${digest}  5MiB\n`);
  });

  test.for(['SIGTERM', 'SIGINT'] as const)(
    '%s stops both processes, also in the middle of a download',
    async (signal, { net }) => {
      const program = start(net, { PORT: '0' });
      const { origin, proxy } = await ports(program);
      const client = await net.client(proxy);
      await client.get('/files/5GiB');
      await client.readHead();
      client.pause();
      program.signal(signal);
      expect(await program.exited).toBe(0);
      expect(program.stderr).toBe('');
      await refuses(net, origin);
    },
  );

  test('the origin server ends with its parent, however that ends', async ({ net }) => {
    const program = start(net, { PORT: '0' });
    const { origin } = await ports(program);
    await program.kill();
    await refuses(net, origin);
  });

  test('shows a dashboard with running downloads, and makes more of them when asked', async ({ net }) => {
    const program = start(net, { PORT: '0' });
    const [, dashboard = ''] = await program.match('stdout', /^ +(http:\S+:\d+\/)$/m);
    const read = async (path: string, init?: RequestInit) =>
      (await (await fetch(new URL(path, dashboard), init)).json()) as { total: number; started: number };
    expect(await (await fetch(dashboard)).text()).toContain('<html lang="en" data-demo');
    const running = async () => (await read('/api/transfers')).total;
    await until(async () => (await running()) > 0, 'a download was running');
    const { started } = await read('/api/demo/traffic', { method: 'POST' });
    await until(async () => (await running()) > started, 'further ones were running');
  });

  test('a port in use is said, and ends it with 1', async ({ net }) => {
    const taken = createServer().listen(0, '127.0.0.1');
    net.cleanup(() => taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const program = start(net, { PORT: String(port) });
    expect(await program.exited).toBe(1);
    expect(program.stderr).toMatch(
      /^demo: cannot listen on 127\.0\.0\.1:\d+: the port is in use\..*PORT=[^\n]*\n$/,
    );
  });

  test('a PORT that is none ends it with 2', async ({ net }) => {
    const program = start(net, { PORT: '80a' });
    expect(await program.exited).toBe(2);
    expect(program.stderr).toBe('demo: PORT must be a number from 0 to 65535, not 80a\n');
  });

  test('names lines to try that fit the system', () => {
    const facts = {
      dashboardUrl: 'http://d/',
      link: 'http://p/l',
      url: 'http://p',
      originUrl: 'http://o',
      pid: 7,
    };
    expect(describeDemo({ ...facts, platform: 'linux' })).toMatch(/\| sha256sum;[^]*ps -o rss= -p 7/);
    expect(describeDemo({ ...facts, platform: 'darwin' })).toMatch(/\| shasum -a 256;/);
    expect(describeDemo({ ...facts, platform: 'win32' })).toMatch(/tasklist .*7/);
  });
});
