import { describe, expect } from 'vitest';
import type { AccessDecision, AccessPolicy, AccessRequest } from '../../src/access/policy.js';
import {
  bearer,
  clientAddresses,
  createProxy,
  formatTransferJson,
  formatTransferText,
  type LiveTransfer,
  mount,
  SluicewayError,
  stripPrefix,
} from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RequestHead } from '../support/message-head.js';
import { respondWith } from '../support/raw-origin.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { streaming } from '../support/stream-from.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const TOKEN = 'aaaaaaaaaaaaaaaa';
const ANNA = `Authorization: Bearer ${TOKEN}`;
const CHALLENGE = 'Bearer realm="restricted"';
const access = bearer({ [TOKEN]: 'anna' });

/** A line behind the token; `seen` are the heads that the origin server got. */
async function guarded(net: Network, options: Omit<ProxyOptions, 'upstream'> = {}) {
  const seen: RequestHead[] = [];
  const line = await through(
    net,
    respondWith((head) => {
      seen.push(head);
      return sized('secret');
    }),
    { access, ...options },
  );
  return { ...line, seen };
}

describe('a request without access', () => {
  test('is answered, and the origin server hears nothing of it, nor does any hook [RFC 9110 11.4]', async ({
    net,
  }) => {
    const called: string[] = [];
    const { client, origin, running } = await guarded(net, {
      onRequest: () => void called.push('onRequest'),
      onUpstreamRequest: () => void called.push('onUpstreamRequest'),
      onUpstreamResponse: () => void called.push('onUpstreamResponse'),
    });
    await client.get('/');
    const { head, content } = await client.readResponse();
    expect(head.status).toBe(401);
    expect(head.getAll('www-authenticate')).toEqual([CHALLENGE]);
    expect(head.get('cache-control')).toBe('no-store');
    expect(JSON.parse(content.toString())).toEqual({
      title: 'Unauthorized',
      status: 401,
      detail: 'The request needs valid credentials.',
    });
    expect(await running.record()).toMatchObject({
      status: 401,
      outcome: 'rejected',
      error: 'http_request_denied',
      attempts: 0,
      identity: null,
    });
    expect([origin.total, called]).toEqual([0, []]);
  });

  test.for<[string, string]>([
    ['with a method that is not served', 'TRACE / HTTP/1.1\r\nHost: test\r\n\r\n'],
    ['that asks about the server', 'OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n'],
    ['that may go no further', 'OPTIONS / HTTP/1.1\r\nHost: test\r\nMax-Forwards: 0\r\n\r\n'],
    ['that has been here before', 'GET / HTTP/1.1\r\nHost: test\r\nVia: 1.1 us\r\n\r\n'],
    ['with too much content', 'PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 1001\r\n\r\n'],
  ])('%s learns no more than any other [RFC 9110 15.5.2]', async ([, request], { net }) => {
    const { client } = await guarded(net, { name: 'us', limits: { requestContent: 1000 } });
    await client.send(request);
    const { head } = await client.readResponse();
    expect([head.status, head.get('www-authenticate')]).toEqual([401, CHALLENGE]);
  });

  test('that is not valid is 400 before anybody is asked [RFC 9112 3.2]', async ({ net }) => {
    const { client } = await guarded(net);
    await client.send('GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n');
    expect((await client.readResponse()).head.status).toBe(400);
  });

  test('leaves the connection to the next one, also where both were sent at once [RFC 9112 9.3.2]', async ({
    net,
  }) => {
    const { client, origin } = await guarded(net);
    const get = (line: string) => `GET / HTTP/1.1\r\nHost: test\r\n${line}\r\n`;
    await client.send(get('') + get(`${ANNA}\r\n`) + get('') + get(`${ANNA}\r\n`));
    const statuses: number[] = [];
    for (let i = 0; i < 4; i += 1) statuses.push((await client.readResponse()).head.status);
    expect(statuses).toEqual([401, 200, 401, 200]);
    expect(origin.total).toBe(1);
  });

  test('that waits for 100 gets its answer instead, and its content is not asked for [RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const { client, origin, running } = await guarded(net);
    await client.send(
      'PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n',
    );
    const { head, interim } = await client.readResponse();
    expect([head.status, interim, head.get('connection')]).toEqual([401, [], 'close']);
    expect(await running.record()).toMatchObject({ status: 401, bytesUp: 0 });
    expect(origin.total).toBe(0);
  });

  test('that sends its content at once gets its answer before the end, and the content goes nowhere [RFC 9112 9.6]', async ({
    net,
  }) => {
    const { client, origin } = await guarded(net);
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    const { head } = await client.readResponse();
    expect([head.status, head.get('connection')]).toEqual([401, 'close']);
    expect(origin.total).toBe(0);
  });

  test('that asks for a head gets no content with its answer [RFC 9110 9.3.2]', async ({ net }) => {
    const { client } = await guarded(net);
    await client.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
    const { head, content } = await client.readResponse({ method: 'HEAD' });
    expect([head.status, head.get('www-authenticate'), content.length]).toEqual([401, CHALLENGE, 0]);
  });

  test('that asks for another protocol gets an ordinary answer [RFC 9110 7.8]', async ({ net }) => {
    const { client, origin } = await guarded(net);
    await client.get('/', ['Connection: Upgrade', 'Upgrade: websocket']);
    const { head } = await client.readResponse();
    expect([head.status, head.get('www-authenticate')]).toEqual([401, CHALLENGE]);
    expect(origin.total).toBe(0);
  });

  test('is answered by onError where that answers, which is told of the request [Go ReverseProxy]', async ({
    net,
  }) => {
    const { client } = await guarded(net, {
      onError: ({ error, request }) => ({
        status: error.status,
        headers: { ...error.headers, 'X-Path': request?.path ?? '' },
        content: `${error.message}\n`,
      }),
    });
    await client.get('/file');
    const { head, content } = await client.readResponse();
    expect([head.status, head.get('www-authenticate'), head.get('x-path')]).toEqual([
      401,
      CHALLENGE,
      '/file',
    ]);
    expect(content.toString()).toBe('The access policy refused: there is no bearer token\n');
  });

  test("makes handle reject under errors: 'throw', with the fields of its answer, and nothing is written [Sluiceway]", async ({
    net,
  }) => {
    const proxy = createProxy({ upstream: 'http://127.0.0.1:9', access, errors: 'throw' });
    const server = await startServer((request, response) => {
      proxy.handle(request, response).catch((error: unknown) => {
        if (!(error instanceof SluicewayError)) throw error;
        response.writeHead(error.status, error.headers as Record<string, string[]>).end(error.publicMessage);
      });
    });
    net.cleanup(() => server.stop());
    const client = await net.client(server);
    await client.get('/');
    const { head, content } = await client.readResponse();
    expect([head.status, head.get('www-authenticate')]).toEqual([401, CHALLENGE]);
    expect(content.toString()).toBe('The request needs valid credentials.');
  });
});

