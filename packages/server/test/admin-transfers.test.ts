import { describe, expect } from 'vitest';
import { seededBytes } from '../../sluiceway/test/support/content.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { Gate } from '../../sluiceway/test/support/gate.js';
import { rangedOrigin } from '../../sluiceway/test/support/ranged-origin.js';
import { until } from '../../sluiceway/test/support/until.js';
import { type Admin, adminOf } from './support/admin.js';
import { LOOPBACK, startGatewayProgram } from './support/gateway-program.js';
import { sluicewayServe } from './support/program.js';

/** A server whose origin server sends half of ten bytes, and the rest when the gate opens. */
async function serveHalves(net: Network, options: { admin?: object; access?: object } = {}) {
  const more = new Gate();
  const origin = await net.origin(async (connection) => {
    for (;;) {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
      await more.opened;
      await connection.write('67890');
    }
  });
  const { admin = {}, access } = options;
  const program = await sluicewayServe(net, {
    listeners: [{ address: '127.0.0.1:0' }],
    admin: { address: '127.0.0.1:0', ...admin },
    log: { format: 'json' },
    routes: [
      { name: 'files', path: '/files', proxy: { upstream: origin.url }, ...(access && { access }) },
      { name: 'text', path: '/text', respond: { content: 'text' } },
    ],
  });
  return { program, origin, more, admin: await adminOf(net, program) };
}

/** Starts a download, and waits for its first bytes. */
async function download(net: Network, port: number, target: string, lines: readonly string[] = []) {
  const client = await net.client(port);
  await client.get(target, lines);
  await client.readHead();
  await client.readExactly(5);
  return client;
}

