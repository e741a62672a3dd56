import { PassThrough, type Readable, Transform } from 'node:stream';
import { constants, createGzip, gunzipSync } from 'node:zlib';
import { Agent } from 'undici';
import { describe, expect } from 'vitest';
import { toFetch } from '../../src/fetch.js';
import { createProxy, type RequestTransform, SluicewayError } from '../../src/index.js';
import { undiciTransport } from '../../src/undici.js';
import { standstill, takesSeededLater, uploadSeeded } from '../support/backpressure.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { RequestHead } from '../support/message-head.js';
import { type OriginConnection, type OriginScript, respondWith } from '../support/raw-origin.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { sized, through, toChunk } from '../support/through.js';
import { throughHttp2 } from '../support/through-http2.js';
import { MadeStreams, upperCase } from '../support/transforms.js';
import { until } from '../support/until.js';

const KiB = 1024;

/** Answers each upload with its framing and content. */
const echo = respondWith((head, content) => sized(content, [`X-Framing: ${framingOf(head)}`]));

async function readChunks(connection: OriginConnection): Promise<{ content: Buffer; trailers: string[] }> {
  const parts: Buffer[] = [];
  const { trailers } = await connection.readChunkedContent((bytes) => void parts.push(Buffer.from(bytes)));
  return { content: Buffer.concat(parts), trailers };
}

const framingOf = (head: RequestHead): string =>
  head.isChunked ? 'chunked' : String(head.contentLength ?? 'none');

type Options = Omit<ProxyOptions, 'upstream' | 'transform'>;

/** A client, a proxy with streams for the content of requests, and an origin server in line. */
const uploading = (
  net: Network,
  request: Partial<RequestTransform>,
  script: OriginScript = echo,
  options: Options = {},
) =>
  through(net, script, {
    ...options,
    transform: { request: { changesContent: true, create: () => upperCase(), ...request } },
  });

const put = (length: number, lines: readonly string[] = []): string =>
  ['PUT /file HTTP/1.1', 'Host: test', `Content-Length: ${length}`, ...lines, '', ''].join('\r\n');

const refusal = (status?: number): SluicewayError =>
  new SluicewayError('http_request_denied', 'the file holds what it must not', {
    ...(status !== undefined && { status }),
  });

/** Passes everything, and refuses it at its end. */
const refusingAtTheEnd = (error: Error = refusal(422)): Transform =>
  new Transform({
    transform: (chunk, _, callback) => callback(null, chunk),
    flush: (callback) => callback(error),
  });

