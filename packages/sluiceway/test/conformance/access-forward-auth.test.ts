import { describe, expect } from 'vitest';
import { allOf, anyOf, bearer, clientAddresses, forwardAuth, signed } from '../../src/index.js';
import { accessRequest } from '../support/access.js';
import { type AnsweringServer, answeringServer } from '../support/answering-server.js';
import { type Network, test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { problemsOf } from '../support/problems.js';
import { respondWith } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { sized, through } from '../support/through.js';

type ServiceAnswer = Parameters<typeof answeringServer>[1];
type Options = Omit<Parameters<typeof forwardAuth>[0], 'url'>;

const TOKEN = 'aaaaaaaaaaaaaaaa';

/** A proxy whose access a service decides. */
async function decidedBy(
  net: Network,
  answer: ServiceAnswer,
  options: Options = {},
  proxyOptions: (service: AnsweringServer) => Omit<ProxyOptions, 'upstream'> = ({ url }) => ({
    access: forwardAuth({ url: `${url}/check?a=1`, ...options }),
  }),
) {
  const service = await answeringServer(net, answer);
  const seen: RequestHead[] = [];
  const script = respondWith((head) => {
    seen.push(head);
    return sized('secret');
  });
  const line = await through(net, script, proxyOptions(service));
  const ask = async (target: string, lines: readonly string[] = []) => {
    await line.client.get(target, lines);
    return line.client.readResponse();
  };
  return { ...line, service, seen, ask };
}

const ok: ServiceAnswer = (_request, response) => response.writeHead(204, { 'Remote-User': 'anna' }).end();

describe('forward authentication', () => {
  test('sends the service a GET with the request line in X-Forwarded fields, and no content [Traefik; Caddy]', async ({
    net,
  }) => {
    const { client, service, seen } = await decidedBy(net, ok);
    await client.send(
      'PUT /a/b?c=%2F HTTP/1.1\r\nHost: files.test\r\nCookie: s=1\r\nAuthorization: Bearer x\r\nX-Forwarded-Uri: /other\r\nX-Forwarded-For: 10.0.0.1\r\nConnection: X-Once\r\nX-Once: 1\r\nIf-None-Match: "a"\r\nRange: bytes=0-1\r\nContent-Type: text/plain\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n',
    );
    expect((await client.readHead()).status).toBe(100);
    await client.send('four');
    expect((await client.readResponse()).head.status).toBe(200);
    const [request] = service.seen;
    expect([request?.method, request?.url]).toEqual(['GET', '/check?a=1']);
    expect(request?.headers).toMatchObject({
      host: service.url.replace('http://', ''),
      'x-forwarded-method': 'PUT',
      'x-forwarded-uri': '/a/b?c=%2F',
      'x-forwarded-host': 'files.test',
      'x-forwarded-proto': 'http',
      'x-forwarded-for': '127.0.0.1',
      cookie: 's=1',
      authorization: 'Bearer x',
    });
    for (const name of ['x-once', 'if-none-match', 'range', 'content-type', 'content-length', 'expect'])
      expect(request?.headers, name).not.toHaveProperty(name);
    expect(seen[0]?.get('authorization')).toBe('Bearer x');
  });

  test('copies the named fields of a 2xx to the origin server, and never those of the client [Traefik]', async ({
    net,
  }) => {
    let groups: string[] = ['a', 'b'];
    const { ask, seen, running } = await decidedBy(
      net,
      (_request, response) =>
        void response
          .writeHead(200, { 'Remote-User': 'anna', 'Remote-Groups': groups, 'X-Other': '1' })
          .end('yes'),
      { copyHeaders: ['Remote-User', 'Remote-Groups'], identityHeader: 'Remote-User' },
    );
    const forged = ['Remote-User: root', 'remote_groups: admin', 'REMOTE-GROUPS: admin'];
    await ask('/', forged);
    groups = [];
    await ask('/', forged);
    const fieldsOf = (head: RequestHead | undefined) =>
      head?.lines.filter((line) => /^(?:remote|x-other)/i.test(line));
    expect(fieldsOf(seen[0])).toEqual(['Remote-User: anna', 'Remote-Groups: a', 'Remote-Groups: b']);
    expect(fieldsOf(seen[1])).toEqual(['Remote-User: anna']);
    expect((await running.record()).identity).toBe('anna');
  });

  test('removes the client’s own fields from trailers, too [RFC 9110 6.5.1]', async ({ net }) => {
    let content = '';
    const service = await answeringServer(net, ok);
    const { client } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        content = await connection.readThrough('\r\n\r\n');
        await connection.write(sized(''));
      },
      { access: forwardAuth({ url: service.url, copyHeaders: ['Remote-User'] }) },
    );
    await client.send(
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: Remote-User, X-Sum\r\n\r\n1\r\na\r\n0\r\nRemote-User: root\r\nX-Sum: 1\r\n\r\n',
    );
    expect((await client.readResponse()).head.status).toBe(200);
    expect(content).toBe('1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n');
  });

  test.for([
    [302, { Location: 'https://login.test/?rd=a', 'Set-Cookie': ['a=1', 'b=2'] }],
    [401, { 'WWW-Authenticate': ['Basic realm="a"', 'Negotiate'], 'Set-Cookie': ['a=1'] }],
    [403, { 'Content-Type': 'text/html' }],
  ] as const)(
    'passes a %d with its fields to the client, and asks no origin server [nginx; Traefik]',
    async ([status, fields], { net }) => {
      const { ask, origin, running } = await decidedBy(net, (_request, response) => {
        response
          .writeHead(status, { ...fields, 'X-Internal': '10.0.0.1' } as Record<string, string>)
          .end('<p>');
      });
      const { head, content } = await ask('/');
      expect([head.status, content.toString(), head.has('x-internal')]).toEqual([status, '<p>', false]);
      for (const [name, value] of Object.entries(fields))
        expect(head.getAll(name), name).toEqual([value].flat());
      expect(head.get('cache-control')).toBe('no-store');
      expect(origin.total).toBe(0);
      expect((await running.record()).outcome).toBe('rejected');
    },
  );

  test.for([200, 302, 401, 500])(
    'reads its answer %d in the same way if it comes in chunks, and keeps the connection for the next request [RFC 9112 9.3]',
    async (status, { net }) => {
      const { ask, service } = await decidedBy(net, (_request, response) => {
        response.writeHead(status, { Location: '/login', 'WWW-Authenticate': 'Basic' });
        response.write('a');
        response.end('b');
      });
      for (let i = 0; i < 3; i += 1) expect((await ask('/')).head.status).toBe(status === 500 ? 502 : status);
      expect([service.seen.length, service.connections]).toEqual([3, 1]);
    },
  );

  test.for([304, 300, 404, 429, 500, 503])(
    'refuses with 502 if the service answers %d [nginx]',
    async (status, { net }) => {
      const { ask, origin } = await decidedBy(
        net,
        (_request, response) => void response.writeHead(status).end(),
      );
      const { head, content } = await ask('/');
      expect(head.status).toBe(502);
      expect(content.toString()).not.toMatch(/127\.0\.0\.1|origin server/);
      expect(origin.total).toBe(0);
    },
  );

  test.for<[string, ServiceAnswer]>([
    ['closes its connection', (request) => void request.socket.destroy()],
    [
      'breaks off its answer',
      (_request, response) => {
        response.writeHead(200, { 'Content-Length': 9 });
        response.write('a', () => response.socket?.destroy());
      },
    ],
    ['does not answer in time', () => {}],
    ['does not finish its answer in time', (_request, response) => void response.writeHead(200).write('a')],
  ])('refuses with 503 if the service %s [Sluiceway]', async ([, answer], { net }) => {
    const { ask, origin } = await decidedBy(net, answer, { timeout: '300ms' });
    const { head } = await ask('/');
    expect([head.status, head.has('retry-after')]).toEqual([503, true]);
    expect(origin.total).toBe(0);
  });

  test('refuses with 503 if nothing listens at the URL [Sluiceway]', async ({ net }) => {
    const { ask, service, origin } = await decidedBy(net, ok);
    await service.stop();
    expect((await ask('/')).head.status).toBe(503);
    expect(origin.total).toBe(0);
  });

  test('refuses a sub-request of its own, if the service is behind its own rule [RFC 8586 2]', async ({
    net,
  }) => {
    const service = await answeringServer(net, ok);
    const policy = forwardAuth({ url: service.url });
    await policy(accessRequest());
    const loop = String(service.seen[0]?.headers['cdn-loop']);
    await expect(policy(accessRequest(['CDN-Loop', loop]))).rejects.toMatchObject({
      code: 'proxy_loop_detected',
      status: 508,
    });
    expect(service.seen).toHaveLength(1);
  });

  test('sends only the named fields of the client’s request if they are named [Traefik]', async ({ net }) => {
    const { ask, service } = await decidedBy(net, ok, { requestHeaders: ['cookie'] });
    await ask('/', ['Cookie: s=1', 'X-Secret: 1', 'Authorization: Basic a']);
    const { headers } = service.seen[0] ?? { headers: {} };
    expect(headers).toMatchObject({ cookie: 's=1', 'x-forwarded-method': 'GET' });
    expect(headers).not.toHaveProperty('x-secret');
    expect(headers).not.toHaveProperty('authorization');
  });

  test('sends a redirect although the application handles failures itself [Sluiceway]', async ({ net }) => {
    const { ask } = await decidedBy(
      net,
      (_request, response) => void response.writeHead(302, { Location: '/login' }).end(),
      {},
      ({ url }) => ({ access: forwardAuth({ url }), errors: 'throw' }),
    );
    const { head, content } = await ask('/');
    expect([head.status, head.get('location'), content.length]).toEqual([302, '/login', 0]);
  });

  test('is asked over HTTP/2 as well, with each request of a connection [RFC 9113 8.3]', async ({ net }) => {
    const service = await answeringServer(net, ok);
    const origin = await net.origin(respondWith(sized('secret')));
    const running = await net.proxy(
      { upstream: origin.url, access: forwardAuth({ url: service.url, identityHeader: 'Remote-User' }) },
      { http2: 'tls' },
    );
    const client = await net.http2(running);
    expect((await client.get('/a')).status).toBe(200);
    expect((await client.get('/b')).status).toBe(200);
    expect(
      service.seen.map(({ headers }) => [headers['x-forwarded-uri'], headers['x-forwarded-proto']]),
    ).toEqual([
      ['/a', 'https'],
      ['/b', 'https'],
    ]);
    expect((await running.record()).identity).toBe('anna');
  });

  test('reports all wrong options with their paths', () => {
    expect(
      problemsOf(() =>
        forwardAuth({
          url: 'ftp://a',
          copyHeaders: ['Content-Length', 'a b', 'Host'],
          requestHeaders: 'some' as never,
          timeout: 0,
          unknown: 1,
        } as never),
      ).toSorted(),
    ).toEqual([
      expect.stringMatching(/^copyHeaders\[0\] frames the message/),
      expect.stringMatching(/^copyHeaders\[1\] is not a valid field name/),
      expect.stringMatching(/^copyHeaders\[2\] is that of the url/),
      expect.stringMatching(/^requestHeaders must be/),
      expect.stringMatching(/^timeout must be at least/),
      expect.stringMatching(/^unknown is not an option/),
      expect.stringMatching(/^url must/),
    ]);
    expect(problemsOf(() => forwardAuth(undefined as never))).toEqual(
      expect.arrayContaining([expect.stringMatching(/is required/)]),
    );
  });
});