describe('GET /api/transfers', () => {
  test('lists what runs, with its route and without secrets [Envoy; HAProxy]', async ({ net }) => {
    const { program, origin, more, admin } = await serveHalves(net);
    expect((await admin.get('/api/transfers')).value).toMatchObject({ total: 0, transfers: [] });
    const client = await download(net, program.port, '/files/a%20b.iso?token=hidden-1', [
      'Authorization: Bearer hidden-2',
    ]);
    const answer = await admin.get('/api/transfers');
    expect(answer.text).not.toContain('hidden');
    expect(answer.value).toMatchObject({ total: 1, time: expect.any(String) as string });
    const [transfer] = answer.value['transfers'] as Record<string, unknown>[];
    expect(transfer).toMatchObject({
      route: 'files',
      name: 'a b.iso',
      client: '127.0.0.1',
      identity: null,
      method: 'GET',
      host: 'test',
      path: '/files/a%20b.iso?…',
      httpVersion: '1.1',
      status: 200,
      upstream: origin.url.replace(/\/$/, ''),
      bytesDown: 5,
      bytesUp: 0,
      responseLength: 10,
      requestLength: null,
      waitingFor: 'upstream',
      attempts: 1,
      resumes: 0,
      resumedAt: [],
      zeroCopy: false,
      limit: null,
      link: null,
      worker: null,
    });
    const one = await admin.get(`/api/transfers/${String(transfer?.['id'])}`);
    expect([one.status, one.value['path']]).toEqual([200, '/files/a%20b.iso?…']);
    expect((await admin.get('/api/transfers/nothing')).status).toBe(404);
    more.open();
    await client.readExactly(5);
    await until(async () => (await admin.transfers()).length === 0, 'the transfer had left the list');
  });

  test('filters, sorts and limits [HAProxy]', async ({ net }) => {
    const { program, more, admin } = await serveHalves(net);
    for (const name of ['b', 'a', 'c']) await download(net, program.port, `/files/${name}`);
    const namesOf = async (query: string): Promise<unknown[]> =>
      (await admin.transfers(query)).map((transfer) => transfer['name']);
    expect(await namesOf('')).toEqual(['b', 'a', 'c']);
    expect(await namesOf('?sort=path')).toEqual(['a', 'b', 'c']);
    expect(await namesOf('?sort=-path&limit=2')).toEqual(['c', 'b']);
    expect(await namesOf('?q=FILES%2FA')).toEqual(['a']);
    expect(await namesOf('?route=files&method=GET&client=127.0.0.1&state=upstream')).toHaveLength(3);
    for (const query of ['?route=text', '?method=PUT', '?client=127.0.0.2', '?identity=x', '?upstream=x'])
      expect(await namesOf(query)).toEqual([]);
    expect(await namesOf('?state=client')).toEqual([]);
    expect((await admin.get('/api/transfers?sort=path&limit=1')).value['total']).toBe(3);
    for (const query of ['?sort=size', '?limit=x', '?limit=-1', '?state=asleep']) {
      const { status, value } = await admin.get(`/api/transfers${query}`);
      expect([status, String(value['detail'])]).toEqual([400, expect.stringContaining('must be')]);
    }
    more.open();
  });

  test('a parameter that the API does not have, or that is repeated, gets 400 [Sluiceway]', async ({
    net,
  }) => {
    const { admin } = await serveHalves(net);
    for (const [query, message] of [
      ['?clint=127.0.0.1', 'There is no parameter "clint", only q, client, '],
      ['?client=127.0.0.1&client=127.0.0.2', 'The parameter "client" must not be repeated.'],
      [`/none?${'x'.repeat(60)}=1`, `There is no parameter "${'x'.repeat(50)}".`],
    ] as const) {
      const { status, value } = await admin.get(`/api/transfers${query}`);
      expect([status, String(value['detail'])]).toEqual([400, expect.stringContaining(message)]);
    }
    // Changes have no parameters, and load balancers add some to the paths that they check.
    expect((await admin.post('/api/reload?dry-run=1')).status).toBe(400);
    expect((await admin.get('/readyz?probe=1')).status).toBe(200);
    expect((await admin.get('/metrics?format=text')).status).toBe(200);
  });

  test('keeps transfers of a route that a reload has changed [nginx]', async ({ net }) => {
    const { program, more, admin } = await serveHalves(net);
    const client = await download(net, program.port, '/files/old');
    await program.reload({
      listeners: [{ address: '127.0.0.1:0' }],
      admin: { address: '127.0.0.1:0' },
      routes: [{ name: 'other', respond: { content: 'other' } }],
    });
    expect(await admin.transfers()).toMatchObject([{ name: 'old', route: 'files' }]);
    more.open();
    await client.readExactly(5);
  });
});

describe('POST /api/transfers/{id}/abort', () => {
  test('breaks the download off, and the log has the reason [HAProxy]', async ({ net }) => {
    const { program, more, admin } = await serveHalves(net);
    const client = await download(net, program.port, '/files/a');
    const { id } = await admin.transfer();
    const answer = await admin.post(`/api/transfers/${String(id)}/abort`, { reason: 'too big' });
    expect([answer.status, answer.value]).toEqual([200, { aborted: true }]);
    await client.closed;
    expect(await program.record()).toMatchObject({
      outcome: 'shutdown',
      error: 'aborted_by_operator',
      errorMessage: 'An operator aborted the transfer: too big',
    });
    expect((await admin.post(`/api/transfers/${String(id)}/abort`)).status).toBe(404);
    more.open();
  });

  test('refuses content that is not what it says, and aborts nothing then [RFC 9110 15.5.1]', async ({
    net,
  }) => {
    const { program, more, admin } = await serveHalves(net);
    const client = await download(net, program.port, '/files/a');
    const path = `/api/transfers/${String((await admin.transfer())['id'])}/abort`;
    for (const content of [
      '{',
      '[]',
      'null',
      '{"reason":1}',
      `{"reason":"${'x'.repeat(201)}"}`,
      '{"why":""}',
    ]) {
      const { status, type } = await admin.post(path, content);
      expect([content, status, type]).toEqual([content, 400, 'application/problem+json']);
    }
    expect((await admin.post(path, `{"reason":"${'x'.repeat(20_000)}"}`)).status).toBe(413);
    expect((await admin.get(path)).status).toBe(405);
    expect(await admin.transfers()).toHaveLength(1);
    more.open();
    await client.readExactly(5);
  });
});

