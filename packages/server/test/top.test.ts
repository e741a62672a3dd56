import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect } from 'vitest';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { requireTool, testWith } from '../../sluiceway/test/support/requirements.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import { until } from '../../sluiceway/test/support/until.js';
import { sluiceway, sluicewayServe } from './support/program.js';
import { PtyProgram } from './support/pty.js';

const python = requireTool('python3');

/** A server whose origin server sends half of each file, and a client for each of the paths. */
async function serve(net: Network, targets: readonly string[], admin: object = {}) {
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
  });
  const program = await sluicewayServe(net, {
    listeners: [{ address: '127.0.0.1:0' }],
    admin: { address: '127.0.0.1:0', ...admin },
    routes: [{ name: 'files', proxy: { upstream: origin.url } }],
  });
  const [, url = ''] = await program.match('stdout', /admin listener on (\S+)/);
  const clients = [];
  for (const target of targets) {
    const client = await net.client(program.port);
    await client.get(target);
    await client.readHead();
    await client.readExactly(5);
    clients.push(client);
  }
  return { program, url, clients };
}

test('--once prints the running transfers as a table, in the chosen order [Sluiceway]', async ({ net }) => {
  const { url } = await serve(net, ['/b.iso', '/a.iso?token=secret']);
  const top = sluiceway(net, 'top', '--admin', url, '--once', '--sort', 'file');
  expect(await top.exited).toBe(0);
  const [header = '', ...lines] = top.stdout.trimEnd().split('\n');
  expect(header).toMatch(/^FILE +CLIENT +ROUTE +SERVER +% +BYTES +RATE +LIMIT +TIME +HEALED +LEFT$/);
  expect(lines.map((line) => line.split(/ +/).slice(0, 3))).toEqual([
    ['a.iso', '127.0.0.1', 'files'],
    ['b.iso', '127.0.0.1', 'files'],
  ]);
  expect(lines[0]).toContain(' 50% ');
  expect(top.stdout).not.toContain('secret');
});

test('--json prints them as the admin listener describes them [Sluiceway]', async ({ net }) => {
  const { url } = await serve(net, ['/b.iso', '/a.iso']);
  const top = sluiceway(net, 'top', '--admin', url, '--json', '--filter', 'a.ISO files');
  expect(await top.exited).toBe(0);
  const { total, transfers } = JSON.parse(top.stdout) as {
    total: number;
    transfers: Record<string, unknown>[];
  };
  expect([total, transfers.length]).toEqual([2, 1]);
  expect(transfers[0]).toMatchObject({
    path: '/a.iso',
    bytesDown: 5,
    responseLength: 10,
    waitingFor: 'upstream',
  });
});

test('the token of a file gives access, and without it the flag is named [RFC 6750 2.1]', async ({ net }) => {
  const file = join(scratchFolder(net), 'token');
  writeFileSync(file, '# of the operators\nops:abcdefghijklmnop0123\n');
  const access = { bearer: { tokens: { file } } };
  const { url } = await serve(net, [], { access });
  const refused = sluiceway(net, 'top', '--admin', url, '--once');
  expect(await refused.exited).toBe(1);
  expect(refused.stderr).toContain('requires a token: give its file with --token-file\n');
  const accepted = sluiceway(net, 'top', '--admin', url, '--once', '--token-file', file);
  expect(await accepted.exited).toBe(0);
});

test.for([
  [['--admin', 'ftp://host'], '--admin: must be a URL such as http://127.0.0.1:9180'],
  [['--admin', 'http://u@host'], '--admin: must not contain a user name; use --token-file'],
  [['--token-file', '/none'], '--token-file: '],
  [['--sort', 'size'], "option '--sort <order>' argument 'size' is invalid"],
] as const)('the mistake in %j is named, with the exit code 2', async ([args, message], { net }) => {
  const top = sluiceway(net, 'top', '--once', ...args);
  expect(await top.exited).toBe(2);
  expect(top.stderr).toContain(`sluiceway: ${message}`);
});

test('a listener that is not there, or is another server, is named [Sluiceway]', async ({ net }) => {
  const other = createServer((_, response) => response.end('<html>'));
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  const wrong = sluiceway(net, 'top', '--admin', url, '--once');
  expect(await wrong.exited).toBe(1);
  expect(wrong.stderr).toContain('The answer is not JSON; is this the admin listener of sluiceway?');
  other.closeAllConnections();
  await new Promise((resolve) => other.close(resolve));
  const absent = sluiceway(net, 'top', '--admin', url, '--once');
  expect(await absent.exited).toBe(1);
  expect(absent.stderr).toBe(`sluiceway: ${url}: nothing listens there\n`);
});