describe('forward authentication with other policies', () => {
  const refused: ServiceAnswer = (_request, response) =>
    response.writeHead(302, { Location: '/login' }).end();

  test('anyOf accepts what an earlier policy accepts, and does not ask the service then, yet removes its fields [Sluiceway]', async ({
    net,
  }) => {
    const { ask, service, seen } = await decidedBy(net, ok, {}, ({ url }) => ({
      access: anyOf(bearer({ [TOKEN]: 'ci' }), forwardAuth({ url, copyHeaders: ['Remote-User'] })),
    }));
    const { head } = await ask('/', [`Authorization: Bearer ${TOKEN}`, 'Remote-User: root']);
    expect([head.status, service.seen.length, seen[0]?.has('remote-user')]).toEqual([200, 0, false]);
  });

  test('anyOf sends the redirect of the service if no policy accepts the request [Sluiceway]', async ({
    net,
  }) => {
    const { ask } = await decidedBy(net, refused, {}, ({ url }) => ({
      access: anyOf(bearer([TOKEN]), clientAddresses(['192.0.2.1']), forwardAuth({ url })),
    }));
    const { head } = await ask('/');
    expect([head.status, head.get('location')]).toEqual([302, '/login']);
  });

  test('anyOf sends the challenges of all policies with the 401 of the service [RFC 9110 15.5.2]', async ({
    net,
  }) => {
    const { ask } = await decidedBy(
      net,
      (_request, response) => void response.writeHead(401, { 'WWW-Authenticate': 'Negotiate' }).end('log in'),
      {},
      ({ url }) => ({ access: anyOf(bearer([TOKEN]), forwardAuth({ url })) }),
    );
    const { head, content } = await ask('/');
    expect([head.status, head.getAll('www-authenticate'), content.toString()]).toEqual([
      401,
      ['Bearer realm="restricted"', 'Negotiate'],
      'log in',
    ]);
  });

  test('anyOf fails closed if the service fails and no other policy accepts the request [Sluiceway]', async ({
    net,
  }) => {
    const failing: ServiceAnswer = (_request, response) => void response.writeHead(500).end();
    const { ask, origin } = await decidedBy(net, failing, {}, ({ url }) => ({
      access: anyOf(forwardAuth({ url }), bearer([TOKEN])),
    }));
    expect((await ask('/')).head.status).toBe(502);
    expect(origin.total).toBe(0);
    expect((await ask('/', [`Authorization: Bearer ${TOKEN}`])).head.status).toBe(200);
  });

  test('allOf asks in order, and sets the fields of all policies [Sluiceway]', async ({ net }) => {
    const { ask, seen, service } = await decidedBy(net, ok, {}, ({ url }) => ({
      access: allOf(bearer({ [TOKEN]: 'ci' }), forwardAuth({ url, copyHeaders: ['Remote-User'] }), () => ({
        allowed: true,
        headers: { 'X-Plan': 'large' },
      })),
    }));
    expect((await ask('/')).head.status).toBe(401);
    expect(service.seen).toHaveLength(0);
    await ask('/', [`Authorization: Bearer ${TOKEN}`]);
    expect([seen[0]?.get('remote-user'), seen[0]?.get('x-plan')]).toEqual(['anna', 'large']);
  });

  test('a signed URL is still required where both are [Sluiceway]', async () => {
    const policy = allOf(
      signed({ keys: [{ id: 'k1', secret: Buffer.alloc(32).toString('base64url') }] }),
      () => ({
        allowed: true,
      }),
    );
    expect(await policy(accessRequest())).toMatchObject({ allowed: false, status: 403 });
  });
});

