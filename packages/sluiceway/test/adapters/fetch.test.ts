import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import {
  type FetchContext,
  type FetchHandler,
  type FetchOptions,
  type FetchStreamFromOptions,
  streamFrom,
  toFetch,
  toRouteHandlers,
} from '../../src/fetch.js';
import { createDownloadGateway } from '../../src/gateway.js';
import {
  createProxy,
  type Handler,
  mount,
  type ProxyOptions,
  type ReverseProxy,
  SluicewayError,
  stripPrefix,
  type TransferRecord,
} from '../../src/index.js';
import { standstill } from '../support/backpressure.js';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RequestHead } from '../support/message-head.js';
import { problemsOf } from '../support/problems.js';
import { type OriginScript, type RawOrigin, respondWith } from '../support/raw-origin.js';
import { chunked, sized, toChunk } from '../support/through.js';
import { until } from '../support/until.js';
import { startFetchHost } from './fetch-host.js';

interface Line {
  origin: RawOrigin;
  handler: FetchHandler;
  records: TransferRecord[];
  proxy: ReverseProxy<FetchContext>;
}

type Options = Omit<ProxyOptions<FetchContext>, 'upstream'> & { adapter?: FetchOptions };

async function toOrigin(net: Network, script: OriginScript, options: Options = {}): Promise<Line> {
  const { adapter, ...others } = options;
  const origin = await net.origin(script);
  const records: TransferRecord[] = [];
  const proxy = createProxy<FetchContext>({
    upstream: origin.url,
    ...others,
    observers: [{ onTransferEnd: (record) => void records.push(record) }],
  });
  net.cleanup(() => proxy.destroy());
  return { origin, handler: toFetch(proxy, adapter), records, proxy };
}

const request = (path = '/', init: RequestInit = {}): Request => new Request(`http://test${path}`, init);
const upload = (
  body: ReadableStream | string,
  headers: Record<string, string> = {},
  method = 'POST',
): Request => request('/', { method, headers, body, duplex: 'half' });
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());

const readerOf = ({ body }: Response): ReadableStreamDefaultReader<Uint8Array> =>
  (body as ReadableStream<Uint8Array>).getReader();

const ended = async (records: readonly TransferRecord[]): Promise<TransferRecord> => {
  await until(() => records.length > 0, 'the transfer had ended');
  return records[0] as TransferRecord;
};

/** A response of a known length of which only the beginning comes. */
const breaksOff =
  (length: number, sent: number, go?: Gate): OriginScript =>
  async (connection) => {
    await connection.readHead();
    await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
    await connection.write(seededBytes('broken', 0, sent));
    await go?.opened;
    connection.end();
  };