testWith(python)(
  'the terminal shows transfers live, with names that cannot act on it [CWE-150]',
  async ({ net }) => {
    const { url, program } = await serve(net, ['/a.iso']);
    const top = new PtyProgram(net, python, ['top', '--admin', url], { columns: 120 });
    await top.shows(/a\.iso +127\.0\.0\.1 .*50%/);
    const client = await net.client(program.port);
    await client.get('/late%1b%5b2J%c2%9b.iso');
    await top.shows(/late\\x1b\[2J\\x9b/);
    expect(top.output).toMatch(/2 transfers/);
    client.close();
    await top.shows(/Client left/);
    top.type('q');
    expect(await top.exited).toBe(0);
    expect(top.output).toContain('\x1b[?1049h');
    expect(top.output.endsWith('\x1b[?1049l')).toBe(true);
  },
);

testWith(python)(
  'a transfer is aborted after a question, and only after a yes [Sluiceway]',
  async ({ net }) => {
    const { url, clients } = await serve(net, ['/a.iso', '/b.iso']);
    const top = new PtyProgram(net, python, ['top', '--admin', url, '--sort', 'file']);
    await top.shows(/b\.iso/);
    top.type('\x1b[B');
    top.type('a');
    await top.shows(/Abort b\.iso of 127\.0\.0\.1\? .*\[y\/N\]/);
    const from = top.output.length;
    top.type('n');
    await top.shows(/select {2}Enter/, from);
    top.type('a');
    top.type('y');
    await top.shows(/b\.iso was aborted\./);
    await clients[1]?.readUntilClose();
    expect(clients[0]?.socket.destroyed).toBe(false);
    top.type('\x03');
    expect(await top.exited).toBe(130);
  },
);

testWith(python)('keys filter, sort and show details, at any width [Sluiceway]', async ({ net }) => {
  const { url } = await serve(net, ['/alpha.iso', '/beta.iso']);
  const top = new PtyProgram(net, python, ['top', '--admin', url], { columns: 120 });
  await top.shows(/alpha\.iso/);
  let from = top.output.length;
  top.type('/beta\r');
  await top.shows(/filter: beta/, from);
  from = top.output.length;
  top.type('\r');
  await top.shows(/GET \/beta\.iso/, from);
  top.type('\x1b');
  from = top.output.length;
  top.resize(30, 10);
  await top.shows(/FILE {2,}%/, from);
  from = top.output.length;
  top.type('s');
  await top.shows(/Sorted by rate/, from);
  top.type('q');
  expect(await top.exited).toBe(0);
});

testWith(python)(
  'after a lost connection, the terminal says so and connects again [Sluiceway]',
  async ({ net }) => {
    let streams = 0;
    const admin = createServer((_request, response) => {
      streams += 1;
      response.writeHead(200, { 'Content-Type': 'text/event-stream' });
      const transfers = [{ id: '1', path: `/file-${streams}.iso`, method: 'GET' }];
      response.write(`event: snapshot\ndata: ${JSON.stringify({ time: '', transfers })}\n\n`);
      if (streams === 1) setImmediate(() => response.destroy());
    });
    await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve));
    net.cleanup(() => {
      admin.closeAllConnections();
      admin.close();
    });
    const url = `http://127.0.0.1:${(admin.address() as AddressInfo).port}`;
    const top = new PtyProgram(net, python, ['top', '--admin', url], { columns: 120 });
    await top.shows(/connection lost: .*; connecting again/);
    await top.shows(/file-2\.iso/);
    await until(() => streams === 2, 'the second connection was open');
    top.type('q');
    expect(await top.exited).toBe(0);
  },
);

testWith(python)('NO_COLOR leaves the terminal without colour [Sluiceway]', async ({ net }) => {
  const { url } = await serve(net, ['/a.iso']);
  const top = new PtyProgram(net, python, ['top', '--admin', url], { columns: 120, env: { NO_COLOR: '1' } });
  await top.shows(/a\.iso/);
  top.type('q');
  expect(await top.exited).toBe(0);
  expect(top.output).not.toContain('\x1b[0m');
});