describe('a request with access', () => {
  test('goes to the origin server, without the credentials that were meant for the proxy [RFC 9110 11.6.2]', async ({
    net,
  }) => {
    const { client, seen } = await guarded(net);
    await client.get('/', ['aUTHORIZATION: bEARER aaaaaaaaaaaaaaaa', 'Cookie: a=1']);
    expect((await client.readResponse()).content.toString()).toBe('secret');
    expect(seen[0]?.has('authorization')).toBe(false);
    expect(seen[0]?.get('cookie')).toBe('a=1');
  });

  test('keeps credentials that another policy has not asked for [RFC 9110 11.6.2]', async ({ net }) => {
    const { client, seen } = await guarded(net, { access: clientAddresses(['127.0.0.0/8']) });
    await client.get('/', ['Authorization: Bearer other']);
    await client.readResponse();
    expect(seen[0]?.get('authorization')).toBe('Bearer other');
  });

  test('passes them on where that is asked for [Caddy]', async ({ net }) => {
    const { client, seen } = await guarded(net, { access: bearer([TOKEN], { keepCredentials: true }) });
    await client.get('/', [ANNA]);
    await client.readResponse();
    expect(seen[0]?.get('authorization')).toBe(`Bearer ${TOKEN}`);
  });

  test('gets its tunnel, and the credentials are not in the handshake [RFC 9110 7.8]', async ({ net }) => {
    let handshake: RequestHead | undefined;
    const { client } = await through(
      net,
      async (connection) => {
        handshake = await connection.readHead();
        await connection.write('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
        await connection.write(await connection.readExactly(5));
        connection.end();
      },
      { access },
    );
    await client.get('/', ['Connection: Upgrade', 'Upgrade: echo', ANNA]);
    expect((await client.readHead()).status).toBe(101);
    await client.send('hello');
    expect((await client.readExactly(5)).toString()).toBe('hello');
    expect(handshake?.has('authorization')).toBe(false);
  });

  test('that waits for 100 gets it when the origin server says so [RFC 9110 10.1.1]', async ({ net }) => {
    const { client } = await through(
      net,
      async (connection) => {
        const head = await connection.readHead();
        await connection.write('HTTP/1.1 100 Continue\r\n\r\n');
        await connection.write(sized(await connection.readContent(head)));
      },
      { access: async (request) => access(request) },
    );
    await client.send(
      `PUT / HTTP/1.1\r\nHost: test\r\n${ANNA}\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`,
    );
    expect((await client.readHead()).status).toBe(100);
    await client.send('hello');
    expect((await client.readResponse()).content.toString()).toBe('hello');
  });
});

describe('the identity', () => {
  test('is known to hooks, observers and both forms of the log, and the secret to none [Sluiceway]', async ({
    net,
  }) => {
    let live: LiveTransfer | undefined;
    const { client, running, seen } = await guarded(net, {
      onUpstreamRequest: ({ request, upstreamRequest }) => {
        upstreamRequest.headers.set('X-User', `${request.identity} ${live?.identity}`);
      },
      observers: [{ onTransferStart: (transfer) => void (live = transfer) }],
    });
    await client.get('/', [ANNA, 'X-User: forged']);
    await client.readResponse();
    expect(seen[0]?.getAll('x-user')).toEqual(['anna anna']);
    const record = await running.record();
    expect(record.identity).toBe('anna');
    expect(formatTransferText(record)).toMatch(/ identity=anna /);
    expect(JSON.parse(formatTransferJson(record))).toMatchObject({ identity: 'anna' });
    expect(JSON.stringify([record, live])).not.toContain(TOKEN);
  });

  test('is nobody without a policy, and cannot break a line of the log [Sluiceway]', async ({ net }) => {
    let who: string | null | undefined;
    const { client, running } = await guarded(net, {
      access: ({ path }) => ({ allowed: true, ...(path === '/b' && { identity: 'a\n b="' }) }),
      onRequest: ({ request: { identity } }) => void (who = identity),
    });
    await client.get('/');
    await client.readResponse();
    expect(who).toBeNull();
    expect(formatTransferText(await running.record())).toMatch(/ identity=- /);
    await client.get('/b');
    await client.readResponse();
    expect(formatTransferText(await running.record(1))).toMatch(/ identity="a\\n b=\\"" /);
  });
});

describe('a policy of the application', () => {
  test('gets the request as it came, and where it is mounted [Sluiceway]', async ({ net }) => {
    let seen: AccessRequest | undefined;
    const origin = await net.origin(respondWith(sized('')));
    const proxy = createProxy({
      upstream: origin.url,
      access: (request) => {
        seen = request;
        return { allowed: true };
      },
    });
    const mounted = mount({ '/files': stripPrefix('/files', proxy) });
    const server = await startServer((request, response) => void mounted.handle(request, response));
    net.cleanup(async () => {
      proxy.destroy();
      await server.stop();
    });
    const client = await net.client(server);
    await client.get('/files/a%2Fb?c', ['X-A: 1', 'x-a: 2']);
    await client.readResponse();
    expect(seen).toMatchObject({
      method: 'GET',
      path: '/a%2Fb',
      mountPath: '/files',
      query: 'c',
      host: 'test',
      clientAddress: '127.0.0.1',
    });
    expect(seen?.headers.getAll('x-a')).toEqual(['1', '2']);
  });

  test.for<[string, AccessPolicy]>([
    [
      'throws',
      () => {
        throw new Error('no database at 10.0.0.5');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no database at 10.0.0.5'))],
    [
      'throws null',
      () => {
        // oxlint-disable-next-line typescript/only-throw-error -- anything may be thrown
        throw null;
      },
    ],
    ...(
      [
        ['returns nothing', undefined],
        ['returns null', null],
        ['returns true', true],
        ['returns an empty object', {}],
        ['says yes in its own way', { allowed: 'yes' }],
        ['names an identity that is no string', { allowed: true, identity: 7 }],
        ['consumes what is no name', { allowed: true, consumed: [7] }],
        ['refuses with another status', { allowed: false, status: 200, reason: '' }],
        ['refuses with 401 and no challenge', { allowed: false, status: 401, reason: '' }],
        ['refuses with a challenge that is none', { allowed: false, status: 401, challenge: 7, reason: '' }],
        [
          'refuses with a challenge that would split the answer',
          { allowed: false, status: 401, challenge: 'A\r\nX: 1', reason: '' },
        ],
      ] as [string, unknown][]
    ).map(([name, decision]): [string, AccessPolicy] => [name, async () => decision as AccessDecision]),
  ])('that %s lets nobody in, with 500 and no word about why [Sluiceway]', async ([, policy], { net }) => {
    const { client, origin, running } = await guarded(net, { access: policy });
    await client.get('/', [ANNA]);
    const { head, content } = await client.readResponse();
    expect([head.status, head.has('www-authenticate')]).toEqual([500, false]);
    expect(content.toString()).not.toMatch(/database|access|challenge/);
    expect(await running.record()).toMatchObject({
      outcome: 'internal',
      error: 'proxy_internal_error',
      identity: null,
    });
    expect(origin.total).toBe(0);
  });

  test('that throws a SluicewayError is answered as that says [Sluiceway]', async ({ net }) => {
    const { client, origin } = await guarded(net, {
      access: () => {
        throw new SluicewayError('http_request_denied', 'unpaid', {
          status: 402,
          publicMessage: 'Pay first.',
        });
      },
    });
    await client.get('/');
    const { head, content } = await client.readResponse();
    expect([head.status, content.toString()]).toEqual([402, expect.stringContaining('Pay first.')]);
    expect(origin.total).toBe(0);
  });

  test.for([
    ['403 and no challenge', 403, [], null],
    ['403 and a challenge', 403, ['Bearer error="insufficient_scope"'], null],
    // At random between 3 and 7 seconds.
    ['429 and no challenge', 429, [], expect.stringMatching(/^[3-7]$/)],
    ['401 and several challenges', 401, ['Negotiate', 'Digest realm="a", nonce="b"'], null],
  ] as const)(
    'that refuses with %s is answered so, each challenge in a line of its own [RFC 9110 11.6.1]',
    async ([, status, challenge, retryAfter], { net }) => {
      const { client, running } = await guarded(net, {
        access: () => ({ allowed: false, status, challenge, reason: 'quota of anna' }),
      });
      await client.get('/');
      const { head, content } = await client.readResponse();
      expect(head.status).toBe(status);
      expect(head.getAll('www-authenticate')).toEqual(challenge);
      expect(head.get('retry-after') ?? null).toEqual(retryAfter);
      expect(content.toString()).not.toContain('anna');
      expect(await running.record()).toMatchObject({ outcome: 'rejected', error: 'http_request_denied' });
    },
  );

  test('that takes its time is waited for, and a client that leaves meanwhile is not served [Sluiceway]', async ({
    net,
  }) => {
    const decided = new Gate();
    let asked = 0;
    const { client, origin, running } = await guarded(net, {
      access: async () => {
        asked += 1;
        await decided.opened;
        return { allowed: true };
      },
    });
    await client.send('PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nbegin');
    await until(() => asked === 1, 'the policy was asked');
    client.close();
    await until(() => running.open === 0, 'the proxy saw the client leave');
    decided.open();
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted', status: null, identity: null });
    expect(origin.total).toBe(0);
  });
});

describe('streamFrom', () => {
  test('asks the policy before it connects [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('secret')));
    const { client, records } = await streaming(net, origin.url, { addresses: 'any', access });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(401);
    expect(origin.total).toBe(0);
    await client.get('/', [ANNA]);
    expect((await client.readResponse()).content.toString()).toBe('secret');
    await until(() => records.length === 2, 'both transfers had ended');
    expect(records.map(({ identity }) => identity)).toEqual([null, 'anna']);
  });
});

describe('access by address', () => {
  test.for([
    ['the address of the peer', {}, [], 200],
    ['the address of the peer, whatever it claims', {}, ['X-Forwarded-For: 192.0.2.7'], 200],
    [
      'the one that a trusted proxy gives',
      { trustedProxies: ['127.0.0.1'] },
      ['X-Forwarded-For: 127.0.0.9'],
      200,
    ],
    [
      'the one that a trusted proxy gives, not its own',
      { trustedProxies: ['127.0.0.1'] },
      ['X-Forwarded-For: 192.0.2.7'],
      403,
    ],
    [
      'none where a trusted proxy keeps it secret, and is refused',
      { trustedProxies: ['127.0.0.1'] },
      ['Forwarded: for=unknown'],
      403,
    ],
  ] as const)('goes by %s [RFC 7239 5.2]', async ([, options, lines, status], { net }) => {
    const { client } = await guarded(net, { ...options, access: clientAddresses(['127.0.0.0/8']) });
    await client.get('/', lines);
    expect((await client.readResponse()).head.status).toBe(status);
  });

  test('is not had by one that an untrusted client claims [RFC 7239 8.1]', async ({ net }) => {
    const { client, origin } = await guarded(net, { access: clientAddresses(['10.0.0.0/8']) });
    await client.get('/', ['X-Forwarded-For: 10.0.0.5', 'Forwarded: for=10.0.0.5', 'X-Real-IP: 10.0.0.5']);
    expect((await client.readResponse()).head.status).toBe(403);
    expect(origin.total).toBe(0);
  });
});
