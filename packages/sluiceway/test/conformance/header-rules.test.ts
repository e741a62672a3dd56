import type { IncomingHttpHeaders } from 'node:http2';
import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { startHttp2Server } from '../support/node-http2.js';
import { respondWith } from '../support/raw-origin.js';
import { seenRequest } from '../support/seen-request.js';
import { chunked, sized, through } from '../support/through.js';

describe('rules for the fields of requests', () => {
  test('remove, set and append, in that order and whatever the case of the names [nginx; Caddy]', async ({
    net,
  }) => {
    const seen = await seenRequest(
      net,
      ['Cookie: a=1', 'x-gone: 1', 'X-Gone: 2', 'X-Set: 0', 'X-List: first', 'X-Kept: 1'],
      {
        headers: {
          request: {
            remove: ['cookie', 'X-Gone'],
            set: { 'x-set': ['1', '2'], Authorization: 'Bearer example' },
            append: { 'X-List': 'last', 'X-SET': '3' },
          },
        },
      },
    );
    expect(seen.has('cookie')).toBe(false);
    expect(seen.has('x-gone')).toBe(false);
    expect(seen.getAll('x-set')).toEqual(['1', '2', '3']);
    expect(seen.getAll('x-list')).toEqual(['first', 'last']);
    expect(seen.get('authorization')).toBe('Bearer example');
    expect(seen.get('x-kept')).toBe('1');
  });

  test('set fields that a client cannot have removed by naming them in Connection [RFC 9110 7.6.1]', async ({
    net,
  }) => {
    const seen = await seenRequest(net, ['Connection: X-Key', 'X-Key: theirs'], {
      headers: { request: { set: { 'X-Key': 'ours' } } },
    });
    expect(seen.getAll('x-key')).toEqual(['ours']);
  });

  test('can remove what the proxy itself has added: Via and the forwarding fields [nginx]', async ({
    net,
  }) => {
    const seen = await seenRequest(net, [], {
      headers: { request: { remove: ['Via', 'X-Forwarded-For'], set: { 'X-Forwarded-Proto': 'https' } } },
    });
    expect(seen.has('via')).toBe(false);
    expect(seen.has('x-forwarded-for')).toBe(false);
    expect(seen.getAll('x-forwarded-proto')).toEqual(['https']);
  });

  test('are followed by the hook, which has the last word [Go ReverseProxy]', async ({ net }) => {
    const seen = await seenRequest(net, [], {
      headers: { request: { set: { 'X-A': 'rule', 'X-B': 'rule' } } },
      onUpstreamRequest({ upstreamRequest }) {
        expect(upstreamRequest.headers.get('x-a')).toBe('rule');
        upstreamRequest.headers.set('X-A', 'hook');
      },
    });
    expect([seen.get('x-a'), seen.get('x-b')]).toEqual(['hook', 'rule']);
  });

  test('stop a field among the trailers of an upload too [RFC 9110 6.5]', async ({ net }) => {
    let raw = '';
    const { client } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        raw = await connection.readThrough('\r\n\r\n');
        await connection.write(sized(''));
      },
      { headers: { request: { remove: ['X-Internal'], set: { 'X-Set': '1' } } } },
    );
    await client.send(
      'PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '1\r\na\r\n0\r\nx-internal: 1\r\nX-Set: 2\r\nX-Kept: 3\r\n\r\n',
    );
    await client.readResponse();
    expect(raw).toBe('1\r\na\r\n0\r\nX-Kept: 3\r\n\r\n');
  });
});