describe('a Request that becomes a Response', () => {
  test('brings the file byte for byte with its fields, coded content as it is [RFC 9110 8.4; WHATWG Fetch 2.2.4]', async ({
    net,
  }) => {
    const content = gzipSync(seededBytes('fetch', 0, 700_000));
    const lines = ['Content-Encoding: gzip', 'ETag: "v1"', 'Set-Cookie: a=1', 'Set-Cookie: b=2'];
    const { handler, records } = await toOrigin(net, respondWith(sized(content, lines)));
    const response = await handler(request('/a%2Fb?c=%20#fragment'));
    const received = await bytesOf(response);
    expect(received.equals(content)).toBe(true);
    expect(response.headers.get('content-length')).toBe(String(content.length));
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(response.headers.get('etag')).toBe('"v1"');
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(await ended(records)).toMatchObject({ outcome: 'completed', bytesDown: content.length });
  });

  test('asks for the path and query byte for byte, under the Host of its fields or of its URL [RFC 9110 7.2]', async ({
    net,
  }) => {
    const heads: RequestHead[] = [];
    const script = respondWith((head) => {
      heads.push(head);
      return sized('x');
    });
    const { handler } = await toOrigin(net, script, { headers: { host: 'client' } });
    await bytesOf(await handler(request('/a%2Fb/?c=%20&c')));
    await bytesOf(await handler(request('', { headers: { host: 'named.test' } })));
    expect(heads.map(({ target, get }) => [target, get.call(heads[0], 'host')])[0]).toEqual([
      '/a%2Fb/?c=%20&c',
      'test',
    ]);
    expect([heads[1]?.target, heads[1]?.get('host')]).toEqual(['/', 'named.test']);
  });

  test('passes a range on [RFC 9110 14.2]', async ({ net }) => {
    const script = respondWith((head) =>
      sized(head.get('range') ?? '', ['Content-Range: bytes 0-8/99'], 'HTTP/1.1 206 Partial Content'),
    );
    const { handler } = await toOrigin(net, script);
    const response = await handler(request('/', { headers: { range: 'bytes=0-8' } }));
    expect([response.status, response.headers.get('content-range')]).toEqual([206, 'bytes 0-8/99']);
    expect(await response.text()).toBe('bytes=0-8');
  });

  const contentless: [status: string, method: string, length: string | null][] = [
    ['200 OK', 'HEAD', '1234'],
    ['204 No Content', 'GET', null],
    ['205 Reset Content', 'GET', '0'],
    ['304 Not Modified', 'GET', '1234'],
  ];
  test.for(contentless)(
    'has no content where %s answers %s, and its length is told [RFC 9110 6.4.1; WHATWG Fetch 2.2.6]',
    async ([status, method, length], { net }) => {
      const told = length === null ? '' : `Content-Length: ${length}\r\n`;
      const { handler, records } = await toOrigin(net, respondWith(`HTTP/1.1 ${status}\r\n${told}\r\n`));
      const response = await handler(request('/', { method }));
      expect([response.body, response.headers.get('content-length')]).toEqual([null, length]);
      expect((await ended(records)).outcome).toBe('completed');
    },
  );

  test('leaves out what a Response has no words for: interim responses and trailers [WHATWG Fetch]', async ({
    net,
  }) => {
    const early = Buffer.from('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n');
    const answer = Buffer.concat([early, chunked(['ab', 'c'], ['Trailer: X-T'], ['X-T: 1'])]);
    const { handler } = await toOrigin(net, respondWith(answer), {
      adapter: { allowUndetectableTruncation: true },
    });
    const response = await handler(request());
    expect(response.headers.get('trailer')).toBe(null);
    expect(await response.text()).toBe('abc');
  });

  test('that asks for another protocol is an ordinary one [RFC 9110 7.8]', async ({ net }) => {
    const { handler } = await toOrigin(
      net,
      respondWith((head) => sized(String(head.get('upgrade')))),
    );
    const headers = { connection: 'Upgrade', upgrade: 'websocket' };
    expect(await (await handler(request('/', { headers }))).text()).toBe('undefined');
  });

  test('is answered with 502 where the status is none that a Response can have [WHATWG Fetch 5.5]', async ({
    net,
  }) => {
    const { handler } = await toOrigin(net, respondWith(sized('x', [], 'HTTP/1.1 799 Odd')));
    expect((await handler(request())).status).toBe(502);
  });

  test('whose fields could not be sent on is refused with 400 [RFC 9110 5.5]', async ({ net }) => {
    const { handler, origin } = await toOrigin(net, () => {});
    expect((await handler(request('/', { headers: { 'x-odd': 'a\u0001b' } }))).status).toBe(400);
    expect(origin.total).toBe(0);
  });
});

describe('content whose length is not known', () => {
  const script: OriginScript = async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    await connection.write(toChunk('data: 1\n\n'));
    await connection.readAll();
  };

  test('is refused with 502, since a host may end it as if it were whole [Sluiceway]', async ({ net }) => {
    const { handler, origin, records } = await toOrigin(net, script);
    const response = await handler(request());
    expect(response.status).toBe(502);
    expect(await response.json()).toMatchObject({ detail: 'The length of the file is unknown.' });
    await until(() => origin.open === 0, 'the origin server was left');
    expect((await ended(records)).error).toBe('response_denied');
  });

  test('passes as it comes where that is allowed [WHATWG HTML 9.2]', async ({ net }) => {
    const { handler, records } = await toOrigin(net, script, {
      adapter: { allowUndetectableTruncation: true },
    });
    const reader = readerOf(await handler(request()));
    const { value } = await reader.read();
    expect(Buffer.from(value ?? []).toString()).toBe('data: 1\n\n');
    await reader.cancel();
    expect((await ended(records)).outcome).toBe('client_aborted');
  });
});

