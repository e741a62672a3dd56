import type { ServerHttp2Stream } from 'node:http2';
import { Agent } from 'undici';
import { describe, expect } from 'vitest';
import { undiciTransport } from '../../src/undici.js';
import { type Network, test } from '../support/fixture.js';
import { Flag } from '../support/frames.js';
import type { FramesClient } from '../support/frames-client.js';
import { openHttp2 } from '../support/http2-client.js';
import { startHttp2Server } from '../support/node-http2.js';
import type { RawClient } from '../support/raw-client.js';
import { until } from '../support/until.js';

/** What an origin server has read of an upload, and whether it looked whole to it. */
interface Seen {
  content: string;
  end: 'whole' | 'broken' | null;
}

const origins = {
  /** All bytes after the head are content; a chunked upload is whole with its last chunk. */
  'HTTP/1.1': async (net: Network, seen: Seen) => {
    const origin = await net.origin(async (connection) => {
      const head = await connection.readHead();
      const length = head.get('content-length');
      for (let part = await connection.readSome(); part !== null; part = await connection.readSome())
        seen.content += part.toString('latin1');
      const isWhole =
        length === undefined ? seen.content.endsWith('0\r\n\r\n') : seen.content.length >= Number(length);
      seen.end = isWhole ? 'whole' : 'broken';
    });
    return { upstream: { url: origin.url } };
  },
  'HTTP/1.1, through undici': async (net: Network, seen: Seen) => ({
    ...(await origins['HTTP/1.1'](net, seen)),
    transport: undiciTransport(new Agent(), { closesDispatcher: true }),
  }),
  'HTTP/2': async (net: Network, seen: Seen) => {
    const origin = await startHttp2Server(net, (stream: ServerHttp2Stream) => {
      stream.on('data', (part: Buffer) => {
        seen.content += part.toString('latin1');
      });
      stream.on('error', () => {});
      stream.on('end', () => {
        seen.end ??= stream.aborted || stream.rstCode !== 0 ? 'broken' : 'whole';
      });
      stream.on('aborted', () => {
        seen.end ??= 'broken';
      });
    });
    return { upstream: { url: origin.url, protocol: 'http2' } } as const;
  },
};

const framings = {
  'Content-Length': ['Content-Length: 100\r\n\r\n', 'hello'],
  chunks: ['Transfer-Encoding: chunked\r\n\r\n', '5\r\nhello\r\n'],
  'half of a chunk': ['Transfer-Encoding: chunked\r\n\r\n', 'a\r\nhello'],
} as const;

const breaks: Record<string, (client: RawClient) => unknown> = {
  'the end of its side': (client) => client.end(),
  'the end of its connection': (client) => client.close(),
  'a reset': (client) => client.reset(),
};

describe.for(['HTTP/1.1', 'HTTP/1.1, through undici', 'HTTP/2'] as const)(
  'an upload to an origin server that speaks %s',
  (protocol) => {
    describe.for(Object.entries(framings))('with %s', ([, [framing, content]]) => {
      test.for(Object.entries(breaks))(
        'that an HTTP/1.1 client breaks off by %s never looks whole [RFC 9112 8; RFC 9113 8.1]',
        async ([, breakOff], { net }) => {
          const seen: Seen = { content: '', end: null };
          const running = await net.proxy(await origins[protocol](net, seen));
          const client = await net.client(running);
          await client.send(`PUT / HTTP/1.1\r\nHost: test\r\n${framing}${content}`);
          await until(() => seen.content.includes('hello'), 'content had come');
          breakOff(client);
          await until(() => seen.end !== null, 'the origin server had seen the end');
          expect(seen.end).toBe('broken');
          expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
        },
      );
    });

    test.for([
      ['and a length', { 'content-length': '100' }],
      ['and no length', {}],
    ] as const)(
      'that an HTTP/2 client leaves, %s, never looks whole [RFC 9113 8.1]',
      async ([, headers], { net }) => {
        const seen: Seen = { content: '', end: null };
        const running = await net.proxy(await origins[protocol](net, seen), { http2: 'h2c' });
        const client = await openHttp2(running.port);
        const stream = client.session.request({ ':method': 'PUT', ':path': '/', ...headers });
        stream.on('error', () => {});
        stream.write('hello');
        await until(() => seen.content.includes('hello'), 'content had come');
        // Not `stream.close`, which ends the content properly before it resets the stream.
        client.session.destroy();
        await until(() => seen.end !== null, 'the origin server had seen the end');
        expect(seen.end).toBe('broken');
        expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
      },
    );

    test.for([
      ['RST_STREAM with CANCEL', (client, stream) => client.reset(stream, 8)],
      ['RST_STREAM with NO_ERROR', (client, stream) => client.reset(stream, 0)],
      ['END_STREAM before its length', (client, stream) => client.data(stream, '', Flag.END_STREAM)],
      ['GOAWAY and the end of its connection', (client) => client.goaway(0, 0).then(() => client.close())],
    ] satisfies [string, (client: FramesClient, stream: number) => unknown][])(
      'that an HTTP/2 client breaks off by %s never looks whole [RFC 9113 8.1.1]',
      async ([, breakOff], { net }) => {
        const seen: Seen = { content: '', end: null };
        const running = await net.proxy(await origins[protocol](net, seen), { http2: 'h2c' });
        const client = await net.frames(running);
        const stream = client.get('/', {
          method: 'PUT',
          lines: [['content-length', '100']],
          content: 'hello',
          isOpen: true,
        });
        await until(() => seen.content.includes('hello'), 'content had come');
        await breakOff(client, stream);
        await until(() => seen.end !== null, 'the origin server had seen the end');
        expect(seen.end).toBe('broken');
        expect((await running.record()).outcome).not.toBe('completed');
      },
    );
  },
);
