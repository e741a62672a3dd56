import { describe, expect } from 'vitest';
import { startDns } from '../../sluiceway/test/support/dns-server.js';
import { test } from '../../sluiceway/test/support/fixture.js';
import { REFUSING, startServers } from '../../sluiceway/test/support/group-servers.js';
import type { RawClient } from '../../sluiceway/test/support/raw-client.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { until } from '../../sluiceway/test/support/until.js';
import { sluicewayProxy } from './support/program.js';

async function ask(client: RawClient, target = '/'): Promise<string> {
  await client.get(target);
  const { head, content } = await client.readResponse();
  return head.status === 200 ? content.toString() : String(head.status);
}

describe('several URLs of `sluiceway proxy`', () => {
  test('are a group of servers that take turns, without one that refuses connections', async ({ net }) => {
    const [a, b] = await startServers(net, ['a', 'b']);
    const program = await sluicewayProxy(net, REFUSING, a?.url ?? '', b?.url ?? '', '--log', 'json');
    expect(program.stdout).toContain(`forwarding to ${REFUSING}, ${a?.url}, ${b?.url}`);
    const client = await net.client(program);
    const names = [await ask(client), await ask(client), await ask(client), await ask(client)];
    expect(new Set(names)).toEqual(new Set(['a', 'b']));
  });

  test('--balance and --hash-key choose the server', async ({ net }) => {
    const [a, b] = await startServers(net, ['a', 'b']);
    const program = await sluicewayProxy(
      net,
      a?.url ?? '',
      b?.url ?? '',
      '--balance',
      'hash',
      '--hash-key',
      'query:file',
    );
    const client = await net.client(program);
    const name = await ask(client, '/?file=1');
    expect([await ask(client, '/x?file=1&y'), await ask(client, '/?file=1')]).toEqual([name, name]);
  });

  test('--retries 0 sends each request once, and --eject-after off sends a failing server its share', async ({
    net,
  }) => {
    const [a, b] = await startServers(net, ['a', 'b'], {
      a: () => sized('', [], 'HTTP/1.1 503 Busy'),
    });
    const urls = [a?.url ?? '', b?.url ?? ''] as const;
    const program = await sluicewayProxy(net, ...urls, '--retries', '0', '--eject-after', 'off');
    const client = await net.client(program);
    const answers: string[] = [];
    for (let index = 0; index < 10; index += 1) answers.push(await ask(client));
    expect(answers.filter((answer) => answer === '503')).toHaveLength(5);
  });

  test('--health checks each server', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b']);
    const urls = servers.map(({ url }) => url);
    await sluicewayProxy(net, urls[0] ?? '', urls[1] ?? '', '--health', '/healthz');
    const isChecked = (): boolean =>
      servers.every(({ heads }) => heads.some(({ target }) => target === '/healthz'));
    await until(isChecked, 'both servers were checked');
  });

  test('--resolve uses the servers of SRV records and --dns-server asks that name server', async ({
    net,
  }) => {
    const servers = await startServers(net, ['a', 'b']);
    const dns = await startDns((name) =>
      name === '_http._tcp.files.test'
        ? servers.map(({ origin: { port } }) => ({ name: 'host.test', port, priority: 0, weight: 0 }))
        : ['127.0.0.1'],
    );
    net.cleanup(() => dns.stop());
    const flags = ['--resolve', 'srv', '--dns-server', dns.address];
    const program = await sluicewayProxy(net, 'http://_http._tcp.files.test', ...flags);
    const client = await net.client(program);
    expect(new Set([await ask(client), await ask(client)])).toEqual(new Set(['a', 'b']));
    expect(servers[0]?.heads[0]?.get('host')).toBe('files.test');
  });

  test('--resolve uses every address of a name', async ({ net }) => {
    const [a] = await startServers(net, ['a']);
    const dns = await startDns(() => ['127.0.0.1', '::1']);
    net.cleanup(() => dns.stop());
    const flags = ['--resolve', 'addresses', '--dns-server', dns.address, '--eject-after', '1'];
    const program = await sluicewayProxy(net, `http://files.test:${a?.origin.port}`, ...flags);
    const client = await net.client(program);
    expect([await ask(client), await ask(client), await ask(client)]).toEqual(['a', 'a', 'a']);
  });

  test('--when-down refuse answers 503 while the only server is down', async ({ net }) => {
    const program = await sluicewayProxy(
      net,
      REFUSING,
      '--when-down',
      'refuse',
      '--eject-after',
      '1',
      '--retries',
      '0',
    );
    const client = await net.client(program);
    expect([await ask(client), await ask(client)]).toEqual(['502', '503']);
  });

  test('--max-transfers limits each server, and --queue-timeout how long further requests wait', async ({
    net,
  }) => {
    const [held] = await startServers(net, ['held'], {
      held: () => 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n',
    });
    const limits = ['--max-transfers', '1', '--queue-timeout', '100ms', '--slow-start', '1m'] as const;
    const program = await sluicewayProxy(net, held?.url ?? '', ...limits);
    const first = await net.client(program);
    await first.get('/');
    await first.readHead();
    expect(await ask(await net.client(program))).toBe('503');
    first.close();
  });

  test('--max-connections limits the connections to each server', async ({ net }) => {
    const servers = await startServers(net, ['a', 'b'], {
      a: () => 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n',
    });
    const urls = servers.map(({ url }) => url);
    const flags = ['--balance', 'ordered', '--max-connections', '1'];
    const program = await sluicewayProxy(net, urls[0] ?? '', urls[1] ?? '', ...flags);
    const first = await net.client(program);
    await first.get('/');
    await first.readHead();
    expect(await ask(await net.client(program))).toBe('b');
    expect(servers[0]?.origin.total).toBe(1);
    first.close();
  });

  test('--hedge asks a second server if the first does not answer in time', async ({ net }) => {
    const silent = await net.origin(async (connection) => void (await connection.readHead()));
    const [b] = await startServers(net, ['b']);
    const more = ['--balance', 'ordered', '--hedge', '50ms'] as const;
    const program = await sluicewayProxy(net, silent.url, b?.url ?? '', ...more);
    expect(await ask(await net.client(program))).toBe('b');
  });

  test('--sticky keeps a client at its server', async ({ net }) => {
    const [a, b] = await startServers(net, ['a', 'b']);
    const program = await sluicewayProxy(net, a?.url ?? '', b?.url ?? '', '--sticky', 'lb');
    const client = await net.client(program);
    await client.get('/');
    const { head, content } = await client.readResponse();
    const [pair = ''] = (head.get('set-cookie') ?? '').split(';');
    expect(pair).toMatch(/^lb=/);
    for (let index = 0; index < 3; index += 1) {
      await client.get('/', [`Cookie: ${pair}`]);
      expect((await client.readResponse()).content.toString()).toBe(content.toString());
    }
  });
});