describe('a response that breaks off', () => {
  test('fails the stream, whose error tells nothing of the origin server [Go ReverseProxy]', async ({
    net,
  }) => {
    const { handler, records } = await toOrigin(net, breaksOff(500_000, 300_000));
    const response = await handler(request());
    await expect(response.arrayBuffer()).rejects.toThrow(/was aborted/);
    expect((await ended(records)).outcome).toBe('upstream_truncated');
  });

  test('is seen by the client of a host that destroys the connection then [RFC 9112 8]', async ({ net }) => {
    const { handler } = await toOrigin(net, breaksOff(500_000, 300_000));
    const host = await startFetchHost(handler);
    net.cleanup(() => host.close());
    const client = await net.client(host);
    await client.get('/');
    const { head, complete } = await client.readResponse();
    expect([head.status, head.contentLength, complete]).toEqual([200, 500_000, false]);
  });

  test.for([1, 10, 21, 500, 1023])(
    'is never filled up by a host that appends the text of an error, where %i bytes are missing [Astro; Hono]',
    async (missing, { net }) => {
      const { handler } = await toOrigin(net, breaksOff(200_000, 200_000 - missing));
      const host = await startFetchHost(handler, 'appends text');
      net.cleanup(() => host.close());
      const client = await net.client(host);
      await client.get('/');
      const { head, complete, contentLength } = await client.readResponse();
      expect([head.status, head.contentLength, complete]).toEqual([200, 200_000, false]);
      expect(contentLength).toBeLessThan(200_000);
    },
  );
});

describe('a client that leaves', () => {
  const waits: OriginScript = async (connection) => {
    await connection.readHead();
    await connection.closed;
  };

  test('before the head ends the request to the origin server [Node]', async ({ net }) => {
    const { handler, origin, records } = await toOrigin(net, waits);
    const abort = new AbortController();
    const answered = handler(request('/', { signal: abort.signal }));
    await until(() => origin.total === 1, 'the origin server was asked');
    abort.abort();
    expect((await answered).status).toBe(499);
    await until(() => origin.open === 0, 'the origin server was left');
    expect((await ended(records)).outcome).toBe('client_aborted');
  });

  test('before its request was looked at is not answered for [Node]', async ({ net }) => {
    const { handler, origin, records } = await toOrigin(net, waits);
    expect((await handler(request('/', { signal: AbortSignal.abort() }))).status).toBe(499);
    expect((await ended(records)).outcome).toBe('client_aborted');
    expect(origin.total).toBe(0);
  });

  test.for(['signal', 'cancel'])(
    'while it reads is seen by its %s [WHATWG Fetch 5.6; WHATWG Streams 4.2]',
    async (how, { net }) => {
      const { handler, origin, records } = await toOrigin(net, breaksOff(500_000, 300_000, new Gate()));
      const abort = new AbortController();
      const response = await handler(request('/', { signal: abort.signal }));
      const reader = readerOf(response);
      await reader.read();
      if (how === 'signal') abort.abort();
      else await reader.cancel();
      await until(() => origin.open === 0, 'the origin server was left');
      expect((await ended(records)).outcome).toBe('client_aborted');
    },
  );

  test('after the whole content was read changes nothing [Deno]', async ({ net }) => {
    const { handler, records } = await toOrigin(net, respondWith(sized('whole')));
    const abort = new AbortController();
    const response = await handler(request('/', { signal: abort.signal }));
    expect(await response.text()).toBe('whole');
    abort.abort();
    expect((await ended(records)).outcome).toBe('completed');
  });
});