describe('request content that streams change', () => {
  test('reaches the origin server in chunks, as it comes out of them [RFC 9112 7.1]', async ({ net }) => {
    const { client, running } = await uploading(net, {
      create: () => [new PassThrough(), upperCase(), new PassThrough()],
    });
    await client.send(`${put(5)}hello`);
    const { head, content } = await client.readResponse();
    expect(content.toString()).toBe('HELLO');
    expect(head.get('x-framing')).toBe('chunked');
    expect(await running.record()).toMatchObject({ outcome: 'completed', bytesUp: 5, bytesDown: 5 });
  });

  test('is counted as the origin server gets it [Envoy]', async ({ net }) => {
    const { client, running } = await uploading(net, {
      create: () => new Transform({ transform: (chunk, _, done) => done(null, `${chunk}${chunk}`) }),
    });
    await client.send(`${put(3)}abc`);
    expect((await client.readResponse()).content.toString()).toBe('abcabc');
    expect(await running.record()).toMatchObject({ bytesUp: 6 });
  });

  test('that came in chunks or in one length is the same at every size [RFC 9112 6]', async ({ net }) => {
    const { client } = await uploading(net, { create: () => new PassThrough() });
    for (const size of [1, 64 * KiB, 64 * KiB + 1, 1024 * KiB + 1]) {
      void client.send(put(size));
      void client.send(seededBytes('up', 0, size));
      const inLength = await client.readResponse();
      expect(isSeeded('up', 0, inLength.content)).toBe(true);
      expect(inLength.content).toHaveLength(size);
      void client.send('PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n');
      void client.send(Buffer.concat([toChunk(seededBytes('up', 0, size)), Buffer.from('0\r\n\r\n')]));
      expect((await client.readResponse()).content).toHaveLength(size);
    }
  });

  test('loses the digests of the client in the head and in trailers, and keeps what create sets [RFC 9530 2]', async ({
    net,
  }) => {
    let asked: RequestHead | undefined;
    let trailers: string[] = [];
    const { client } = await uploading(
      net,
      {
        create: ({ upstreamRequest }) => {
          upstreamRequest.headers.set('Content-Encoding', 'gzip').set('Content-Length', '1');
          upstreamRequest.headers.set('Repr-Digest', 'sha-256=:new:');
          return createGzip();
        },
      },
      async (connection) => {
        asked = await connection.readHead();
        const { content, trailers: sent } = await readChunks(connection);
        trailers = sent;
        await connection.write(sized(gunzipSync(content)));
      },
    );
    const lines = [
      'Content-Digest: sha-256=:old:',
      'Repr-Digest: sha-256=:old:',
      'Digest: sha-256=old',
      'Content-MD5: old',
      'Trailer: Content-Digest, X-Mine',
    ];
    await client.send(
      ['PUT / HTTP/1.1', 'Host: test', 'Transfer-Encoding: chunked', ...lines, '\r\n'].join('\r\n'),
    );
    await client.send('3\r\nabc\r\n0\r\nContent-Digest: sha-256=:old:\r\nX-Mine: 1\r\n\r\n');
    expect((await client.readResponse()).content.toString()).toBe('abc');
    expect(asked?.getAll('repr-digest')).toEqual(['sha-256=:new:']);
    for (const name of ['content-digest', 'digest', 'content-md5', 'content-length'])
      expect(asked?.has(name), name).toBe(false);
    expect(asked?.get('content-encoding')).toBe('gzip');
    expect(asked?.get('trailer')).toBe('X-Mine');
    expect(trailers).toEqual(['X-Mine: 1']);
  });

  test('keeps everything if create returns no streams [Sluiceway]', async ({ net }) => {
    let asked: RequestHead | undefined;
    const { client } = await uploading(
      net,
      { create: () => null },
      respondWith((head, content) => {
        asked = head;
        return sized(content);
      }),
    );
    await client.send(`${put(5, ['Content-Digest: sha-256=:old:', 'Content-Range: bytes 0-4/9'])}hello`);
    expect((await client.readResponse()).content.toString()).toBe('hello');
    expect(asked?.get('content-digest')).toBe('sha-256=:old:');
    expect(asked?.get('content-range')).toBe('bytes 0-4/9');
    expect(asked?.contentLength).toBe(5);
  });

  test('that is a part of a file is refused before the origin server is asked [RFC 9110 14.5]', async ({
    net,
  }) => {
    const made = new MadeStreams();
    const { client, origin } = await uploading(net, { create: made.create });
    await client.send(`${put(5, ['Content-Range: bytes 0-4/9'])}hello`);
    expect((await client.readResponse()).head.status).toBe(400);
    expect(origin.total).toBe(0);
    await made.closed();
  });

  test('is decided for each request if changesContent is a function [Sluiceway]', async ({ net }) => {
    const { client } = await uploading(net, {
      changesContent: ({ request }) => request.path === '/change',
      create: () => new PassThrough(),
    });
    for (const [path, framing] of [
      ['/change', 'chunked'],
      ['/keep', '5'],
    ]) {
      await client.send(`PUT ${path} HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello`);
      expect((await client.readResponse()).head.get('x-framing')).toBe(framing);
    }
  });

  test('arrives while it comes [Sluiceway]', async ({ net }) => {
    const seen = new Gate();
    const { client } = await uploading(
      net,
      { create: () => createGzip({ flush: constants.Z_SYNC_FLUSH }) },
      async (connection) => {
        await connection.readHead();
        await connection.readSome();
        seen.open();
        await connection.readThrough('0\r\n\r\n');
        await connection.write(sized('ok'));
      },
    );
    await client.send(`${put(10)}first`);
    await seen.opened;
    await client.send('.last');
    expect((await client.readResponse()).content.toString()).toBe('ok');
  });
});

