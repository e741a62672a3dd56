import { describe, expect } from 'vitest';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { type GroupServer, startServers } from '../../sluiceway/test/support/group-servers.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { until } from '../../sluiceway/test/support/until.js';
import { maskSecrets } from '../src/config/mask.js';
import { sluicewayServe } from './support/program.js';

type Program = Awaited<ReturnType<typeof sluicewayServe>>;

const BUSY = 'HTTP/1.1 503 Busy';

async function ask(net: Network, program: Program, path: string): Promise<string> {
  const client = await net.client(program);
  await client.get(path);
  const { head, content } = await client.readResponse();
  client.close();
  return head.status === 200 ? content.toString() : String(head.status);
}

async function askAll(net: Network, program: Program, ...paths: string[]): Promise<string> {
  let names = '';
  for (const path of paths) names += await ask(net, program, path);
  return names;
}

/** Two routes that use one named upstream. */
const config = (servers: readonly GroupServer[], more: object = {}) => ({
  listeners: [{ address: '127.0.0.1:0' }],
  admin: { address: '127.0.0.1:0' },
  log: { format: 'none' },
  upstreams: {
    files: {
      servers: servers.map(({ url }) => url),
      retry: { max: 0 },
      passive: { failures: 2, ejectFor: '1h' },
      ...more,
    },
  },
  routes: [
    { name: 'one', path: '/one', proxy: { upstream: 'files' } },
    { name: 'other', path: '/other', proxy: { upstream: 'files' } },
  ],
});

async function scrape(net: Network, program: Program): Promise<string> {
  const [, port] = await program.match('stdout', /admin listener on http:\/\/127\.0\.0\.1:(\d+)/);
  const client = await net.client(Number(port));
  await client.send('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const { content } = await client.readResponse();
  client.close();
  return content.toString();
}

describe('routes with the same named upstream', () => {
  test('share its group: what one learns about a server, the other knows [Envoy; HAProxy]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b'], { a: () => sized('', [], BUSY) });
    const program = await sluicewayServe(net, config(servers));
    // Each route alone has seen one failure.
    expect(await askAll(net, program, '/one', '/one', '/other', '/other')).toBe('503b503b');
    expect(await askAll(net, program, '/one', '/other', '/one', '/other')).toBe('bbbb');
    const text = await scrape(net, program);
    const [a] = servers;
    for (const [metric, value] of [
      ['sluiceway_server_requests_total', 2],
      ['sluiceway_server_failures_total', 2],
      ['sluiceway_server_ejections_total', 1],
      ['sluiceway_server_transfers', 0],
    ] as const)
      expect(text).toContain(`${metric}{group="files",server="${a?.url}"} ${value}\n`);
    expect(text).toContain(`sluiceway_server_state{group="files",server="${a?.url}",state="ejected"} 1\n`);
    expect(text).toContain(`sluiceway_server_state{group="files",server="${a?.url}",state="up"} 0\n`);
    expect(text).toContain('sluiceway_group_queued_requests{group="files"} 0\n');
    expect(text).toContain('sluiceway_group_breakers_open{group="files"} 0\n');
  });

  test('keep what is known about servers over a reload that changes other servers, or none [Caddy]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b', 'c'], { a: () => sized('', [], BUSY) });
    const two = servers.slice(0, 2);
    const program = await sluicewayServe(net, config(two));
    await askAll(net, program, '/one', '/one', '/one', '/one');
    const changed = config(two);
    expect(await program.reload({ ...changed, routes: changed.routes.slice(0, 1) })).toContain('reloaded');
    expect(await askAll(net, program, '/one', '/one')).toBe('bb');
    expect(await program.reload(config(servers))).toContain('reloaded');
    const names = await askAll(net, program, '/one', '/other', '/one', '/other');
    expect(names.split('').toSorted().join('')).toBe('bbcc');
    // Other options make another group.
    expect(await program.reload(config(servers, { balance: 'ordered' }))).toContain('reloaded');
    expect(await ask(net, program, '/one')).toBe('503');
  });

  test('have health checks that reach only addresses which all of them allow [Sluiceway; OWASP]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a']);
    const { routes, ...rest } = config(servers, { health: { path: '/healthz', interval: '10ms', fall: 1 } });
    const [one, other] = routes;
    const guarded = { ...other, proxy: { ...other?.proxy, addresses: 'public' } };
    const program = await sluicewayServe(net, { ...rest, routes: [one, guarded] });
    const state = `sluiceway_server_state{group="files",server="${servers[0]?.url}",state="down"} 1\n`;
    await until(async () => (await scrape(net, program)).includes(state), 'the server was down');
    expect(servers[0]?.heads).toEqual([]);
    expect(await program.reload({ ...rest, routes })).toContain('reloaded');
    await until(() => servers[0]?.heads[0]?.target === '/healthz', 'the server was checked');
  });

  test('are not checked if the configuration does not take effect [Sluiceway]', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b']);
    const [a, b] = servers.map((server) => [server]);
    const health = { path: '/healthz', interval: '10ms' };
    const program = await sluicewayServe(net, config(a ?? [], { health }));
    const { routes, ...rest } = config(b ?? [], { health, balance: 'ordered' });
    const broken = { path: '/broken', proxy: { upstream: 'nowhere' } };
    expect(await program.reload({ ...rest, routes: [...routes, broken] })).toContain('nowhere');
    const checks = servers[0]?.heads.length ?? 0;
    await until(() => (servers[0]?.heads.length ?? 0) > checks + 5, 'the old server was checked');
    expect(servers[1]?.heads).toEqual([]);
    const { upstreams } = config(b ?? [], { addresses: 'public' });
    expect(await program.reload({ ...rest, upstreams, routes })).toMatch(/upstreams\.files\.addresses/);
  });

  test('are reloaded only if the servers are valid, and the problem names them [Sluiceway]', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a']);
    const program = await sluicewayServe(net, config(servers));
    const bad = config(servers);
    const upstreams = { files: { ...bad.upstreams.files, servers: ['ftp://x'], mirrors: ['http://m.test'] } };
    const answer = await program.reload({ ...bad, upstreams });
    expect(answer).toMatch(/upstreams\.files\.servers\[0\] must be a URL that starts with http/);
    expect(answer).toMatch(/upstreams\.files\.mirrors must not be given together with a group/);
    expect(await ask(net, program, '/one')).toBe('a');
  });

  test('need a secret for sticky cookies with workers, and it is not shown [Sluiceway]', async ({ net }) => {
    const servers = await startServers(net, ['a']);
    const program = await sluicewayServe(net, config(servers));
    const answer = await program.reload({ ...config(servers, { sticky: 'lb' }), workers: 2 });
    expect(answer).toMatch(/upstreams\.files\.sticky needs a secret with workers/);
    const secret = 'a secret that is long enough';
    expect(maskSecrets(config(servers, { sticky: { secret } }))).toMatchObject({
      upstreams: { files: { sticky: { secret: '********' } } },
    });
  });
});