describe('POST /api/transfers/{id}/limit', () => {
  test('holds a download back from then on, and the list says so [Sluiceway]', async ({ net }) => {
    const content = seededBytes('limited', 0, 20_000_000);
    const origin = await net.origin(rangedOrigin(content, () => 'whole'));
    const program = await sluicewayServe(net, {
      listeners: [{ address: '127.0.0.1:0' }],
      admin: { address: '127.0.0.1:0' },
      log: { format: 'none' },
      routes: [{ proxy: { upstream: origin.url } }],
    });
    const admin = await adminOf(net, program);
    const client = await net.client(program.port);
    await client.get('/file');
    await client.readHead();
    const path = `/api/transfers/${String((await admin.transfer())['id'])}/limit`;
    for (const wrong of ['{}', '{"rate":0}', '{"rate":1.5}', '{"rate":"1MB"}', '{"rate":1,"more":1}'])
      expect([wrong, (await admin.post(path, wrong)).status]).toEqual([wrong, 400]);
    expect((await admin.post(path, { rate: 1000 })).value).toEqual({ limit: 1000 });
    void client.readExactly(content.length).catch(() => {});
    const limited = await admin.transfer(({ waitingFor }) => waitingFor === 'limit');
    expect(limited['limit']).toBe(1000);
    expect((await admin.post(path, { rate: null })).value).toEqual({ limit: null });
    await until(async () => (await admin.transfers()).length === 0, 'the download had ended');
    expect((await admin.post(path, { rate: 1000 })).status).toBe(404);
  });
});

test('GET /api/limits shows what a client uses, and a block ends its transfers [Sluiceway]', async ({
  net,
}) => {
  const more = new Gate();
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
    await more.opened;
  });
  const limits = { rules: [{ name: 'clients', by: 'client', transfers: 2 }] };
  const program = await sluicewayServe(net, {
    listeners: [{ address: '127.0.0.1:0' }],
    admin: { address: '127.0.0.1:0' },
    log: { format: 'none' },
    routes: [{ name: 'files', proxy: { upstream: origin.url, limits } }],
  });
  const admin = await adminOf(net, program);
  const client = await download(net, program.port, '/file');
  expect((await admin.get('/api/limits')).value).toMatchObject({
    limits: [{ route: 'files', rule: 'clients', key: '127.0.0.1', transfers: 1, blockedUntil: null }],
  });
  expect((await admin.get('/api/limits?top=0')).value).toEqual({ limits: [] });
  expect((await admin.get('/api/limits?top=all')).status).toBe(400);
  for (const content of [{}, { key: 1 }, { key: '127.0.0.1', for: 'long' }, { key: '127.0.0.1', for: 5 }])
    expect((await admin.post('/api/limits/clients/block', content)).status).toBe(400);
  expect((await admin.post('/api/limits/others/block', { key: '127.0.0.1' })).status).toBe(404);
  const blocked = await admin.post('/api/limits/clients/block', { key: '127.0.0.1', for: '1h' });
  expect(blocked.value).toEqual({ blocked: true, aborted: 1 });
  await client.closed;
  const refused = await net.client(program.port);
  await refused.get('/file');
  expect((await refused.readHead()).status).toBe(403);
  expect((await admin.post('/api/limits/clients/unblock', { key: '127.0.0.1' })).value).toEqual({
    blocked: false,
  });
  await download(net, program.port, '/again');
  more.open();
});