describe('request content that streams only inspect', () => {
  test('keeps its length and its digests [Sluiceway]', async ({ net }) => {
    let asked: RequestHead | undefined;
    const { client } = await uploading(
      net,
      { changesContent: false, create: () => new PassThrough() },
      respondWith((head, content) => {
        asked = head;
        return sized(content);
      }),
    );
    await client.send(`${put(5, ['Content-Digest: sha-256=:old:', 'Content-Range: bytes 0-4/9'])}hello`);
    expect((await client.readResponse()).content.toString()).toBe('hello');
    expect(asked?.contentLength).toBe(5);
    expect(asked?.get('content-digest')).toBe('sha-256=:old:');
    expect(asked?.get('content-range')).toBe('bytes 0-4/9');
  });

  test.for([
    ['in one length', `${put(5)}hello`],
    [
      'in chunks',
      'PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
    ],
  ] as const)(
    '%s is never complete for the origin server if a scanner refuses its end, and the client gets the status of that [Sluiceway]',
    async ([, upload], { net }) => {
      let got: Buffer | undefined;
      const { client, running } = await uploading(
        net,
        { changesContent: false, create: () => refusingAtTheEnd() },
        async (connection) => {
          got = (await connection.readUntilClose()).bytes;
        },
      );
      await client.send(upload);
      expect((await client.readResponse()).head.status).toBe(422);
      await until(() => got !== undefined, 'the origin server saw the end');
      expect(got?.toString()).not.toMatch(/hello$|\r\n0\r\n/);
      expect(await running.record()).toMatchObject({ status: 422, error: 'http_request_denied' });
    },
  );

  test.for([
    ['less', (chunk: Buffer) => chunk.subarray(1)],
    ['more', (chunk: Buffer) => Buffer.concat([chunk, chunk])],
  ] as const)('is broken off if %s comes out than went in [RFC 9112 6.3]', async ([, change], { net }) => {
    const { client } = await uploading(
      net,
      {
        changesContent: false,
        create: () => new Transform({ transform: (chunk: Buffer, _, done) => done(null, change(chunk)) }),
      },
      async (connection) => {
        await connection.readHead();
        expect((await connection.readUntilClose()).bytes.length).toBeLessThan(5);
      },
    );
    await client.send(`${put(5)}hello`);
    expect((await client.readResponse()).head.status).toBe(502);
  });
});

