import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect } from 'vitest';
import {
  clientAddresses,
  createProxy,
  type ForwardedClient,
  type HandleContext,
  SluicewayError,
} from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import type { RawClient } from '../support/raw-client.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { sized } from '../support/through.js';

/** What stands for a framework before the proxy: it knows a thing or two about each request. */
type Framework = (request: IncomingMessage) => HandleContext | Promise<HandleContext>;

interface Line {
  client: RawClient;
  /** What `handle` of each request has settled with. */
  settled: unknown[];
}

/** A server that gives `handle` what a framework knows, and answers what it rejects with by itself. */
async function behind(
  net: Network,
  framework: Framework,
  script: OriginScript,
  options: Omit<ProxyOptions, 'upstream'> = {},
): Promise<Line> {
  const origin = await net.origin(script);
  const proxy = createProxy({ upstream: origin.url, ...options });
  const settled: unknown[] = [];
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      settled.push(await proxy.handle(request, response, await framework(request)));
    } catch (error) {
      settled.push(error instanceof SluicewayError ? error.code : error);
      response.statusCode = 599;
      response.end('the framework says');
    }
  };
  const running = await startServer((request, response) => void serve(request, response));
  net.cleanup(async () => {
    proxy.destroy();
    await running.stop();
  });
  return { client: await net.client(running), settled };
}

const ok = respondWith(() => sized('x'));

test('what an application knows of a request reaches every hook as it is, and nothing is there otherwise [Koa; Express]', async ({
  net,
}) => {
  const user = { name: 'ann' };
  const seen: unknown[] = [];
  const { client } = await behind(
    net,
    ({ url }) => (url === '/known' ? { context: user } : {}),
    async (connection) => {
      await connection.readHead();
      await connection.write(sized('x'));
      await connection.readHead();
      connection.end();
    },
    {
      onRequest: ({ request }) => void seen.push(request.context),
      onUpstreamRequest: ({ request }) => void seen.push(request.context),
      onUpstreamResponse: ({ request }) => void seen.push(request.context),
      onError: ({ request }) => void seen.push(request?.context),
    },
  );
  await client.get('/known');
  expect((await client.readResponse()).head.status).toBe(200);
  expect(seen).toEqual([user, user, user]);
  expect(seen.every((context) => context === user)).toBe(true);
  await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n');
  expect((await client.readResponse()).head.status).toBe(502);
  expect(seen.slice(3)).toEqual([undefined, undefined, undefined]);
});

describe('errors of one request', () => {
  test('are thrown or answered as its handler says, whatever the option says [Express; Fastify]', async ({
    net,
  }) => {
    const { client, settled } = await behind(
      net,
      ({ url }) => ({ errors: url === '/throw' ? 'throw' : 'answer' }),
      (connection) => connection.end(),
      { errors: 'throw' },
    );
    await client.get('/throw');
    const thrown = await client.readResponse();
    expect([thrown.head.status, thrown.content.toString()]).toEqual([599, 'the framework says']);
    await client.get('/answer');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(settled).toEqual(['connection_terminated', 'upstream_refused']);
  });

  test('that are thrown while an upload is under way end its connection with the answer, which the client gets whole [RFC 9112 9.6]', async ({
    net,
  }) => {
    const { client, settled } = await behind(
      net,
      () => ({ errors: 'throw' }),
      async (connection) => {
        await connection.readHead();
        connection.destroy();
      },
    );
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\nbeginning');
    const response = await client.readResponse();
    expect([response.head.status, response.head.get('connection')]).toEqual([599, 'close']);
    expect(response.content.toString()).toBe('the framework says');
    expect(response.complete).toBe(true);
    await client.send(Buffer.alloc(100_000)).catch(() => {});
    client.end();
    expect(await client.closed).toBe('fin');
    expect(settled).toEqual(['connection_terminated']);
  });
});