describe('rules for the fields of responses', () => {
  const rules = {
    remove: ['Server', 'X-Gone'],
    set: { 'Strict-Transport-Security': 'max-age=1', 'X-Set': ['1', '2'] },
    append: { Vary: 'Origin' },
  };

  test.for([200, 204, 206, 302, 304, 404, 500])(
    'change those of status %i [nginx; Caddy]',
    async (status, { net }) => {
      const { client } = await through(
        net,
        respondWith(
          sized('', ['SERVER: nginx', 'x-gone: 1', 'x-set: 0', 'Vary: Accept'], `HTTP/1.1 ${status} x`),
        ),
        { headers: { response: rules } },
      );
      await client.get('/');
      const { head } = await client.readResponse();
      expect(head.status).toBe(status);
      expect(head.has('server')).toBe(false);
      expect(head.has('x-gone')).toBe(false);
      expect(head.getAll('x-set')).toEqual(['1', '2']);
      expect(head.getAll('vary')).toEqual(['Accept', 'Origin']);
      expect(head.get('strict-transport-security')).toBe('max-age=1');
    },
  );

  test('change those of a 101, and the tunnel opens [Caddy]', async ({ net }) => {
    const { client } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\nServer: nginx\r\n\r\n',
        );
        await connection.write(await connection.readExactly(4));
      },
      { headers: { response: rules } },
    );
    await client.get('/', ['Connection: Upgrade', 'Upgrade: echo']);
    const head = await client.readHead();
    expect(head.status).toBe(101);
    expect(head.has('server')).toBe(false);
    expect(head.getAll('x-set')).toEqual(['1', '2']);
    expect(head.get('upgrade')).toBe('echo');
    await client.send('ping');
    expect((await client.readExactly(4)).toString()).toBe('ping');
    client.end();
  });

  test('stop a field in interim responses and among trailers too, and add nothing there [RFC 9110 15.2; RFC 9110 6.5]', async ({
    net,
  }) => {
    const { client } = await through(
      net,
      respondWith(
        Buffer.concat([
          Buffer.from('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nServer: nginx\r\nX-Set: 0\r\n\r\n'),
          chunked(['x'], ['Server: nginx'], ['server: nginx', 'X-Set: 0', 'X-T: 1']),
        ]),
      ),
      { headers: { response: rules } },
    );
    await client.get('/', ['TE: trailers', 'Connection: TE']);
    const response = await client.readResponse();
    expect(response.interim.map((head) => head.lines)).toEqual([['Link: </a>']]);
    expect(response.trailers).toEqual(['X-T: 1']);
    expect(response.complete).toBe(true);
  });

  test('are followed by the hook, which has the last word [Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized('x', ['Server: nginx'])), {
      headers: { response: rules },
      onUpstreamResponse({ upstreamResponse, response }) {
        expect(upstreamResponse.headers.get('server')).toBe('nginx');
        expect(response.headers.has('server')).toBe(false);
        response.headers.set('Server', 'hook').delete('X-Set');
      },
    });
    await client.get('/');
    const { head } = await client.readResponse();
    expect(head.get('server')).toBe('hook');
    expect(head.has('x-set')).toBe(false);
    expect(head.get('strict-transport-security')).toBe('max-age=1');
  });

  test("add to the proxy's own error answers, and replace nothing that such an answer says of itself [nginx]", async ({
    net,
  }) => {
    const running = await net.proxy({
      upstream: 'http://127.0.0.1:1',
      headers: {
        response: {
          set: { 'Strict-Transport-Security': 'max-age=1', 'Cache-Control': 'max-age=86400' },
          append: { 'Content-Type': 'text/html' },
          remove: ['proxy-status'],
        },
      },
    });
    const client = await net.client(running);
    await client.get('/');
    const { head } = await client.readResponse();
    expect(head.status).toBe(502);
    expect(head.get('strict-transport-security')).toBe('max-age=1');
    expect(head.get('cache-control')).toBe('no-store');
    expect(head.getAll('content-type')).toEqual(['application/problem+json']);
    expect(head.has('proxy-status')).toBe(false);
  });

  test('add to what a hook answers, which keeps every field of its own [nginx]', async ({ net }) => {
    const running = await net.proxy({
      upstream: 'http://127.0.0.1:1',
      headers: { response: rules },
      onRequest: ({ request: { path } }) =>
        path === '/own' ? { status: 200, headers: { Server: 'ours', 'X-Set': '9' } } : undefined,
      onError: ({ error }) => ({ status: error.status, headers: { Vary: 'Cookie' } }),
    });
    const client = await net.client(running);
    await client.get('/own');
    const own = (await client.readResponse()).head;
    expect([own.get('server'), own.getAll('x-set'), own.get('vary')]).toEqual(['ours', ['9'], 'Origin']);
    await client.get('/');
    const failed = (await client.readResponse()).head;
    expect(failed.status).toBe(502);
    expect([failed.get('vary'), failed.get('strict-transport-security')]).toEqual(['Cookie', 'max-age=1']);
  });
});