describe('a transform of request content', () => {
  test('is not asked for requests without content, and not for content of a hook [Sluiceway]', async ({
    net,
  }) => {
    const made = new MadeStreams(upperCase);
    const { client } = await uploading(net, { create: made.create }, echo, {
      onUpstreamRequest({ request, upstreamRequest }) {
        if (request.path === '/own') upstreamRequest.content = 'own';
      },
    });
    await client.get('/');
    await client.readResponse();
    await client.send('PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n');
    await client.readResponse();
    await client.send('PUT /own HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello');
    expect((await client.readResponse()).content.toString()).toBe('own');
    expect(made.all).toEqual([]);
  });

  test('sees content that a parser has read and given back [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(echo);
    const proxy = createProxy({
      upstream: origin.url,
      transform: { request: { changesContent: true, create: () => upperCase() } },
    });
    net.cleanup(() => proxy.destroy());
    const server = await startServer((request, response) => {
      request.resume().on('end', () => {
        void proxy.handle(request, response, { content: Buffer.from('given back') });
      });
    });
    net.cleanup(() => server.stop());
    const client = await net.client(server);
    await client.send(`${put(3)}abc`);
    expect((await client.readResponse()).content.toString()).toBe('GIVEN BACK');
  });

  test.for([
    ['throws an error', new Error('no'), 502],
    ['throws a SluicewayError', refusal(422), 422],
  ] as const)(
    'that %s refuses the request before the origin server is asked [Sluiceway]',
    async ([, error, status], { net }) => {
      const { client, origin } = await uploading(net, {
        create: () => {
          throw error;
        },
      });
      await client.send(`${put(5)}hello`);
      expect((await client.readResponse()).head.status).toBe(status);
      expect(origin.total).toBe(0);
    },
  );

  test.for([
    ['an error', new Error('secret detail'), 502],
    ['a SluicewayError', refusal(422), 422],
  ] as const)(
    'whose stream fails with %s in the middle breaks the upload off, and answers [Sluiceway]',
    async ([, error, status], { net }) => {
      let got: Buffer | undefined;
      const seen = new Gate();
      const made = new MadeStreams();
      const { client } = await uploading(
        net,
        {
          create: () => [
            made.create(),
            new Transform({
              transform: (chunk: Buffer, _, callback) =>
                chunk.includes('bad') ? callback(error) : callback(null, chunk),
            }),
            made.create(),
          ],
        },
        async (connection) => {
          await connection.readHead();
          await connection.readThrough('good');
          seen.open();
          got = (await connection.readUntilClose()).bytes;
        },
      );
      await client.send(`${put(100)}good`);
      await seen.opened;
      await client.send('bad');
      const { head, content } = await client.readResponse();
      expect(head.status).toBe(status);
      expect(content.toString()).not.toContain('secret');
      await until(() => got !== undefined, 'the origin server saw the end');
      expect(got?.toString()).not.toContain('0\r\n\r\n');
      await made.closed();
    },
  );

  test('whose stream fails is answered by onError [Sluiceway]', async ({ net }) => {
    const { client } = await uploading(
      net,
      { create: () => refusingAtTheEnd() },
      async (connection) => {
        await connection.readHead();
        await connection.readUntilClose();
      },
      { onError: ({ error }) => ({ status: 409, content: error.code }) },
    );
    await client.send(`${put(5)}hello`);
    const { head, content } = await client.readResponse();
    expect([head.status, content.toString()]).toEqual([409, 'http_request_denied']);
  });

  test('whose stream fails after the response has begun breaks the response off [Sluiceway]', async ({
    net,
  }) => {
    const bad = new Gate();
    const { client, running } = await uploading(
      net,
      {
        create: () =>
          new Transform({
            transform: (chunk: Buffer, _, callback) =>
              chunk.includes('bad') ? callback(refusal()) : callback(null, chunk),
          }),
      },
      async (connection) => {
        await connection.readHead();
        await connection.readSome();
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
        await bad.opened;
        await connection.readUntilClose();
      },
    );
    await client.send(`${put(100)}good`);
    const head = await client.readHead();
    expect(head.status).toBe(200);
    await client.readExactly(5);
    await client.send('bad');
    bad.open();
    expect((await client.readUntilClose()).bytes).toHaveLength(0);
    expect(await running.record()).toMatchObject({ status: 200, error: 'http_request_denied' });
  });

  test('destroys its streams when the client leaves, and the origin server sees a broken upload [Sluiceway]', async ({
    net,
  }) => {
    const made = new MadeStreams();
    let ended: string | undefined;
    const { client, running } = await uploading(net, { create: made.create }, async (connection) => {
      await connection.readHead();
      await connection.readSome();
      const { bytes } = await connection.readUntilClose();
      ended = bytes.toString();
    });
    await client.send(`${put(100)}some`);
    await until(() => made.all.length === 1 && running.proxy.active === 1, 'the upload ran');
    client.close();
    await made.closed();
    await until(() => ended !== undefined, 'the origin server saw the end');
    expect(ended).not.toContain('0\r\n\r\n');
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
  });

  test('destroys its streams when the origin server answers early and takes no more [RFC 9112 9.5]', async ({
    net,
  }) => {
    const made = new MadeStreams();
    const { client, running } = await uploading(net, { create: made.create }, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n');
    });
    await client.send(`${put(1000)}some`);
    expect((await client.readResponse()).head.status).toBe(413);
    client.close();
    await made.closed();
    expect(await running.record()).toMatchObject({ status: 413 });
  });

  test('destroys its streams if the request is refused before it is sent [Sluiceway]', async ({ net }) => {
    const made = new MadeStreams();
    const { client } = await uploading(net, { create: made.create }, echo, { addresses: 'public' });
    await client.send(`${put(5)}hello`);
    expect((await client.readResponse()).head.status).toBe(403);
    await made.closed();
  });

  test('lets a client go on that waits for 100 Continue [RFC 9110 10.1.1]', async ({ net }) => {
    const { client } = await uploading(net, {}, async (connection) => {
      const head = await connection.readHead();
      expect(head.get('expect')).toBe('100-continue');
      await connection.write('HTTP/1.1 100 Continue\r\n\r\n');
      const { content } = await readChunks(connection);
      await connection.write(sized(content));
    });
    await client.send(put(5, ['Expect: 100-continue']));
    expect((await client.readHead()).status).toBe(100);
    await client.send('hello');
    expect((await client.readResponse()).content.toString()).toBe('HELLO');
  });

  test('has the client keep its content if the origin server refuses it at once [RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const made = new MadeStreams();
    const { client } = await uploading(net, { create: made.create }, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
    });
    await client.send(put(5, ['Expect: 100-continue']));
    expect((await client.readHead()).status).toBe(401);
    await made.closed();
  });

  test('is not run again for a request whose content is used up [RFC 9110 9.2.2]', async ({ net }) => {
    const made = new MadeStreams();
    let requests = 0;
    const { client, origin } = await uploading(net, { create: made.create }, async (connection) => {
      await connection.readRequest();
      requests += 1;
      await connection.write(sized('first'));
      await connection.readHead();
      requests += 1;
      await connection.readSome();
      connection.reset();
    });
    await client.send(`${put(5)}hello`);
    await client.readResponse();
    await client.send(`${put(5)}again`);
    expect((await client.readResponse()).head.status).toBe(502);
    expect(requests).toBe(2);
    expect(made.all).toHaveLength(2);
    expect(origin.total).toBe(1);
  });

  test('counts what the client sends against its limit [RFC 9110 15.5.14]', async ({ net }) => {
    const made = new MadeStreams();
    const { client } = await uploading(
      net,
      { create: made.create },
      async (connection) => {
        await connection.readHead();
        await connection.readUntilClose();
      },
      { limits: { requestContent: 10 } },
    );
    await client.send('PUT / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.send(toChunk('more than ten bytes'));
    expect((await client.readResponse()).head.status).toBe(413);
    await made.closed();
  });

  test('takes no more from the client than its streams and the origin server do [Sluiceway]', async ({
    net,
  }) => {
    const size = 256 * 1024 * KiB;
    const goOn = new Gate();
    const { client } = await uploading(
      net,
      { changesContent: false, create: () => [new PassThrough(), new PassThrough()] },
      takesSeededLater(size, goOn),
    );
    const count = uploadSeeded(client, size);
    expect(await standstill(() => count.sent)).toBeLessThan(size / 2);
    goOn.open();
    expect((await client.readResponse()).content.toString()).toBe(String(size));
  });

  test('works beside a transform of the response [Sluiceway]', async ({ net }) => {
    const { client } = await through(net, echo, {
      transform: {
        request: { changesContent: true, create: () => upperCase() },
        response: { changesContent: true, create: () => createGzip() },
      },
    });
    await client.send(`${put(5)}hello`);
    expect(gunzipSync((await client.readResponse()).content).toString()).toBe('HELLO');
  });
});