describe('who the client is by the word of a framework', () => {
  const CLIENT = { address: '192.0.2.7', protocol: 'https', host: 'shop.test' } as const;
  const CLAIMS = ['X-Forwarded-For: 6.6.6.6', 'X-Forwarded-Host: evil.test', 'X-Forwarded-Proto: http'];

  async function ask(
    net: Network,
    context: HandleContext,
    options: Omit<ProxyOptions, 'upstream'> = {},
  ): Promise<{ status: number; head?: RequestHead; forwarded?: ForwardedClient }> {
    const seen: { head?: RequestHead; forwarded?: ForwardedClient } = {};
    const script = respondWith((head) => {
      seen.head = head;
      return sized('x', ['Set-Cookie: a=1']);
    });
    const { client } = await behind(net, () => context, script, {
      ...options,
      onUpstreamRequest: ({ request }) => void (seen.forwarded = request.forwarded),
    });
    await client.get('/', CLAIMS);
    return { status: (await client.readResponse()).head.status, ...seen };
  }

  test('takes the place of what the connection shows, for hooks and for the origin server [Express]', async ({
    net,
  }) => {
    const { head, forwarded } = await ask(net, { client: CLIENT });
    expect(forwarded).toEqual({ for: '192.0.2.7', host: 'shop.test', proto: 'https' });
    expect(head?.lines.filter((line) => /^x-forwarded/i.test(line))).toEqual([
      'X-Forwarded-For: 192.0.2.7',
      'X-Forwarded-Host: shop.test',
      'X-Forwarded-Proto: https',
    ]);
  });

  test('leaves what it does not say to the connection [Express]', async ({ net }) => {
    const { forwarded } = await ask(net, { client: { protocol: 'https' } });
    expect(forwarded).toEqual({ for: '127.0.0.1', host: 'test', proto: 'https' });
  });

  test('that is no valid host is not believed, and no address makes no X-Forwarded-For [RFC 9110 7.2]', async ({
    net,
  }) => {
    const { head, forwarded } = await ask(net, { client: { host: 'a b/c', address: 'unknown' } });
    expect(forwarded).toEqual({ for: null, host: 'test', proto: 'http' });
    expect(head?.get('x-forwarded-for')).toBeUndefined();
  });

  test('decides about access by address [Sluiceway]', async ({ net }) => {
    const access = clientAddresses(['192.0.2.0/24']);
    expect((await ask(net, { client: CLIENT }, { access })).status).toBe(200);
    expect((await ask(net, { client: { ...CLIENT, address: '198.51.100.1' } }, { access })).status).toBe(403);
  });

  test('that is a proxy of the option trustedProxies is believed about its own client [Express; nginx]', async ({
    net,
  }) => {
    const { forwarded } = await ask(net, { client: CLIENT }, { trustedProxies: ['192.0.2.0/24'] });
    expect(forwarded).toEqual({ for: '6.6.6.6', host: 'evil.test', proto: 'http' });
  });
});

describe('request content that a parser has read and given back', () => {
  const json = '{"a":"ü"}';
  const reads: Framework = async (request) => {
    for await (const _ of request);
    return { content: Buffer.from(json) };
  };
  const requests: [framing: string, head: string, content: string][] = [
    ['sized', 'Content-Length: 4', 'abcd'],
    ['chunked', 'Transfer-Encoding: chunked', '4\r\nabcd\r\n0\r\n\r\n'],
  ];

  test.for(requests)(
    'is sent with its length in place of %s content, without coding and digests of what the client sent [Express; RFC 9530 2]',
    async ([, framing, content], { net }) => {
      const seen: [RequestHead, Buffer][] = [];
      const { client } = await behind(
        net,
        reads,
        respondWith((head, bytes) => {
          seen.push([head, bytes]);
          return sized('x');
        }),
      );
      const lines = [
        'Content-Type: application/json',
        'Content-Encoding: gzip',
        'Content-Digest: sha-256=:AA==:',
      ];
      for (let i = 0; i < 2; i += 1) {
        await client.send(
          `POST / HTTP/1.1\r\nHost: test\r\n${[framing, ...lines].join('\r\n')}\r\n\r\n${content}`,
        );
        expect((await client.readResponse()).head.status).toBe(200);
      }
      expect(seen).toHaveLength(2);
      for (const [head, bytes] of seen) {
        expect(bytes.toString()).toBe(json);
        expect(head.contentLength).toBe(Buffer.byteLength(json));
        expect(head.get('content-type')).toBe('application/json');
        expect([head.get('content-encoding'), head.get('content-digest')]).toEqual([undefined, undefined]);
      }
    },
  );

  test('is held to the limit of request content [Sluiceway]', async ({ net }) => {
    const { client } = await behind(net, reads, ok, { limits: { requestContent: 5 } });
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\nabcd');
    expect((await client.readResponse()).head.status).toBe(413);
  });

  test('is none where it is empty [Express]', async ({ net }) => {
    let length: number | undefined;
    const script = respondWith((head) => {
      length = head.contentLength;
      return sized('x');
    });
    const { client } = await behind(net, () => ({ content: new Uint8Array() }), script);
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n');
    expect((await client.readResponse()).head.status).toBe(200);
    expect(length).toBe(0);
  });
});

describe('what an application adds to the head', () => {
  const stamps: Framework = () => ({
    onHead: ({ status, headers }) => void headers.append('X-Stamp', String(status)),
  });

  test('goes out with the response of the origin server, an answer of a hook and the answer to a failure [Sluiceway]', async ({
    net,
  }) => {
    const script = respondWith(({ target }) => (target === '/broken' ? 'HTTP/9 what?\r\n\r\n' : sized('x')));
    const { client } = await behind(net, stamps, script, {
      onRequest: ({ request: { path } }) => (path === '/hook' ? { status: 299 } : undefined),
    });
    for (const [path, status] of [
      ['/', 200],
      ['/hook', 299],
      ['/broken', 502],
    ] as const) {
      await client.get(path);
      const { head } = await client.readResponse();
      expect([head.status, head.get('x-stamp')]).toEqual([status, String(status)]);
    }
  });
});
