import { writeFileSync } from 'node:fs';
import { request as sendHttp } from 'node:http';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { freePort } from '../../sluiceway/test/support/daemon.js';
import { test } from '../../sluiceway/test/support/fixture.js';
import {
  describeWith,
  findOptionalTool,
  node,
  requireTool,
} from '../../sluiceway/test/support/requirements.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import { until } from '../../sluiceway/test/support/until.js';
import { findDescriptor } from '../src/listeners/inherited.js';
import { ProgramProcess, type Start, sluiceway, sluicewayServe } from './support/process.js';

const python = requireTool('python3');
const activator = findOptionalTool('systemd-socket-activate');

const respond = (content: string, ...addresses: string[]) => ({
  listeners: addresses.map((address) => ({ address })),
  routes: [{ respond: { content } }],
});

/** Opens sockets, and becomes the server, as systemd does. A number is a port of 127.0.0.1, and a string a path. */
const SUPERVISOR = `
import json, os, socket, sys
places, names = json.loads(sys.argv[1])
for i, place in enumerate(places):
    s = socket.socket(socket.AF_UNIX if isinstance(place, str) else socket.AF_INET)
    s.bind(place if isinstance(place, str) else ("127.0.0.1", place))
    s.listen()
    os.dup2(s.detach(), 100 + i)
for i, place in enumerate(places):
    os.dup2(100 + i, 3 + i)
    os.close(100 + i)
if names is not None:
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(places)), LISTEN_FDNAMES=names)
os.execv(sys.argv[2], sys.argv[2:])
`;

/** Without names, nothing is said about the sockets. */
const passing = (places: readonly (string | number)[], names: string | null = null): Start => ({
  tool: python,
  args: ['-c', SUPERVISOR, JSON.stringify([places, names]), node.path],
});

function ask(to: { port: number } | { socketPath: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    sendHttp({ host: '127.0.0.1', agent: false, ...to }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}

describeWith(python)('sockets that another process passes', () => {
  test('are served by their names, and a reload keeps them [systemd]', async ({ net }) => {
    const [port, other, socketPath] = [
      await freePort(),
      await freePort(),
      join(scratchFolder(net), 'a.sock'),
    ];
    const addresses = ['systemd:admin', 'systemd:web', 'systemd:local'];
    const program = await sluicewayServe(net, respond('old', ...addresses), {
      start: passing([port, other, socketPath], 'web:admin:local'),
    });
    expect(program.ports).toEqual([other, port]);
    for (const to of [{ port }, { port: other }, { socketPath }]) expect(await ask(to)).toBe('old');
    expect(await program.reload(respond('new', ...addresses))).toContain('reloaded');
    for (const to of [{ port }, { port: other }, { socketPath }]) expect(await ask(to)).toBe('new');
    expect(await program.reload(respond('fewer', 'systemd:admin'))).toContain('reloaded');
    expect(await ask({ port: other })).toBe('fewer');
    expect(await program.reload(respond('again', 'systemd:admin', 'systemd:web'))).toContain(
      'systemd:web: the socket is not there any more: two listeners name it, or a reload has closed it',
    );
    expect(await ask({ port: other })).toBe('fewer');
  });

  test.for([
    ['systemd', 'web'],
    ['fd://3', null],
  ] as const)('are served as %s [systemd; Docker]', async ([address, names], { net }) => {
    const port = await freePort();
    const program = await sluicewayServe(net, respond('ok', address), { start: passing([port], names) });
    await program.match('stdout', new RegExp(`listening on http://127\\.0\\.0\\.1:${port},`));
    expect(await ask({ port })).toBe('ok');
  });
});

test.for([
  ['systemd', 'systemd passed no socket: start the server by its socket unit'],
  ['fd://63', 'the descriptor is not that of a listening socket'],
] as const)(
  'without a passed socket, %s ends the program with 2 and the reason',
  async ([address, reason], { net }) => {
    const file = join(scratchFolder(net), 'sluiceway.json');
    writeFileSync(file, JSON.stringify(respond('ok', address)));
    const program = sluiceway(net, 'serve', '--config', file);
    expect(await program.exited).toBe(2);
    expect(program.stderr).toMatch(
      new RegExp(`listeners\\[0\\].address cannot listen on ${address}: ${reason}`),
    );
  },
);

describe('the descriptor of a socket of systemd', () => {
  const environment = { LISTEN_PID: '7', LISTEN_FDS: '3', LISTEN_FDNAMES: 'a:b:b' };
  const find = (systemd: string | null, given: Record<string, string> = environment) =>
    findDescriptor({ systemd }, given, 7);

  test('is that of its name, or the only one [systemd]', () => {
    expect(find('a')).toBe(3);
    expect(find(null, { LISTEN_PID: '7', LISTEN_FDS: '1' })).toBe(3);
  });

  test.for([
    [
      null,
      environment,
      'systemd passed several sockets; name one of them: a (fd://3), b (fd://4), b (fd://5)',
    ],
    ['c', environment, 'systemd passed no socket with that name, but a (fd://3), b (fd://4), b (fd://5)'],
    ['b', environment, 'systemd passed 2 sockets with that name; use the descriptor of one: a (fd://3)'],
    ['a', { ...environment, LISTEN_PID: '8' }, 'systemd passed its sockets to process 8'],
    ['a', {}, 'systemd passed no socket'],
    [null, { ...environment, LISTEN_FDS: '0' }, 'systemd passed no socket'],
    [null, { ...environment, LISTEN_FDS: 'x' }, 'systemd passed no socket'],
  ] as const)('named %s is refused for %j', ([name, given, message]) => {
    expect(() => find(name, given)).toThrow(message);
  });
});

describeWith(activator, python)('systemd-socket-activate', () => {
  test('passes a socket by its name [systemd]', async ({ net }) => {
    const port = await freePort();
    const file = join(scratchFolder(net), 'sluiceway.json');
    writeFileSync(file, JSON.stringify(respond('ok', 'systemd:web')));
    const args = ['-l', `127.0.0.1:${port}`, '--fdname=web', node.path];
    const program = new ProgramProcess(
      'bin/sluiceway.js',
      ['serve', '--config', file],
      {},
      { tool: activator, args },
    );
    net.cleanup(() => program.kill());
    // It starts the server at the first connection.
    await program.match('stderr', /Listening on/);
    const [answer] = await Promise.all([ask({ port }), program.match('stdout', /listening on/)]);
    expect(answer).toBe('ok');
    await until(() => program.stdout.includes(`127.0.0.1:${port}`), 'it named its address');
  });
});