describe('Host', () => {
  const hostSeen = respondWith((head) => sized(head.getAll('host').join(' | ')));

  test.for([
    ['files.example', 'files.example'],
    ['Files.Example:8443', 'Files.Example:8443'],
    ['[2001:db8::1]:80', '[2001:db8::1]:80'],
  ] as const)('is the one that the option names: %s [nginx]', async ([host, expected], { net }) => {
    const { client } = await through(net, hostSeen, { headers: { host } });
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe(expected);
  });

  test("is the client's where the option says so [Go NewSingleHostReverseProxy; nginx]", async ({ net }) => {
    const { client } = await through(net, hostSeen, { headers: { host: 'client' } });
    await client.send('GET / HTTP/1.1\r\nHost: Public.Example:8443\r\n\r\n');
    expect((await client.readResponse()).content.toString()).toBe('Public.Example:8443');
    await client.send('GET http://absolute.example/ HTTP/1.1\r\nHost: other.example\r\n\r\n');
    expect((await client.readResponse()).content.toString()).toBe('absolute.example');
  });

  test("is the upstream's where a client names none, whatever the option says [RFC 9110 7.2]", async ({
    net,
  }) => {
    const { client, origin, running } = await through(net, hostSeen, { headers: { host: 'client' } });
    await client.send('GET / HTTP/1.1\r\nHost:\r\n\r\n');
    expect((await client.readResponse()).content.toString()).toBe(`127.0.0.1:${origin.port}`);
    const old = await net.client(running);
    await old.send('GET / HTTP/1.0\r\n\r\n');
    expect((await old.readResponse()).content.toString()).toBe(`127.0.0.1:${origin.port}`);
  });

  test('of the client passes to the upstream that onRequest chooses; setTarget of a hook makes it that of the URL [Go ReverseProxy]', async ({
    net,
  }) => {
    const origin = await net.origin(hostSeen);
    const running = await net.proxy({
      headers: { host: 'client' },
      onRequest: () => ({ upstream: origin.url }),
      onUpstreamRequest({ request, upstreamRequest }) {
        if (request.path === '/set') upstreamRequest.setTarget(origin.url);
      },
    });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('test');
    await client.get('/set');
    expect((await client.readResponse()).content.toString()).toBe(`127.0.0.1:${origin.port}`);
  });
});

test('the options for fields hold towards an origin server that speaks HTTP/2: Host is its :authority [RFC 9113 8.3.1]', async ({
  net,
}) => {
  let seen: IncomingHttpHeaders = {};
  const origin = await startHttp2Server(net, (stream, headers) => {
    seen = headers;
    stream.respond({
      ':status': 302,
      server: 'up',
      'set-cookie': ['a=1; Domain=up.test'],
      location: '/app/b',
    });
    stream.end();
  });
  const running = await net.proxy({
    upstream: { url: `${origin.url}/app`, protocol: 'http2' },
    headers: {
      host: 'Files.Example:81',
      request: { set: { 'X-Key': 'ours' }, remove: ['Cookie'] },
      response: { remove: ['Server'], append: { Vary: 'Origin' } },
      cookies: { domain: '' },
      location: 'rewrite',
    },
  });
  const client = await net.client(running);
  await client.get('/a', ['X-Key: theirs', 'Cookie: a=1']);
  const { head } = await client.readResponse();
  expect(seen).toMatchObject({ ':authority': 'Files.Example:81', ':path': '/app/a', 'x-key': 'ours' });
  expect(seen).not.toHaveProperty('cookie');
  expect(head.has('server')).toBe(false);
  expect([head.get('vary'), head.get('set-cookie'), head.get('location')]).toEqual(['Origin', 'a=1', '/b']);
});
