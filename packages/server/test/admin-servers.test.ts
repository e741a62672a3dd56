import { expect } from 'vitest';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { Gate } from '../../sluiceway/test/support/gate.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { until } from '../../sluiceway/test/support/until.js';
import { adminOf } from './support/admin.js';
import { sluicewayServe } from './support/program.js';

type Server = Record<string, unknown>;

/** A server with a group of `urls`. */
async function serveGroup(net: Network, urls: readonly string[], upstream: object = {}) {
  const program = await sluicewayServe(net, {
    listeners: [{ address: '127.0.0.1:0' }],
    admin: { address: '127.0.0.1:0' },
    log: { format: 'none' },
    upstreams: { mirrors: { servers: urls, ...upstream } },
    routes: [{ proxy: { upstream: 'mirrors' } }],
  });
  const admin = await adminOf(net, program);
  const servers = async (): Promise<Server[]> => {
    const { groups } = (await admin.get('/api/servers')).value as {
      groups: { name: string; servers: Server[] }[];
    };
    expect(groups.map(({ name }) => name)).toEqual(['mirrors']);
    return groups[0]?.servers ?? [];
  };
  const ask = async (path = '/'): Promise<string> => {
    const client = await net.client(program.port);
    await client.get(path);
    const { content } = await client.readResponse();
    client.close();
    return content.toString();
  };
  return { program, admin, servers, ask };
}

test('GET /api/servers shows the servers of a group, their transfers and bytes [HAProxy; Envoy]', async ({
  net,
}) => {
  const more = new Gate();
  const a = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
    await more.opened;
    await connection.write('67890');
  });
  const { program, servers } = await serveGroup(net, [`${a.url}/files`, 'http://127.0.0.1:1'], {
    passive: { failures: 1 },
  });
  const client = await net.client(program.port);
  await client.get('/a');
  await client.readHead();
  await client.readExactly(5);
  const { host } = new URL(a.url);
  const [first, second] = await servers();
  expect(first).toMatchObject({
    name: `${host}/files`,
    url: `${a.url}/files`,
    state: 'up',
    transfers: 1,
    bytes: 5,
    weight: 1,
    backup: false,
    lastFailure: null,
  });
  expect(second).toMatchObject({ name: '127.0.0.1:1', transfers: 0, bytes: 0, rate: 0 });
  more.open();
  await client.readExactly(5);
  await until(async () => (await servers())[0]?.['transfers'] === 0, 'the transfer had ended');
  expect((await servers())[0]).toMatchObject({ bytes: 10, rate: 0 });
});

test('GET /api/servers shows why a server is ejected [Envoy]', async ({ net }) => {
  const a = await net.origin(respondWith(sized('a')));
  const { ask, servers } = await serveGroup(net, ['http://127.0.0.1:1', a.url], { passive: { failures: 1 } });
  expect(await ask()).toBe('a');
  expect(await ask()).toBe('a');
  const ejected = (await servers()).find(({ state }) => state === 'ejected');
  expect(ejected).toMatchObject({ name: '127.0.0.1:1', lastFailure: expect.any(String) as string });
  expect(Date.parse(String(ejected?.['since']))).toBeGreaterThan(Date.now() - 60_000);
});

test('a drained server gets no requests until it is put back, also over a reload [HAProxy]', async ({
  net,
}) => {
  const [a, b] = [await net.origin(respondWith(sized('a'))), await net.origin(respondWith(sized('b')))];
  const { program, admin, servers, ask } = await serveGroup(net, [a.url, b.url]);
  const answers = async (): Promise<Set<string>> =>
    new Set([await ask(), await ask(), await ask(), await ask()]);
  expect(await answers()).toEqual(new Set(['a', 'b']));
  const path = (url: string): string => `/api/servers/mirrors/${encodeURIComponent(new URL(url).host)}`;
  expect((await admin.post(`${path(a.url)}/drain`)).value).toEqual({ drained: true });
  expect(await answers()).toEqual(new Set(['b']));
  expect(await servers()).toMatchObject([
    { url: b.url, state: 'up' },
    { url: a.url, state: 'draining', transfers: 0 },
  ]);
  const last = await admin.post(`${path(b.url)}/drain`);
  expect([last.status, last.value['detail']]).toEqual([409, 'The group has no other server.']);
  expect(await program.reload()).toContain('reloaded');
  expect(await answers()).toEqual(new Set(['b']));
  expect((await admin.post(`${path(a.url)}/undrain`)).value).toEqual({ drained: false });
  expect(await answers()).toEqual(new Set(['a', 'b']));
  expect(await servers()).toMatchObject([{ state: 'up' }, { state: 'up' }]);
  expect((await admin.post('/api/servers/mirrors/192.0.2.1/drain')).status).toBe(404);
  expect((await admin.post('/api/servers/others/192.0.2.1/drain')).status).toBe(404);
  expect((await admin.post(`${path(a.url)}/drain`, { move: 'yes' })).status).toBe(400);
});

test('a drained server that is put back during its transfers is one server [Sluiceway]', async ({ net }) => {
  const more = new Gate();
  const a = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
    await more.opened;
    await connection.write('67890');
  });
  const { program, admin, servers } = await serveGroup(net, [a.url, 'http://127.0.0.1:1']);
  const client = await net.client(program.port);
  await client.get('/a');
  await client.readHead();
  await client.readExactly(5);
  const path = `/api/servers/mirrors/${encodeURIComponent(new URL(a.url).host)}`;
  expect((await admin.post(`${path}/drain`)).status).toBe(200);
  const isDrained = (server: Server): boolean => server['state'] === 'draining' && server['transfers'] === 1;
  expect((await servers()).filter(isDrained)).toHaveLength(1);
  expect((await admin.post(`${path}/undrain`)).status).toBe(200);
  expect(await servers()).toHaveLength(2);
  more.open();
  await client.readExactly(5);
});
