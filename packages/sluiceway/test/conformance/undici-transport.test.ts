import { createHash } from 'node:crypto';
import { Agent, Client, MockAgent, Pool, ProxyAgent, RetryAgent } from 'undici';
import { describe, expect } from 'vitest';
import { type UndiciDispatcher, undiciTransport } from '../../src/undici.js';
import { loopbackCertificate } from '../support/certificates.js';
import { startConnectProxy } from '../support/connect-proxy.js';
import { isSeeded, seededBytes, seededDigest, seededViews } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { chunked, type Line, sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const KiB = 1024;
const MiB = 1024 * KiB;

/** A client, a proxy whose transport is undici's, and an origin server in line. */
const throughUndici = (
  net: Network,
  script: OriginScript,
  options: Omit<ProxyOptions, 'upstream'> = {},
): Promise<Line> =>
  through(net, script, { transport: undiciTransport(new Agent(), { closesDispatcher: true }), ...options });

describe('a response through undici', () => {
  const pieces = (size: number, piece: number): Buffer[] => {
    const chunks: Buffer[] = [];
    for (let at = 0; at < size; at += piece)
      chunks.push(seededBytes('sizes', at, Math.min(piece, size - at)));
    return chunks;
  };
  const untilClose = (version: string, size: number): Buffer =>
    Buffer.concat([Buffer.from(`HTTP/${version} 200 OK\r\n\r\n`), seededBytes('sizes', 0, size)]);

  test.for([
    ['a Content-Length', (size: number) => sized(seededBytes('sizes', 0, size)), false],
    ['chunks', (size: number) => chunked(pieces(size, 60_000)), false],
    ['the end of an HTTP/1.1 connection', (size: number) => untilClose('1.1', size), true],
    ['the end of an HTTP/1.0 connection', (size: number) => untilClose('1.0', size), true],
  ] as const)(
    'delimited by %s arrives whole at every size [RFC 9112 6.3]',
    async ([, respond, closes], { net }) => {
      const { client, running } = await throughUndici(net, async (connection) => {
        for (;;) {
          const { target } = await connection.readHead();
          await connection.write(respond(Number(target.slice(1))));
          if (closes) {
            connection.end();
            return;
          }
        }
      });
      const sizes = [0, 1, 64 * KiB - 1, 64 * KiB + 1, 256 * KiB, MiB + 1, 3 * MiB + 7];
      for (const [index, size] of sizes.entries()) {
        await client.get(`/${size}`);
        const response = await client.readResponse();
        expect(response, `${size} bytes`).toMatchObject({ complete: true, contentLength: size });
        expect(isSeeded('sizes', 0, response.content)).toBe(true);
        expect(await running.record(index)).toMatchObject({ outcome: 'completed', bytesDown: size });
      }
    },
  );

  test('keeps its field lines in order, repeated, spelled as they came, bytes above 0x7F unchanged [RFC 9110 5.3; RFC 9110 5.5]', async ({
    net,
  }) => {
    const lines = [
      'X-b: 2',
      'x-A: 1',
      'Set-Cookie: a=1',
      'X-B: 3',
      'Set-Cookie: b=2; HttpOnly',
      'Content-Disposition: attachment; filename="\xc3\xa9.bin"',
      'X-Latin1: \xe9',
      'X-Empty: ',
    ];
    const { client } = await throughUndici(net, respondWith(sized('x', lines)));
    await client.get('/');
    const { head } = await client.readResponse();
    expect(head.lines.filter((line) => /^(x-|set-cookie|content-disp)/i.test(line))).toEqual(lines);
  });

  test('is not decoded, whatever its coding [RFC 9110 8.4]', async ({ net }) => {
    const { client } = await throughUndici(net, respondWith(sized('no gzip', ['Content-Encoding: gzip'])));
    await client.get('/', ['Accept-Encoding: gzip']);
    const response = await client.readResponse();
    expect([response.head.get('content-encoding'), response.content.toString()]).toEqual(['gzip', 'no gzip']);
  });

  test('keeps its status and phrase, redirects and failures included [RFC 9110 15]', async ({ net }) => {
    for (const line of ['404 Nowhere To Be Found', '302 Found', '503 Busy', '299 ', '999 Odd']) {
      const { client } = await throughUndici(net, respondWith(sized('x', [], `HTTP/1.1 ${line}`)));
      await client.get('/');
      expect((await client.readHead()).startLine).toBe(`HTTP/1.1 ${line}`);
    }
  });

  test.for([
    ['HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n', '1000'],
    ['HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', undefined],
    ['GET', 'HTTP/1.1 204 No Content\r\n\r\n', undefined],
    ['GET', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 1000\r\n\r\n', '1000'],
  ] as const)('to %s with %j has no content [RFC 9110 6.4.1]', async ([method, answer, length], { net }) => {
    const { client, running } = await throughUndici(net, respondWith(answer));
    for (let i = 0; i < 2; i += 1) {
      await client.send(`${method} / HTTP/1.1\r\nHost: test\r\n\r\n`);
      const response = await client.readResponse({ method });
      expect(response).toMatchObject({ complete: true, contentLength: 0 });
      expect(response.head.get('content-length')).toBe(length);
      expect(await running.record(i)).toMatchObject({ outcome: 'completed' });
    }
  });

  test('keeps its trailers, but for those that a trailer cannot be [RFC 9110 6.5.1]', async ({ net }) => {
    const trailers = ['X-Digest: \xe9', 'x-digest: again', 'Host: elsewhere.test'];
    const { client } = await throughUndici(net, respondWith(chunked(['content'], [], trailers)));
    await client.get('/', ['TE: trailers', 'Connection: TE']);
    const response = await client.readResponse();
    expect(response).toMatchObject({ complete: true, trailers: ['X-Digest: \xe9', 'x-digest: again'] });
  });

  test('comes after its interim ones, with their fields [RFC 9110 15.2; RFC 8297]', async ({ net }) => {
    const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nlink: </b>\r\n\r\n';
    const { client } = await throughUndici(net, async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 102 Processing\r\n\r\n${early}`);
      await connection.write(sized('final'));
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.interim.map(({ startLine, lines }) => [startLine, ...lines])).toEqual([
      ['HTTP/1.1 102 Processing'],
      ['HTTP/1.1 103 Early Hints', 'Link: </a>; rel=preload', 'link: </b>'],
    ]);
    expect(response.content.toString()).toBe('final');
  });

  test('arrives event by event, the head before any of its content [WHATWG HTML 9.2]', async ({ net }) => {
    const steps = Array.from({ length: 5 }, () => new Gate());
    const { client } = await throughUndici(net, async (connection) => {
      await connection.readHead();
      await connection.write(
        'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
      for (const [i, step] of steps.entries()) {
        await step.opened;
        await connection.write(`9\r\ndata: ${i}\n\n\r\n`);
      }
      await connection.write('0\r\n\r\n');
    });
    await client.get('/');
    await client.readHead();
    for (const [i, step] of steps.entries()) {
      step.open();
      await client.readThrough(`data: ${i}\n\n`);
    }
    await client.readThrough('0\r\n\r\n');
  });

  test('leaves its connection for the next request [RFC 9112 9.3]', async ({ net }) => {
    const { client, origin } = await throughUndici(net, respondWith(sized('again')));
    for (let i = 0; i < 5; i += 1) {
      await client.get('/');
      expect((await client.readResponse()).content.toString()).toBe('again');
    }
    expect(origin.total).toBe(1);
  });
});

describe('a request through undici', () => {
  test('has the target and the field lines of the draft, byte for byte [RFC 9112 3.2.1; RFC 9110 5.3]', async ({
    net,
  }) => {
    const seen: string[][] = [];
    const { client } = await throughUndici(
      net,
      respondWith((head) => {
        seen.push([head.startLine, ...head.lines]);
        return sized('ok');
      }),
    );
    const lines = ['X-b: 2', 'Cookie: a=1', 'x-A: 1', 'X-B: \xe9', 'Accept: */*'];
    await client.get('/a%2Fb/../c?d=[e]&&f', lines);
    await client.readResponse();
    const [startLine, ...found] = seen[0] ?? [];
    expect(startLine).toBe('GET /a%2Fb/../c?d=[e]&&f HTTP/1.1');
    expect(found.filter((line) => lines.includes(line))).toEqual(lines);
    expect(found.filter((line) => /^host:/i.test(line))).toHaveLength(1);
  });

  test.for([
    [0, 'sized'],
    [1, 'sized'],
    [70_000, 'sized'],
    [5 * MiB + 3, 'sized'],
    [1, 'chunked'],
    [70_000, 'chunked'],
    [5 * MiB + 3, 'chunked'],
  ] as const)(
    'of %i bytes, %s, arrives whole and framed alike [RFC 9112 6.3]',
    async ([size, framing], { net }) => {
      const digest = createHash('sha256');
      let framed: (string | undefined)[] = [];
      const { client, running } = await throughUndici(net, async (connection) => {
        const head = await connection.readHead();
        framed = [head.get('content-length'), head.get('transfer-encoding')];
        const update = (bytes: Buffer) => void digest.update(bytes);
        if (head.isChunked) await connection.readChunkedContent(update);
        else await connection.take(head.contentLength ?? 0, update);
        await connection.write(sized('stored'));
      });
      const field = framing === 'sized' ? `Content-Length: ${size}` : 'Transfer-Encoding: chunked';
      await client.send(`PUT / HTTP/1.1\r\nHost: test\r\n${field}\r\n\r\n`);
      for (const view of seededViews('up', 0, size)) {
        if (framing === 'chunked') await client.send(`${view.length.toString(16)}\r\n`);
        await client.send(view);
        if (framing === 'chunked') await client.send('\r\n');
      }
      if (framing === 'chunked') await client.send('0\r\n\r\n');
      expect((await client.readResponse()).content.toString()).toBe('stored');
      expect(framed).toEqual(framing === 'sized' ? [String(size), undefined] : [undefined, 'chunked']);
      expect(digest.digest('hex')).toBe(seededDigest('up', size));
      expect(await running.record()).toMatchObject({ outcome: 'completed', bytesUp: size });
    },
  );

  test('whose client waits for 100 Continue gets it, since undici asks nobody [RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const { client, origin } = await throughUndici(
      net,
      respondWith((_, content) => sized(content)),
    );
    await client.send('PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n');
    expect((await client.readHead()).status).toBe(100);
    await client.send('hello');
    expect((await client.readResponse()).content.toString()).toBe('hello');
    expect(origin.total).toBe(1);
  });

  test('that is answered before it is whole stops, and its client gets the answer [RFC 9112 9.5]', async ({
    net,
  }) => {
    const { client, running } = await throughUndici(net, async (connection) => {
      await connection.readHead();
      await connection.readExactly(1000);
      await connection.write(sized('too large', [], 'HTTP/1.1 413 Content Too Large'));
      await connection.readAll();
    });
    await client.send('PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 100000000\r\n\r\n');
    void client.send(Buffer.alloc(10_000_000));
    const response = await client.readResponse();
    expect([response.head.status, response.content.toString()]).toEqual([413, 'too large']);
    expect((await running.record()).outcome).toBe('completed');
  });

  test('for `*` is refused: undici sends paths only [RFC 9112 3.2.4]', async ({ net }) => {
    const { client, origin } = await throughUndici(net, respondWith(sized('ok')));
    await client.send('OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n');
    expect((await client.readResponse()).head.status).toBe(501);
    expect(origin.total).toBe(0);
  });
});

describe('an upgrade through undici', () => {
  test('becomes a tunnel, with the bytes that came early [RFC 9110 7.8]', async ({ net }) => {
    const { client, running } = await throughUndici(net, async (connection) => {
      const head = await connection.readHead();
      expect([head.get('upgrade'), head.get('connection')?.toLowerCase()]).toEqual(['echo', 'upgrade']);
      const lines = ['Connection: upgrade', 'Upgrade: echo', 'X-Key: \xe9'];
      await connection.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\nearly`);
      for (let bytes = await connection.readSome(); bytes !== null; bytes = await connection.readSome())
        await connection.write(bytes);
    });
    await client.get('/', ['Connection: upgrade', 'Upgrade: echo']);
    const head = await client.readHead();
    expect([head.status, head.get('x-key')]).toEqual([101, '\xe9']);
    expect((await client.readExactly(5)).toString()).toBe('early');
    const content = seededBytes('tunnel', 0, MiB);
    void client.send(content);
    expect((await client.readExactly(MiB)).equals(content)).toBe(true);
    client.close();
    expect(await running.record()).toMatchObject({ status: 101, outcome: 'completed' });
  });

  test.for(['client', 'origin'] as const)(
    'carries the other direction on when the %s has ended its own [RFC 9110 7.8]',
    async (first, { net }) => {
      const { client, running } = await throughUndici(net, async (connection) => {
        await connection.readHead();
        await connection.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n',
        );
        if (first === 'origin') connection.end();
        const asked = await connection.readAll();
        if (first === 'origin') expect(asked.toString()).toBe('asked');
        else await connection.write(asked);
        connection.end();
      });
      await client.get('/', ['Connection: upgrade', 'Upgrade: echo']);
      expect((await client.readHead()).status).toBe(101);
      if (first === 'origin') {
        await client.closed;
        await client.send('asked');
        client.end();
      } else {
        await client.send('asked');
        client.end();
        const { bytes, ended } = await client.readUntilClose();
        expect([bytes.toString(), ended]).toEqual(['asked', 'fin']);
      }
      expect(await running.record()).toMatchObject({ status: 101, outcome: 'completed', bytesUp: 5 });
    },
  );

  test('that the origin server ignores is an ordinary response [RFC 9110 7.8]', async ({ net }) => {
    const { client } = await throughUndici(net, respondWith(sized('plain')));
    await client.get('/', ['Connection: upgrade', 'Upgrade: echo']);
    const response = await client.readResponse();
    expect([response.head.status, response.content.toString()]).toEqual([200, 'plain']);
  });
});