describe('fields that a policy sets', () => {
  test('the identity is sent in the field that headers.identity names, and never the client’s [Sluiceway]', async ({
    net,
  }) => {
    const seen: RequestHead[] = [];
    const { client } = await through(
      net,
      respondWith((head) => {
        seen.push(head);
        return sized('');
      }),
      {
        access: anyOf(bearer({ [TOKEN]: 'Zo\u00eb' }), () => ({ allowed: true })),
        headers: { identity: 'X-User' },
      },
    );
    for (const lines of [
      [`Authorization: Bearer ${TOKEN}`, 'X-User: root'],
      ['X-User: root', 'x_user: root'],
    ]) {
      await client.get('/', lines);
      await client.readResponse();
    }
    expect(seen.map((head) => head.lines.filter((line) => /^x.user/i.test(line)))).toEqual([
      [`X-User: ${Buffer.from('Zo\u00eb').toString('latin1')}`],
      [],
    ]);
  });

  test('the client’s own identity field is removed without a policy, too [Sluiceway]', async ({ net }) => {
    let seen: RequestHead | undefined;
    const { client } = await through(
      net,
      respondWith((head) => {
        seen = head;
        return sized('');
      }),
      { headers: { identity: 'X-User' } },
    );
    await client.get('/', ['X-User: root']);
    await client.readResponse();
    expect(seen?.has('x-user')).toBe(false);
  });

  test.for([
    [{ allowed: true, headers: { 'a b': '1' } }],
    [{ allowed: true, headers: { a: 'b\nc' } }],
    [{ allowed: false, status: 401, reason: 'no', response: { status: 200 } }],
    [
      {
        allowed: false,
        status: 401,
        reason: 'no',
        response: { status: 302, headers: { Location: 'a\r\nb' } },
      },
    ],
  ])(
    'a decision with fields or a status that cannot be sent refuses the request: %j [Sluiceway]',
    async ([decision], { net }) => {
      const { client, origin } = await through(net, respondWith(sized('')), {
        access: () => decision as never,
      });
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(500);
      expect(origin.total).toBe(0);
    },
  );
});