describe('backpressure', () => {
  test('holds the origin server while the host reads nothing, and loses nothing then [WHATWG Streams 4.2]', async ({
    net,
  }) => {
    const size = 24 * 1024 * 1024;
    let sent = 0;
    const hash = createHash('sha256');
    const { handler, proxy } = await toOrigin(net, async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
      for (let at = 0; at < size; at += 65_536) {
        const piece = seededBytes('held', at, 65_536);
        hash.update(piece);
        await connection.write(piece);
        sent = at + piece.length;
      }
    });
    const reader = readerOf(await handler(request()));
    const first = await reader.read();
    // What fits into the sockets between, and one buffer.
    expect(await standstill(() => sent)).toBeLessThan(size / 2);
    expect(proxy.active).toBe(1);
    const received = createHash('sha256').update(first.value ?? Buffer.alloc(0));
    for (let piece = await reader.read(); !piece.done; piece = await reader.read())
      received.update(piece.value);
    expect(received.digest('hex')).toBe(hash.digest('hex'));
  });

  test('a reader that brings its own buffer gets every byte [WHATWG Streams 4.5]', async ({ net }) => {
    const content = seededBytes('byob', 0, 300_001);
    const { handler } = await toOrigin(net, respondWith(sized(content)));
    const reader = (await handler(request())).body?.getReader({ mode: 'byob' });
    const parts: Uint8Array[] = [];
    for (;;) {
      const piece = await reader?.read(new Uint8Array(10_000));
      if (piece === undefined || piece.done) break;
      parts.push(piece.value);
    }
    expect(Buffer.concat(parts).equals(content)).toBe(true);
  });
});

