import { Agent } from 'undici';
import { describe, expect } from 'vitest';
import { undiciTransport } from '../../src/undici.js';
import { type Network, test } from '../support/fixture.js';
import { startHttp2Server } from '../support/node-http2.js';
import { streaming } from '../support/stream-from.js';
import { through } from '../support/through.js';

/** Beyond what a JavaScript number can tell from its neighbours, and the largest of 63 bits. */
const LARGE = ['9007199254740993', '9223372036854775807'] as const;
const TOO_LARGE = ['9223372036854775808', '100000000000000000000'] as const;

const script = (answer: string) => async (connection: Parameters<Parameters<Network['origin']>[0]>[0]) => {
  for (;;) {
    await connection.readHead();
    await connection.write(answer);
  }
};

describe.for(['http1', 'undici', 'http2'] as const)('through %s', (protocol) => {
  /** A proxy before a server that answers with this status and length, and some content. */
  async function line(net: Network, status: number, length: string, hasHooks = false) {
    let url: string;
    if (protocol === 'http2') {
      const origin = await startHttp2Server(net, (stream, { ':method': method }) => {
        const hasContent = method !== 'HEAD' && status === 200;
        stream.respond({ ':status': status, 'content-length': length }, { endStream: !hasContent });
        if (hasContent) stream.write('some');
      });
      url = origin.url;
    } else {
      const content = status === 200 ? 'some' : '';
      const origin = await net.origin(async (connection) => {
        for (;;) {
          const { method } = await connection.readHead();
          const text = `HTTP/1.1 ${status} X\r\nContent-Length: ${length}\r\n\r\n`;
          await connection.write(method === 'HEAD' ? text : text + content);
        }
      });
      url = origin.url;
    }
    const running = await net.proxy({
      upstream: { url, ...(protocol === 'http2' && { protocol }) },
      ...(protocol === 'undici' && { transport: undiciTransport(new Agent(), { closesDispatcher: true }) }),
      ...(hasHooks && { onUpstreamResponse: () => {} }),
    });
    return { running, client: await net.client(running) };
  }

  test.for(LARGE)(
    'a Content-Length of %s in answers to HEAD and in 304 passes digit by digit [RFC 9110 8.6; Go]',
    async (length, { net }) => {
      for (const hasHooks of [false, true])
        for (const [method, status] of [
          ['HEAD', 200],
          ['GET', 304],
        ] as const) {
          // Node's HTTP/2 server leaves the length of a 304 out.
          if (protocol === 'http2' && status === 304) continue;
          const { client, running } = await line(net, status, length, hasHooks);
          await client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
          const { head } = await client.readResponse({ method });
          expect(head.status).toBe(status);
          expect(head.get('content-length')).toBe(length);
          expect(await running.record()).toMatchObject({ outcome: 'completed' });
        }
    },
  );

  test.for(LARGE)(
    'content of %s bytes passes as it comes, under that length, and its break is seen [RFC 9110 8.6; Go]',
    async (length, { net }) => {
      for (const hasHooks of [false, true]) {
        const { client, running } = await line(net, 200, length, hasHooks);
        await client.get('/');
        const head = await client.readHead();
        expect(head.get('content-length')).toBe(length);
        expect((await client.readExactly(4)).toString()).toBe('some');
        client.reset();
        expect(await running.record()).toMatchObject({ status: 200, outcome: 'client_aborted' });
      }
    },
  );

  test.for(TOO_LARGE)('a Content-Length of %s is a 502 [RFC 9110 8.6; Go]', async (length, { net }) => {
    for (const method of ['HEAD', 'GET']) {
      const { client } = await line(net, 200, length);
      await client.send(`${method} / HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect((await client.readResponse({ method })).head.status).toBe(502);
    }
  });
});

test('content that is broken off inside such a length ends visibly broken [RFC 9112 8]', async ({ net }) => {
  const { client, running } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nETag: "v1"\r\nContent-Length: 9007199254740993\r\n\r\nsome');
    connection.end();
  });
  await client.get('/');
  expect((await client.readResponse()).complete).toBe(false);
  expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated' });
});

test('a length such as that passes streamFrom [RFC 9110 8.6; Go]', async ({ net }) => {
  const origin = await net.origin(script('HTTP/1.1 200 OK\r\nContent-Length: 9007199254740993\r\n\r\n'));
  const { client } = await streaming(net, origin.url, { addresses: 'any' });
  await client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
  expect((await client.readResponse({ method: 'HEAD' })).head.get('content-length')).toBe('9007199254740993');
});

test('a part of so long a file passes, and is held to its range [RFC 9110 14.4]', async ({ net }) => {
  const range = 'Content-Range: bytes 9007199254740990-9007199254740993/9223372036854775807';
  for (const [content, status] of [
    ['some', 206],
    ['more', 206],
    ['much more', 502],
  ] as const) {
    const answer = `HTTP/1.1 206 Partial Content\r\n${range}\r\nETag: "v1"\r\nContent-Length: ${content.length}\r\n\r\n${content}`;
    const parts = await through(net, script(answer));
    await parts.client.get('/', ['Range: bytes=9007199254740990-9007199254740993']);
    expect((await parts.client.readResponse()).head.status).toBe(status);
  }
});

describe('a request with a Content-Length of', () => {
  test.for(LARGE)(
    '%s reaches the origin server with the same digits, and the content as it comes [RFC 9110 8.6; Go]',
    async (length, { net }) => {
      for (const [hasHooks, lines] of [
        [false, []],
        [true, []],
        [false, ['Expect: 100-continue']],
      ] as const) {
        const { client } = await through(
          net,
          async (connection) => {
            const head = await connection.readHead();
            if (head.has('expect')) await connection.write('HTTP/1.1 100 Continue\r\n\r\n');
            const content = await connection.readExactly(4);
            const text = `${head.getAll('content-length').join()} ${content.toString()}`;
            await connection.write(`HTTP/1.1 413 No\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
            await connection.readAll();
          },
          hasHooks ? { onUpstreamRequest: () => {}, headers: { request: { set: { 'X-A': 'b' } } } } : {},
        );
        const head = ['POST / HTTP/1.1', 'Host: a', `Content-Length: ${length}`, ...lines].join('\r\n');
        await client.send(`${head}\r\n\r\nsome`);
        let answer = await client.readHead();
        if (answer.status === 100) answer = await client.readHead();
        expect(answer.status).toBe(413);
        expect((await client.readExactly(answer.contentLength ?? 0)).toString()).toBe(`${length} some`);
      }
    },
  );

  test('9223372036854775808 is a 400 [RFC 9110 8.6; Go]', async ({ net }) => {
    const { client, origin } = await through(net, script('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\nsome');
    expect((await client.readHead()).status).toBe(400);
    expect(origin.total).toBe(0);
  });
});
