import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { request as sendHttp } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { isSeeded } from '../../sluiceway/test/support/content.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { Gate } from '../../sluiceway/test/support/gate.js';
import type { RawClient } from '../../sluiceway/test/support/raw-client.js';
import type { RawOrigin } from '../../sluiceway/test/support/raw-origin.js';
import { describeWith, requireZeroCopy } from '../../sluiceway/test/support/requirements.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import { until } from '../../sluiceway/test/support/until.js';
import { type ProgramProcess, sluiceway, sluicewayProxy, sluicewayServe } from './support/process.js';
import { sluiceway as hosted } from './support/program.js';

const anyPort = { address: '127.0.0.1:0' };
const isLinux = process.platform === 'linux';
const size = 8 * 1024 * 1024;

const respond = (content: string, workers: unknown = 2) => ({
  listeners: [anyPort],
  admin: anyPort,
  workers,
  log: { format: 'json' },
  routes: [{ respond: { content } }],
});

async function adminOf(program: ProgramProcess) {
  const [, port] = await program.match('stdout', /admin listener on \S+:(\d+)\n/);
  const call = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method });
  return {
    call,
    ready: () => until(async () => (await call('/readyz')).status === 200, 'all workers served'),
  };
}

async function ask(net: Network, port: number, target = '/'): Promise<string> {
  const client = await net.client(port);
  await client.get(target);
  const { content } = await client.readResponse();
  client.close();
  return content.toString();
}

/** The processes of the workers; only Linux shows them. */
const workersOf = ({ child: { pid } }: ProgramProcess): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

async function startDownload(net: Network, port: number) {
  const client = await net.client(port);
  await client.get('/');
  const head = await client.readHead();
  return { client, head };
}

async function readRest(client: RawClient, head: Awaited<ReturnType<RawClient['readHead']>>) {
  let at = 0;
  const { complete } = await client
    .readContent(head, {
      onContent: (bytes) => {
        if (!isSeeded('file', at, bytes)) throw new Error(`Wrong bytes at ${at}`);
        at += bytes.length;
      },
    })
    .catch(() => ({ complete: false }));
  return complete && at === size;
}

const slowFile = (net: Network, release: Gate): Promise<RawOrigin> =>
  net.origin(async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
    await connection.writeSeeded('file', 0, 1000);
    await release.opened;
    await connection.writeSeeded('file', 1000, size);
  });