describe('a transform of request content over other protocols', () => {
  test('takes an upload of a client of HTTP/2 [RFC 9113 8.1]', async ({ net }) => {
    const origin = await net.origin(echo);
    const running = await net.proxy(
      { upstream: origin.url, transform: { request: { changesContent: true, create: () => upperCase() } } },
      { http2: 'h2c' },
    );
    const client = await net.http2(running);
    const response = await client.request('/', {
      headers: { ':method': 'PUT', 'content-length': '5' },
      content: Buffer.from('hello'),
    });
    expect(response.content.toString()).toBe('HELLO');
  });

  test('answers a client of HTTP/2 whose upload is refused [RFC 9113 8.1]', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.readUntilClose();
    });
    const running = await net.proxy(
      {
        upstream: origin.url,
        transform: { request: { changesContent: false, create: () => refusingAtTheEnd() } },
      },
      { http2: 'h2c' },
    );
    const client = await net.http2(running);
    const response = await client.request('/', {
      headers: { ':method': 'PUT', 'content-length': '5' },
      content: Buffer.from('hello'),
    });
    expect(response.status).toBe(422);
  });

  test('sends to an origin server of HTTP/2 without a length, and resets the stream if it is refused [RFC 9113 8.1]', async ({
    net,
  }) => {
    const lengths: unknown[] = [];
    const resets: number[] = [];
    const { client } = await throughHttp2(
      net,
      async (stream, headers) => {
        lengths.push(headers['content-length']);
        stream.on('close', () => resets.push(stream.rstCode));
        let content = '';
        try {
          for await (const chunk of stream as Readable) content += String(chunk);
        } catch {
          return;
        }
        if (stream.aborted) return;
        stream.respond({ ':status': 200 });
        stream.end(content);
      },
      {
        transform: {
          request: {
            changesContent: true,
            create: ({ request }) => (request.path === '/bad' ? refusingAtTheEnd() : upperCase()),
          },
        },
      },
    );
    await client.send(`${put(5)}hello`);
    expect((await client.readResponse()).content.toString()).toBe('HELLO');
    await client.send('PUT /bad HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello');
    expect((await client.readResponse()).head.status).toBe(422);
    await until(() => resets.length === 2, 'both streams were closed');
    expect(lengths).toEqual([undefined, undefined]);
    expect(resets).toEqual([0, 8]);
  });

  test('works with undici, and answers what is refused [undici]', async ({ net }) => {
    const { client } = await uploading(
      net,
      {
        create: ({ request }) => (request.path === '/bad' ? refusingAtTheEnd() : upperCase()),
      },
      async (connection) => {
        const { content } = await connection.readRequest();
        await connection.write(sized(content));
      },
      { transport: undiciTransport(new Agent(), { closesDispatcher: true }) },
    );
    await client.send(`${put(5)}hello`);
    expect((await client.readResponse()).content.toString()).toBe('HELLO');
    await client.send('PUT /bad HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello');
    expect((await client.readResponse()).head.status).toBe(422);
  });

  test('takes an upload of the fetch adapter, and answers what is refused [WHATWG Fetch]', async ({
    net,
  }) => {
    const origin = await net.origin(async (connection) => {
      const { content } = await connection.readRequest();
      await connection.write(sized(content));
    });
    const proxy = createProxy<{ request: Request; host: unknown }>({
      upstream: origin.url,
      transform: {
        request: {
          changesContent: true,
          create: ({ request }) => (request.path === '/bad' ? refusingAtTheEnd() : upperCase()),
        },
      },
    });
    net.cleanup(() => proxy.destroy());
    const handler = toFetch(proxy);
    const upload = (path: string) =>
      handler(new Request(`http://test${path}`, { method: 'PUT', body: 'hello' }));
    expect(await (await upload('/good')).text()).toBe('HELLO');
    expect((await upload('/bad')).status).toBe(422);
  });
});

test('fields of exact bytes that are no digests stay in a request [RFC 9110 8.8]', async ({ net }) => {
  let asked: RequestHead | undefined;
  const { client } = await uploading(
    net,
    {},
    respondWith((head, content) => {
      asked = head;
      return sized(content);
    }),
  );
  await client.send(`${put(5, ['If-Match: "a"', 'Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT'])}hello`);
  await client.readResponse();
  expect(asked?.get('if-match')).toBe('"a"');
  expect(asked?.has('last-modified')).toBe(true);
});