describe('any dispatcher serves', () => {
  const viaDispatcher = async (net: Network, url: string, dispatcher: UndiciDispatcher) => {
    const running = await net.proxy({
      upstream: url,
      transport: undiciTransport(dispatcher, { closesDispatcher: true }),
    });
    const client = await net.client(running);
    await client.get('/file');
    const response = await client.readResponse();
    return [response.head.status, response.content.toString()];
  };

  test.for([
    ['a Client', (url: string) => new Client(url)],
    ['a Pool', (url: string) => new Pool(url, { connections: 2 })],
    ['a RetryAgent', () => new RetryAgent(new Agent())],
  ] as const)('%s [undici]', async ([, make], { net }) => {
    const origin = await net.origin(respondWith(sized('through')));
    expect(await viaDispatcher(net, origin.url, make(origin.url))).toEqual([200, 'through']);
  });

  test.for(['http:', 'https:'] as const)(
    'a ProxyAgent, to %s origin servers [undici]',
    async (protocol, { net }) => {
      const certificate = await loopbackCertificate();
      const origin = await net.origin(
        respondWith(sized('through')),
        protocol === 'https:' ? { tls: certificate } : {},
      );
      const egress = await startConnectProxy(net);
      const agent = new ProxyAgent({
        uri: egress.url,
        proxyTunnel: true,
        requestTls: { ca: certificate.ca },
      });
      expect(await viaDispatcher(net, origin.url, agent)).toEqual([200, 'through']);
      expect(egress.requests).toHaveLength(1);
    },
  );

  test('a RetryAgent that continues a broken download [undici]', async ({ net }) => {
    const SIZE = 500_000;
    const origin = await net.origin(async (connection) => {
      const head = await connection.readHead();
      const [, from = '0'] = /^bytes=(\d+)-/.exec(head.get('range') ?? '') ?? [];
      const start = Number(from);
      const range = start === 0 ? '' : `Content-Range: bytes ${start}-${SIZE - 1}/${SIZE}\r\n`;
      await connection.write(
        `HTTP/1.1 ${start === 0 ? '200 OK' : '206 Partial Content'}\r\nETag: "a"\r\n${range}Content-Length: ${SIZE - start}\r\n\r\n`,
      );
      await connection.writeSeeded('retry', start, start === 0 ? 200_000 : SIZE);
      if (start === 0) connection.end();
      else await connection.readAll();
    });
    const agent = new RetryAgent(new Agent(), { minTimeout: 1 });
    const running = await net.proxy({
      upstream: origin.url,
      transport: undiciTransport(agent, { closesDispatcher: true }),
    });
    const client = await net.client(running);
    await client.get('/file');
    const response = await client.readResponse();
    expect(response).toMatchObject({ complete: true, contentLength: SIZE });
    expect(isSeeded('retry', 0, response.content)).toBe(true);
    expect(origin.total).toBe(2);
  });

  test('a MockAgent, which delivers all at once [undici]', async ({ net }) => {
    const agent = new MockAgent();
    agent.disableNetConnect();
    agent
      .get('http://files.example.com')
      .intercept({ path: '/file' })
      .reply(201, 'mocked', { headers: { 'X-Mock': 'yes' } });
    const running = await net.proxy({
      upstream: 'http://files.example.com',
      transport: undiciTransport(agent, { closesDispatcher: true }),
    });
    const client = await net.client(running);
    await client.get('/file');
    const response = await client.readResponse();
    expect([response.head.status, response.head.get('x-mock'), response.content.toString()]).toEqual([
      201,
      'yes',
      'mocked',
    ]);
    await client.get('/elsewhere');
    expect((await client.readResponse()).head.status).toBe(503);
  });

  test('one that speaks HTTP/2 to the origin server [undici; RFC 9113 8.1]', async ({ net }) => {
    const { createSecureServer } = await import('node:http2');
    const certificate = await loopbackCertificate();
    const server = createSecureServer({ cert: certificate.cert, key: certificate.key });
    const SIZE = 3 * MiB;
    server.on('stream', (stream, headers) => {
      stream.on('error', () => {});
      if (headers[':path'] === '/cut') {
        stream.respond({ ':status': 200, 'content-length': SIZE });
        stream.write('half', () => stream.close(2));
        return;
      }
      stream.respond({ ':status': 200, 'x-path': headers[':path'] as string, 'set-cookie': ['a=1', 'b=2'] });
      stream.end(seededBytes('h2', 0, SIZE));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    net.cleanup(() => void server.close());
    const { port } = server.address() as { port: number };
    const agent = new Agent({ allowH2: true, connect: { ca: certificate.ca } });
    const running = await net.proxy({
      upstream: `https://localhost:${port}`,
      transport: undiciTransport(agent, { closesDispatcher: true }),
    });
    const client = await net.client(running);
    await client.get('/file?x=1');
    const response = await client.readResponse();
    expect([response.head.get('x-path'), response.head.getAll('set-cookie')]).toEqual([
      '/file?x=1',
      ['a=1', 'b=2'],
    ]);
    expect([response.complete, response.contentLength]).toEqual([true, SIZE]);
    expect(isSeeded('h2', 0, response.content)).toBe(true);
    await client.get('/cut');
    expect((await client.readResponse()).complete).toBe(false);
  });
});

describe('the dispatcher', () => {
  test('stays open when the proxy is closed, unless the transport is to close it [undici]', async ({
    net,
  }) => {
    const origin = await net.origin(respondWith(sized('ok')));
    for (const closesDispatcher of [false, true]) {
      for (const how of ['close', 'destroy'] as const) {
        const agent = new Agent();
        net.cleanup(() => agent.destroy());
        const transport = undiciTransport(agent, { closesDispatcher });
        const running = await net.proxy({ upstream: origin.url, transport });
        const client = await net.client(running);
        await client.get('/');
        await client.readResponse();
        await running.proxy[how]();
        await until(() => (agent.closed || agent.destroyed) === closesDispatcher, 'it was left as promised');
      }
    }
  });

  test('is let finish what runs when the proxy is closed [undici]', async ({ net }) => {
    const goOn = new Gate();
    const { client, running } = await throughUndici(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
      await goOn.opened;
      await connection.write('rest');
      await connection.readAll();
    });
    await client.get('/');
    await client.readThrough('half');
    const closed = running.proxy.close();
    goOn.open();
    expect((await client.readExactly(4)).toString()).toBe('rest');
    await closed;
  });

  test('has to be one, and options have to be known [undici]', () => {
    expect(() => undiciTransport({} as UndiciDispatcher)).toThrow(/dispatcher must have the methods/);
    expect(() => undiciTransport(new Agent(), { closeDispatcher: true } as object)).toThrow(
      /options\.closeDispatcher is not an option; did you mean 'closesDispatcher'/,
    );
    expect(() => undiciTransport(new Agent(), { closesDispatcher: 1 } as never)).toThrow(
      /must be true or false/,
    );
  });
});