test('GET /api/limits/rules and /api/limits/blocks show all rules and all blocked keys, those without traffic too [Sluiceway]', async ({
  net,
}) => {
  const limits = { rules: [{ name: 'clients', download: '1MB', bytes: { count: '1GB', per: 'day' } }] };
  const proxy = { upstream: 'http://127.0.0.1:1', limits };
  const program = await sluicewayServe(net, {
    listeners: [{ address: '127.0.0.1:0' }],
    admin: { address: '127.0.0.1:0' },
    log: { format: 'none' },
    routes: [
      { name: 'files', path: '/files', proxy },
      { name: 'more', path: '/more', proxy },
    ],
  });
  const admin = await adminOf(net, program);
  const { rules } = (await admin.get('/api/limits/rules')).value;
  expect(rules).toMatchObject(
    ['files', 'more'].map((route) => ({
      route,
      name: 'clients',
      by: 'client',
      download: 1_000_000,
      bytes: { count: 1_000_000_000, per: 'day' },
      transfers: null,
      active: true,
    })),
  );
  expect((await admin.get('/api/limits/blocks')).value).toEqual({ blocks: [] });
  for (const content of [{ key: '192.0.2.1' }, { key: '192.0.2.2', for: '1h' }])
    expect((await admin.post('/api/limits/clients/block', content)).status).toBe(200);
  // With `top`, keys without traffic would be left out.
  const { blocks } = (await admin.get('/api/limits/blocks')).value;
  expect(
    (blocks as { key: string; until: string }[]).map((block) => [block.key, block.until.length]),
  ).toEqual([
    ['192.0.2.2', 24],
    ['192.0.2.2', 24],
    ['192.0.2.1', 'forever'.length],
    ['192.0.2.1', 'forever'.length],
  ]);
  await admin.post('/api/limits/clients/unblock', { key: '192.0.2.1' });
  expect((await admin.get('/api/limits/blocks')).value['blocks']).toMatchObject([
    { route: 'files', rule: 'clients', key: '192.0.2.2' },
    { route: 'more', rule: 'clients', key: '192.0.2.2' },
  ]);
});

describe('a browser', () => {
  const tokenOf = async (admin: Admin): Promise<string> =>
    String((await admin.get('/api/session')).value['token']);

  test('needs the token of the page for changes, and a program needs none [OWASP]', async ({ net }) => {
    const { more, admin } = await serveHalves(net);
    const path = '/api/transfers/nothing/abort';
    const own = { Origin: admin.url, 'Sec-Fetch-Site': 'same-origin' };
    const statusOf = async (headers: Record<string, string>): Promise<number> =>
      (await admin.post(path, {}, headers)).status;
    const token = await tokenOf(admin);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(await statusOf({})).toBe(404);
    expect(await statusOf(own)).toBe(403);
    expect(await statusOf({ Origin: admin.url })).toBe(403);
    expect(await statusOf({ ...own, 'X-Sluiceway-Token': `${token}x` })).toBe(403);
    expect(await statusOf({ ...own, 'X-Sluiceway-Token': token })).toBe(404);
    const other = { Origin: 'http://other.test', 'Sec-Fetch-Site': 'cross-site', 'X-Sluiceway-Token': token };
    expect(await statusOf(other)).toBe(403);
    more.open();
  });

  test('reads nothing for a page of another site, but follows its links [W3C Fetch Metadata]', async ({
    net,
  }) => {
    const { more, admin } = await serveHalves(net);
    for (const site of ['cross-site', 'same-site']) {
      const other = { 'Sec-Fetch-Site': site };
      for (const path of ['/api/session', '/api/transfers', '/api/events'])
        expect((await admin.get(path, { ...other, 'Sec-Fetch-Mode': 'no-cors' })).status).toBe(403);
      // `fetch` of Node sets the mode itself.
      const client = await net.client(Number(new URL(admin.url).port));
      await client.send(
        `GET /api/transfers HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: ${site}\r\nSec-Fetch-Mode: navigate\r\n\r\n`,
      );
      expect((await client.readHead()).status).toBe(200);
    }
    const { value } = await admin.get('/api/transfers', { 'Sec-Fetch-Site': 'same-origin' });
    expect(value['total']).toBe(0);
    more.open();
  });
});