describe('request content', () => {
  const echo = respondWith((head, content) =>
    sized(
      `${head.method} ${head.get('content-length')} ${head.get('transfer-encoding')} ${content.toString()}`,
    ),
  );

  test('streams while it is made, with its length or without [RFC 9112 7.1]', async ({ net }) => {
    const half = new Gate();
    const { handler } = await toOrigin(net, async (connection) => {
      const head = await connection.readHead();
      expect((await connection.readExactly(5)).toString()).toBe('first');
      half.open();
      const rest = await connection.readExactly(6);
      await connection.write(sized(`${head.get('content-length')} ${rest.toString()}`));
    });
    const body = new ReadableStream({
      async start(controller) {
        controller.enqueue(Buffer.from('first'));
        await half.opened;
        controller.enqueue(Buffer.from('second'));
        controller.close();
      },
    });
    expect(await (await handler(upload(body, { 'content-length': '11' }))).text()).toBe('11 second');
    const unknown = await toOrigin(net, echo);
    expect(await (await unknown.handler(upload(new Response('abc').body as ReadableStream))).text()).toBe(
      'POST undefined chunked abc',
    );
  });

  test('that a host gives as an empty stream is none [RFC 9112 6.3]', async ({ net }) => {
    const { handler } = await toOrigin(net, echo);
    const empty = new ReadableStream({ start: (controller) => controller.close() });
    const response = await handler(upload(empty, {}, 'DELETE'));
    expect(await response.text()).toBe('DELETE undefined undefined ');
  });

  test.for([
    ['shorter', '9'],
    ['longer', '3'],
  ])('%s than announced never looks whole to the origin server [RFC 9112 8]', async ([, length], { net }) => {
    const script: OriginScript = async (connection) => {
      await connection.readRequest();
      throw new Error('The request seemed whole');
    };
    const { handler, records } = await toOrigin(net, length === '3' ? () => {} : script);
    const response = await handler(upload('12345', { 'content-length': length as string }));
    expect([400, 499]).toContain(response.status);
    await response.text();
    expect(['client_aborted', 'http_request_error']).toContain((await ended(records)).error);
  });

  test('that breaks off is broken off towards the origin server [RFC 9112 8]', async ({ net }) => {
    const { handler, origin, records } = await toOrigin(net, async (connection) => {
      await connection.readRequest();
      throw new Error('The request seemed whole');
    });
    const body = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from('abc')),
      pull: (controller) => controller.error(new Error('gone')),
    });
    await handler(upload(body, { 'transfer-encoding': 'chunked' }));
    expect((await ended(records)).outcome).toBe('client_aborted');
    await until(() => origin.open === 0, 'the origin server was left');
  });

  test('that was refused is taken nevertheless, so that its client gets to its response [RFC 9112 9.6]', async ({
    net,
  }) => {
    const { handler } = await toOrigin(net, () => {}, { limits: { requestContent: '1KiB' } });
    const host = await startFetchHost(handler);
    net.cleanup(() => host.close());
    const client = await net.client(host);
    const size = 16 * 1024 * 1024;
    for (let i = 0; i < 2; i += 1) {
      await client.send(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${size}\r\n\r\n`);
      await client.send(Buffer.alloc(size));
      expect((await client.readResponse()).head.status).toBe(413);
    }
  });

  test('that breaks off before it tells whether there is any costs no answer [Node]', async ({ net }) => {
    const { handler, records } = await toOrigin(net, () => {});
    const body = new ReadableStream({ start: (controller) => controller.error(new Error('gone')) });
    expect((await handler(upload(body))).status).toBe(499);
    expect((await ended(records)).outcome).toBe('client_aborted');
  });

  test('that somebody has read is refused with 500, and one that is being read [WHATWG Fetch 5.4]', async ({
    net,
  }) => {
    const { handler, origin } = await toOrigin(net, () => {});
    const read = upload('abc', { 'content-length': '3' });
    await read.text();
    expect((await handler(read)).status).toBe(500);
    const locked = upload('abc', { 'content-length': '3' });
    locked.body?.getReader();
    expect((await handler(locked)).status).toBe(500);
    expect(origin.total).toBe(0);
  });

  test('that the host has kept back is refused with 400, as of a GET [WHATWG Fetch 5.4; SvelteKit]', async ({
    net,
  }) => {
    const { handler, origin } = await toOrigin(net, () => {});
    expect((await handler(request('/', { headers: { 'content-length': '3' } }))).status).toBe(400);
    expect(origin.total).toBe(0);
  });

  test('waits for an origin server that reads nothing [WHATWG Streams 4.2]', async ({ net }) => {
    const go = new Gate();
    const size = 16 * 1024 * 1024;
    const { handler } = await toOrigin(net, async (connection) => {
      await connection.readHead();
      connection.pause();
      await go.opened;
      connection.resume();
      let taken = 0;
      await connection.take(size, (bytes) => (taken += bytes.length));
      await connection.write(sized(String(taken)));
    });
    let made = 0;
    const body = new ReadableStream(
      {
        pull(controller) {
          controller.enqueue(new Uint8Array(65_536));
          made += 65_536;
          if (made === size) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const answered = handler(upload(body, { 'content-length': String(size) }));
    expect(await standstill(() => made)).toBeLessThan(size);
    go.open();
    expect(await (await answered).text()).toBe(String(size));
  });
});

describe('an adapter for fetch', () => {
  test('answers failures with their status, or rejects with them where that is wanted [RFC 9457; Sluiceway]', async ({
    net,
  }) => {
    const hangsUp: OriginScript = async (connection) => {
      await connection.readHead();
      connection.destroy();
    };
    const answering = await toOrigin(net, hangsUp);
    const response = await answering.handler(request('/', { method: 'POST' }));
    expect([response.status, response.headers.get('content-type')]).toEqual([
      502,
      'application/problem+json',
    ]);
    const throwing = await toOrigin(net, hangsUp, { adapter: { errors: 'throw' } });
    const thrown = await throwing.handler(request('/', { method: 'POST' })).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(SluicewayError);
  });

  test('gives hooks the Request and what the host knows, and no request of Node’s [Next.js; React Router]', async ({
    net,
  }) => {
    const seen: unknown[] = [];
    const { handler } = await toOrigin(net, respondWith(sized('x')), {
      onRequest(messages) {
        seen.push(messages.request.context.request.url, messages.request.context.host);
        expect(() => messages.request.raw).toThrow(TypeError);
      },
    });
    await bytesOf(await handler(request('/a'), { params: 1 }));
    expect(seen).toEqual(['http://test/a', { params: 1 }]);
  });

  test('tells the origin server of the client what the application knows, and believes no field [RFC 7239 8.1]', async ({
    net,
  }) => {
    const forwarded = respondWith((head) => sized(String(head.get('x-forwarded-for'))));
    const headers = { 'x-forwarded-for': '192.0.2.66', 'x-real': '198.51.100.7' };
    const unknown = await toOrigin(net, forwarded);
    expect(await (await unknown.handler(request('/', { headers }))).text()).not.toContain('192.0.2.66');
    const known = await toOrigin(net, forwarded, {
      adapter: { client: (each) => ({ address: each.headers.get('x-real') ?? '' }) },
    });
    expect(await (await known.handler(request('/', { headers }))).text()).toBe('198.51.100.7');
  });

  test('serves what stripPrefix and mount make, and 404 beside it [Caddy]', async ({ net }) => {
    const { proxy } = await toOrigin(
      net,
      respondWith((head) => sized(head.target)),
    );
    const handler = toFetch(mount({ '/files': stripPrefix('/files', proxy as Handler) }));
    expect(await (await handler(request('/files/a?b'))).text()).toBe('/a?b');
    for (const path of ['/filesystem', '/']) expect((await handler(request(path))).status).toBe(404);
  });

  test('serves a gateway [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('the file')));
    const gateway = createDownloadGateway({
      keys: [{ id: 'k', secret: Buffer.alloc(32).toString('base64url') }],
      guard: { allowAddresses: ['127.0.0.0/8'], allowPorts: 'any' },
    });
    net.cleanup(() => gateway.destroy());
    const handler = toFetch(gateway);
    const link = gateway.sign({ url: `${origin.url}/f.bin`, expires: '1h' });
    expect(await (await handler(request(link))).text()).toBe('the file');
    expect((await handler(request('/download?url=x'))).status).toBe(403);
  });

  test('names its handlers by method for route files [Next.js]', async ({ net }) => {
    const { proxy } = await toOrigin(
      net,
      respondWith((head) => sized(head.method)),
    );
    const handlers = toRouteHandlers(proxy);
    expect(Object.keys(handlers)).toEqual(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
    expect(await (await handlers.PATCH(request('/', { method: 'PATCH' }), {})).text()).toBe('PATCH');
  });

  test('asks for uncoded content where the host takes Content-Encoding off, and refuses coded content [RFC 9110 8.4; Next.js]', async ({
    net,
  }) => {
    const asked: unknown[] = [];
    let coding = 'identity';
    const { handler } = await toOrigin(
      net,
      respondWith((head) => {
        asked.push(head.get('accept-encoding'));
        return sized('x', [`Content-Encoding: ${coding}`]);
      }),
    );
    const ofNext = (): Request =>
      Object.assign(request('/', { headers: { 'accept-encoding': 'gzip' } }), { nextUrl: {} });
    expect((await handler(ofNext())).status).toBe(200);
    coding = 'gzip';
    const refused = await handler(ofNext());
    expect([refused.status, refused.headers.get('content-encoding')]).toEqual([502, null]);
    expect(asked).toEqual(['identity', 'identity']);
  });

  test('refuses what is no handler for it, and options that it has not [Sluiceway]', () => {
    const nodeOnly = { handle: () => Promise.resolve('completed'), upgrade: () => {} } as unknown as Handler;
    expect(problemsOf(() => toFetch(nodeOnly))).toEqual([expect.stringMatching(/^handler .*serve/)]);
    expect(problemsOf(() => toFetch(stripPrefix('/a', nodeOnly)))).toHaveLength(1);
    expect(problemsOf(() => toFetch(mount({ '/': nodeOnly })))).toHaveLength(1);
    const options = {
      allowUndetectableTruncation: 1,
      client: 1,
      errors: 'log',
      other: 1,
    } as unknown as FetchOptions;
    const proxy = createProxy<FetchContext>({ upstream: 'http://127.0.0.1:9' });
    expect(problemsOf(() => toFetch(proxy, options)).map((problem) => problem.split(' ')[0])).toEqual([
      'other',
      'allowUndetectableTruncation',
      'client',
      'errors',
    ]);
    proxy.destroy();
  });
});

describe('streamFrom of fetch', () => {
  test('answers with the file at a URL, and makes one proxy for one object of options [Sluiceway]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith((head) => sized(head.target)));
    const options: FetchStreamFromOptions = { addresses: 'any' };
    for (let i = 0; i < 2; i += 1) {
      const response = await streamFrom(request('/x'), `${origin.url}/f.bin?t=1`, options);
      expect(await response.text()).toBe('/f.bin?t=1');
    }
    expect(origin.total).toBe(1);
  });

  test('refuses addresses that are not public, and throws where that is wanted [smokescreen]', async () => {
    expect((await streamFrom(request(), 'http://127.0.0.1:9/')).status).toBe(403);
    await expect(streamFrom(request(), 'http://127.0.0.1:9/', { errors: 'throw' })).rejects.toMatchObject({
      code: 'destination_ip_prohibited',
    });
  });
});