describe.skipIf(!isLinux)('workers', () => {
  test('serve the same ports and Unix sockets, and kill -9 of one breaks only its own transfers [nginx]', async ({
    net,
  }) => {
    const folder = scratchFolder(net);
    const release = new Gate();
    const origin = await slowFile(net, release);
    const program = await sluicewayServe(
      net,
      {
        listeners: [anyPort, { address: 'unix:a.sock', mode: '0660' }],
        admin: anyPort,
        workers: 2,
        log: { format: 'none' },
        routes: [{ proxy: { upstream: origin.url } }, { path: '/fixed', respond: { content: 'fixed' } }],
      },
      { folder },
    );
    const admin = await adminOf(program);
    const before = workersOf(program);
    expect(before).toHaveLength(2);
    expect(statSync(join(folder, 'a.sock')).mode & 0o777).toBe(0o660);
    const byUnixSocket = await new Promise<number | undefined>((resolve, reject) => {
      sendHttp({ socketPath: join(folder, 'a.sock'), path: '/fixed' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(byUnixSocket).toBe(200);

    const downloads = await Promise.all(Array.from({ length: 8 }, () => startDownload(net, program.port)));
    const [victim = 0, survivor = 0] = before;
    const metrics = await (await admin.call('/metrics')).text();
    expect(metrics).toContain('sluiceway_transfers_running{route="/**"} 8\n');
    expect(metrics).toMatch(/^sluiceway_build_info\{.*\} 1$/m);
    for (const pid of before) expect(metrics).toContain(`process_resident_memory_bytes{pid="${pid}"}`);
    process.kill(victim, 'SIGKILL');
    const killedAt = Date.now();
    // Requests go on at once, with one worker.
    for (let i = 0; i < 10; i += 1) expect(await ask(net, program.port, '/fixed')).toBe('fixed');
    await program.match('stderr', new RegExp(`worker [12] \\(process ${victim}\\) has ended: SIGKILL`));
    await admin.ready();
    expect(Date.now() - killedAt).toBeLessThan(20_000);
    expect(workersOf(program)).toHaveLength(2);
    expect(workersOf(program)).toContain(survivor);
    release.open();
    const whole = await Promise.all(downloads.map(({ client, head }) => readRest(client, head)));
    const cut = await Promise.all(
      downloads.map(({ client }, i) => Promise.resolve(whole[i] === true ? 'whole' : client.closed)),
    );
    // Each download is whole, or visibly broken.
    expect(cut.every((end) => ['whole', 'fin', 'reset'].includes(end))).toBe(true);
    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
  });

  test('reload all together, and one that cannot leaves all as they were [nginx]', async ({ net }) => {
    const program = await sluicewayServe(net, respond('a'));
    const admin = await adminOf(program);
    const before = workersOf(program);
    const everywhere = async () =>
      new Set(await Promise.all(Array.from({ length: 20 }, () => ask(net, program.port))));
    expect(await program.reload(respond('b'))).toBe('SIGHUP: reloaded\n');
    expect(await everywhere()).toEqual(new Set(['b']));

    const taken = createServer().listen(0, '127.0.0.1');
    net.cleanup(() => taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port: used } = taken.address() as { port: number };
    const listeners = [anyPort, { address: `127.0.0.1:${used}` }];
    expect(await program.reload({ ...respond('c'), listeners })).toMatch(
      /not reloaded.*sluiceway\.yaml:\d+:\d+: listeners\[1\]\.address cannot listen on .*: the port is in use/,
    );
    expect(await program.reload({ ...respond('c'), routes: [{ respond: { status: 1 } }] })).toContain(
      'routes[0].respond.status',
    );
    expect(await program.reload({ ...respond('c'), log: { output: '/nowhere/access.log' } })).toContain(
      'log.output',
    );
    expect(await program.reload(respond('c', 1))).toContain('workers cannot become 1 by a reload');
    expect(await everywhere()).toEqual(new Set(['b']));
    expect(workersOf(program)).toEqual(before);

    const more = { ...respond('d', 3), listeners: [anyPort, anyPort] };
    expect(await program.reload(more)).toBe('SIGHUP: reloaded\n');
    await admin.ready();
    expect(workersOf(program)).toHaveLength(3);
    expect(workersOf(program)).toEqual(expect.arrayContaining(before));
    expect(await everywhere()).toEqual(new Set(['d']));
    // A replacement opens its listeners in another order than a worker that has reloaded, and has the same port.
    process.kill(before[0] ?? 0, 'SIGKILL');
    await program.match('stdout', /worker 1 \(process \d+\) serves\n/);
    await admin.ready();
    expect(await everywhere()).toEqual(new Set(['d']));
    expect(await program.reload(respond('e'))).toBe('SIGHUP: reloaded\n');
    await until(() => workersOf(program).length === 2, 'the third worker had ended');
    expect(await everywhere()).toEqual(new Set(['e']));
    expect(program.stderr.match(/has ended/g)).toHaveLength(1);
  });

  test('are replaced one after the other by POST /api/restart and SIGUSR1, and lose nothing [HAProxy]', async ({
    net,
  }) => {
    const release = new Gate();
    const origin = await slowFile(net, release);
    const config = {
      ...respond('a'),
      routes: [{ proxy: { upstream: origin.url } }, { path: '/b', respond: { content: 'b' } }],
    };
    const program = await sluicewayServe(net, config);
    const admin = await adminOf(program);
    const before = workersOf(program);
    const downloads = await Promise.all(Array.from({ length: 4 }, () => startDownload(net, program.port)));
    const asking = new AbortController();
    const asked = (async () => {
      let answers = 0;
      while (!asking.signal.aborted) {
        expect(await ask(net, program.port, '/b')).toBe('b');
        answers += 1;
        // Without a pause, the requests would take the processor time that the new workers need.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      return answers;
    })();
    const answer = await admin.call('/api/restart', 'POST');
    expect([answer.status, await answer.json()]).toEqual([200, { restarted: true }]);
    program.signal('SIGUSR1');
    await program.match('stdout', /SIGUSR1: all workers have been replaced\n/);
    asking.abort();
    expect(await asked).toBeGreaterThan(0);
    release.open();
    expect(await Promise.all(downloads.map(({ client, head }) => readRest(client, head)))).toEqual([
      true,
      true,
      true,
      true,
    ]);
    await until(() => workersOf(program).length === 2, 'the former workers had ended');
    expect(workersOf(program).some((pid) => before.includes(pid))).toBe(false);
    expect(program.stderr).not.toContain('has ended');
  });

  test('drain together; the log says what all of them have, and the exit code tells of cuts [nginx]', async ({
    net,
  }) => {
    const release = new Gate();
    const origin = await slowFile(net, release);
    const program = await sluicewayServe(net, {
      ...respond('a'),
      routes: [{ proxy: { upstream: origin.url } }],
      drainTimeout: '1s',
    });
    const downloads = await Promise.all(Array.from({ length: 4 }, () => startDownload(net, program.port)));
    // A service manager sends the signal to all processes.
    for (const pid of workersOf(program)) process.kill(pid, 'SIGTERM');
    program.signal('SIGTERM');
    await program.match('stdout', /SIGTERM: stopping, waiting up to 1s for 4 transfers\n/);
    expect(await program.exited).toBe(1);
    expect(program.stderr).toContain('sluiceway: 4 transfers cut off after 1s\n');
    expect((await program.records(4)).map(({ outcome }) => outcome)).toEqual(
      Array.from({ length: 4 }, () => 'shutdown'),
    );
    release.open();
    for (const { client, head } of downloads) expect(await readRest(client, head)).toBe(false);
  });

  test('end with the primary process, however that ends [nginx]', async ({ net }) => {
    const program = await sluicewayServe(net, respond('a'));
    const workers = workersOf(program);
    await program.kill();
    const lives = (pid: number): boolean => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    };
    await until(() => !workers.some(lives), 'the workers had ended');
  });
});

describeWith(requireZeroCopy())('workers with zero copy', () => {
  test('let the kernel move downloads, byte for byte [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\nConnection: close\r\n\r\n`);
      await connection.writeSeeded('file', 0, size);
      connection.end();
    });
    const flags = ['--workers', '2', '--zero-copy', 'true', '--log', 'json'];
    const program = await sluicewayProxy(net, origin.url, ...flags);
    for (let i = 0; i < 8; i += 1) {
      const { client, head } = await startDownload(net, program.port);
      expect(await readRest(client, head)).toBe(true);
      client.close();
    }
    const moved = /"zeroCopy":true/g;
    await until(() => (program.stderr.match(moved)?.length ?? 0) === 8, 'all were moved by the kernel');
  });
});

describe('the number of workers', () => {
  test.for([
    ['0', "--workers: must be 'auto' or a whole number from 1 to 1024, not 0"],
    ['many', '--workers: must be \'auto\' or a whole number from 1 to 1024, not "many"'],
  ] as const)('--workers %s is refused', async ([number, message], { net }) => {
    const program = hosted(net, 'proxy', 'http://127.0.0.1:9', '--workers', number);
    expect(await program.exited).toBe(2);
    expect(program.stderr).toContain(message);
  });

  test('is a flag of proxy and serve, which have no workers by default', async ({ net }) => {
    const proxy = await sluicewayProxy(net, 'http://127.0.0.1:9', '--workers', '2', '--admin', '127.0.0.1:0');
    await (await adminOf(proxy)).ready();
    const file = join(scratchFolder(net), 'a.yaml');
    writeFileSync(file, JSON.stringify(respond('a', 2)));
    const serve = sluiceway(net, 'serve', '--config', file, '--workers', '1');
    const admin = await adminOf(serve);
    const answer = await admin.call('/api/restart', 'POST');
    expect([answer.status, await answer.json()]).toEqual([
      409,
      { restarted: false, message: 'there are no workers to restart' },
    ]);
    if (isLinux) {
      expect(workersOf(proxy)).toHaveLength(2);
      expect(workersOf(serve)).toHaveLength(0);
    }
  });

  test.runIf(isLinux)(
    'starts processes with more space for new objects than Node has [Sluiceway]',
    async ({ net }) => {
      const proxy = await sluicewayProxy(
        net,
        'http://127.0.0.1:9',
        '--workers',
        '2',
        '--admin',
        '127.0.0.1:0',
      );
      await (await adminOf(proxy)).ready();
      const commands = workersOf(proxy).map((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0'),
      );
      expect(commands).toHaveLength(2);
      for (const command of commands) expect(command).toContain('--max-semi-space-size=32');
    },
  );

  test('that cannot start say why once, and the program ends with 2', async ({ net }) => {
    const taken = createServer().listen(0, '127.0.0.1');
    net.cleanup(() => taken.close());
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const file = join(scratchFolder(net), 'a.yaml');
    writeFileSync(file, JSON.stringify({ ...respond('a'), listeners: [{ address: `127.0.0.1:${port}` }] }));
    const program = sluiceway(net, 'serve', '--config', file);
    expect(await program.exited).toBe(2);
    expect(program.stderr.match(/the port is in use/g)).toHaveLength(1);
    expect(program.stderr).toMatch(/a\.yaml:\d+:\d+: listeners\[0\]\.address cannot listen on/);
  });
});