describe('GET /api/events', () => {
  test('begins with everything, and goes on with what changes [WHATWG HTML 9.2]', async ({ net }) => {
    const { program, more, admin } = await serveHalves(net);
    const first = await download(net, program.port, '/files/first');
    const events = await admin.events();
    expect(events.response.headers.get('content-type')).toBe('text/event-stream');
    const snapshot = await events.find('snapshot');
    expect(snapshot).toMatchObject({ transfers: [{ name: 'first', bytesDown: 5 }] });
    expect(events.text).toContain('retry: 1000\n');
    await download(net, program.port, '/files/second');
    const isSecond = ({ started }: Record<string, unknown>): boolean =>
      (started as { name: string }[]).some(({ name }) => name === 'second');
    await events.find('delta', isSecond);
    more.open();
    await first.readExactly(5);
    const delta = await events.find('delta', ({ ended }) => (ended as unknown[]).length > 0);
    expect(delta['ended']).toContainEqual(
      expect.objectContaining({ outcome: 'completed', status: 200, bytesDown: 10, error: null }),
    );
    const ids = events.all.map(({ id }) => Number(id));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  });

  test('has the sums of each second [Sluiceway]', async ({ net }) => {
    const { program, more, admin } = await serveHalves(net);
    more.open();
    await download(net, program.port, '/files/a');
    const events = await admin.events();
    const totals = await events.find('totals', ({ requests }) => requests === 1);
    expect(totals).toMatchObject({ running: 0, outcomes: { completed: 1 } });
    const { value } = await admin.get('/api/totals');
    expect(value).toMatchObject({ step: 1000, points: expect.any(Array) as unknown[] });
    const points = value['points'] as Record<string, unknown>[];
    expect(points.length).toBeGreaterThan(0);
    const last = String(points.at(-1)?.['time']);
    expect(
      (await admin.get(`/api/totals?since=${encodeURIComponent(last)}`)).value['points'],
    ).not.toContainEqual(points.at(-1));
    expect((await admin.get('/api/totals?since=yesterday')).status).toBe(400);
  });

  test('starts again for a reader that comes back, and costs nothing once it has left [Sluiceway]', async ({
    net,
  }) => {
    const { program, more, admin } = await serveHalves(net);
    await download(net, program.port, '/files/a');
    const first = await admin.events();
    await first.find('snapshot');
    first.stop();
    const again = await admin.events();
    expect(await again.find('snapshot')).toMatchObject({ transfers: [{ name: 'a' }] });
    more.open();
  });

  test('survives a reload [Sluiceway]', async ({ net }) => {
    const { program, more, admin } = await serveHalves(net);
    const events = await admin.events();
    await events.find('snapshot');
    await program.reload();
    await download(net, program.port, '/files/after');
    await events.find('delta', ({ started }) => (started as unknown[]).length === 1);
    more.open();
  });
});

test('GET /api/failures explains each reason, with its last transfers [Sluiceway]', async ({ net }) => {
  const content = seededBytes('broken', 0, 1000);
  const broken = await net.origin(rangedOrigin(content, () => ({ bytes: 500, ending: 'reset' })));
  const program = await sluicewayServe(net, {
    listeners: [{ address: '127.0.0.1:0' }],
    admin: { address: '127.0.0.1:0' },
    log: { format: 'none' },
    routes: [{ name: 'broken', proxy: { upstream: broken.url, resume: false } }],
  });
  const admin = await adminOf(net, program);
  expect((await admin.get('/api/failures')).value).toEqual({ failures: [] });
  for (let i = 0; i < 6; i += 1) {
    const client = await net.client(program.port);
    await client.get(`/file-${i}?secret=hidden`);
    await client.readResponse();
    client.close();
  }
  let failures: Record<string, unknown>[] = [];
  await until(async () => {
    const answer = await admin.get('/api/failures');
    expect(answer.text).not.toContain('hidden');
    failures = answer.value['failures'] as Record<string, unknown>[];
    return failures[0]?.['count'] === 6;
  }, 'all failures were counted');
  expect(failures).toMatchObject([{ code: 'http_response_incomplete', source: 'upstream', count: 6 }]);
  expect(failures[0]?.['message']).toContain('ended the content early');
  const examples = failures[0]?.['examples'] as Record<string, unknown>[];
  expect(examples).toHaveLength(5);
  expect(examples[0]).toMatchObject({ route: 'broken', path: '/file-5?…', client: '127.0.0.1' });
});

test('POST /api/links/revoke revokes a link, and ends its downloads [Sluiceway]', async ({ net }) => {
  const content = seededBytes('revoked', 0, 100_000);
  const { program, link } = await startGatewayProgram(
    net,
    [...LOOPBACK, '--admin', '127.0.0.1:0'],
    rangedOrigin(content, () => ({ bytes: 50_000, ending: 'stall' })),
  );
  const admin = await adminOf(net, program);
  const target = link('/file');
  const url = `http://127.0.0.1:${program.port}${target}`;
  const client = await net.client(program);
  await client.get(target);
  await client.readHead();
  const answer = await admin.post('/api/links/revoke', { url });
  expect([answer.status, answer.value]).toEqual([200, { revoked: true, aborted: 1 }]);
  await client.closed;
  const unknown = await admin.post('/api/links/revoke', { url: `${url}x` });
  expect([unknown.status, unknown.value['detail']]).toEqual([
    404,
    'No gateway has a key that has signed the link.',
  ]);
  for (const wrong of [
    {},
    { url: 1 },
    { url: '' },
    { url, more: 1 },
    { id: 1 },
    { id: 'short' },
    { id: '', url },
  ])
    expect((await admin.post('/api/links/revoke', wrong)).status).toBe(400);
});

test('POST /api/links/revoke takes the id of a link, which its transfers have [Sluiceway]', async ({
  net,
}) => {
  const content = seededBytes('revoked', 0, 100_000);
  const { program, link, statusOf } = await startGatewayProgram(
    net,
    [...LOOPBACK, '--admin', '127.0.0.1:0'],
    rangedOrigin(content, () => ({ bytes: 50_000, ending: 'stall' })),
  );
  const admin = await adminOf(net, program);
  expect((await admin.get('/api/links')).value).toEqual({ gateways: ['/**'] });
  const target = link('/file');
  const client = await net.client(program);
  await client.get(target);
  await client.readHead();
  const { link: id } = await admin.transfer(({ link: each }) => each !== null);
  const answer = await admin.post('/api/links/revoke', { id });
  expect([answer.status, answer.value]).toEqual([200, { revoked: true, aborted: 1 }]);
  await client.closed;
  expect(await statusOf(target)).toBe(410);
});

test('a server without a gateway has no links, and revokes none [Sluiceway]', async ({ net }) => {
  const { more, admin } = await serveHalves(net);
  expect((await admin.get('/api/links')).value).toEqual({ gateways: [] });
  expect((await admin.post('/api/links/revoke', { id: 'x'.repeat(22) })).status).toBe(404);
  more.open();
});

test('a listener with tokens serves the API to those who have one only [RFC 6750 2.1]', async ({ net }) => {
  const { more, admin } = await serveHalves(net, {
    admin: { access: { bearer: { tokens: ['a-token-of-the-operator'] } } },
  });
  for (const path of ['/api/transfers', '/api/events', '/api/session', '/api/openapi.json'])
    expect((await admin.get(path)).status).toBe(401);
  expect(
    (await admin.get('/api/transfers', { Authorization: 'Bearer a-token-of-the-operator' })).status,
  ).toBe(200);
  more.open();
});
