import type { ServerHttp2Stream } from 'node:http2';
import { describe, expect } from 'vitest';
import { seededBytes, seededViews } from '../support/content.js';
import { test } from '../support/fixture.js';
import { ErrorCode, type Frames, FrameType } from '../support/frames.js';
import { Gate } from '../support/gate.js';
import { StoppedTime } from '../support/stopped-time.js';
import { answer, OK, throughFrames, throughHttp2 } from '../support/through-http2.js';
import { until } from '../support/until.js';

const MIB = 1024 * 1024;

/** Writes as fast as the stream takes it, until it is closed. */
function pour(stream: ServerHttp2Stream): void {
  const piece = Buffer.alloc(64 * 1024);
  const more = (): void => {
    while (!stream.destroyed && stream.write(piece));
  };
  stream.on('drain', more);
  more();
}

describe('a client that leaves', () => {
  test.for([
    ['before the head', async (_frames: Frames, _stream: number) => {}],
    ['after the head', (frames: Frames, stream: number) => frames.headers(stream, OK)],
    [
      'in the middle of the content',
      async (frames: Frames, stream: number) => {
        await frames.headers(stream, OK);
        await frames.data(stream, 'part');
      },
    ],
  ] as const)(
    '%s has its stream cancelled, and no other [RFC 9113 8.7; Go ReverseProxy]',
    async ([, step], { net }) => {
      const begun = new Gate();
      const other = new Gate();
      const { client, running, origin } = await throughFrames(net, async (frames) => {
        const first = await frames.readSection();
        const second = await frames.readSection();
        await frames.headers(second.stream, OK);
        await frames.data(second.stream, 'first ');
        await step(frames, first.stream);
        begun.open();
        expect(await frames.readReset(first.stream)).toBe(ErrorCode.CANCEL);
        await frames.data(second.stream, 'last', 1);
        other.open();
        await frames.readFrame().catch(() => {});
      });
      await client.get('/leaves');
      await until(() => origin.total === 1, 'the first request had come');
      const staying = await net.client(running);
      await staying.get('/stays');
      await begun.opened;
      client.close();
      expect((await staying.readResponse()).content.toString()).toBe('first last');
      await other.opened;
      expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
    },
  );

  test('during its upload has the stream cancelled, and not ended [RFC 9113 8.1]', async ({ net }) => {
    const some = new Gate();
    const types: number[] = [];
    const { client, running } = await throughFrames(net, async (frames) => {
      const { stream } = await frames.readSection();
      for (;;) {
        const { type, flags, payload } = await frames.nextOn(stream);
        types.push(type);
        expect(type === FrameType.DATA && (flags & 1) !== 0).toBe(false);
        if (type === FrameType.DATA) some.open();
        if (type !== FrameType.RST_STREAM) continue;
        expect(payload.readUInt32BE(0)).toBe(ErrorCode.CANCEL);
        return;
      }
    });
    await client.send('PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nsome');
    await some.opened;
    client.close();
    await until(() => types.includes(FrameType.RST_STREAM), 'the stream was reset');
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
  });

  test('and others, 1,000 in all at various moments, leave no stream behind, and the connection goes on [RFC 9113 5.4.2; Go ReverseProxy]', async ({
    net,
  }) => {
    const streams = new Set<ServerHttp2Stream>();
    const { client, running, origin } = await throughHttp2(net, (stream, headers) => {
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      const path = headers[':path'];
      if (path === '/head') return;
      stream.respond();
      if (path === '/last') stream.end('still there');
      else if (path === '/pour') pour(stream);
      else stream.write('part');
    });
    for (let round = 0; round < 50; round += 1) {
      const clients = await Promise.all(Array.from({ length: 20 }, () => net.client(running)));
      await Promise.all(
        clients.map(async (each, i) => {
          const path = ['/head', '/part', '/pour'][i % 3] as string;
          await each.get(path);
          if (path !== '/head') await each.readHead();
          // The end of a client's side alone is noticed with the second write after it.
          if (path === '/pour' && i % 2 === 0) each.close();
          else each.reset();
        }),
      );
      // More than a connection may carry at a time would get another one.
      await until(() => running.proxy.active === 0, 'no transfer was left');
    }
    await until(() => streams.size === 0, 'no stream was left');
    await client.get('/last');
    expect((await client.readResponse()).content.toString()).toBe('still there');
    expect(origin.sessions.filter((session) => !session.destroyed)).toHaveLength(1);
  });
});

describe('an early answer', () => {
  test('of 413 stops the upload, reaches the client whole, and resets the stream with NO_ERROR [RFC 9113 8.1; nginx]', async ({
    net,
  }) => {
    let code = -1;
    const { client, running } = await throughFrames(net, async (frames) => {
      const { stream } = await frames.readSection();
      await frames.next(FrameType.DATA, stream);
      await answer(frames, stream, 'too large', [[':status', '413']]);
      code = await frames.readReset(stream);
      await frames.readFrame().catch(() => {});
    });
    const size = 64 * MIB;
    void client.send(`PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: ${size}\r\n\r\n`);
    const sending = (async () => {
      for (const view of seededViews('early', 0, size)) await client.send(view);
    })().catch(() => {});
    const response = await client.readResponse();
    expect([response.head.status, response.content.toString()]).toEqual([413, 'too large']);
    await until(() => code >= 0, 'the stream was reset');
    expect(code).toBe(ErrorCode.NO_ERROR);
    await client.closed;
    await sending;
    const record = await running.record();
    expect(record).toMatchObject({ outcome: 'completed', status: 413 });
    expect(record.bytesUp).toBeLessThan(size);
  });

  test('that is followed by RST_STREAM with NO_ERROR reaches the client whole [RFC 9113 8.1; nginx]', async ({
    net,
  }) => {
    const { client, running } = await throughFrames(net, async (frames) => {
      const { stream } = await frames.readSection();
      await frames.next(FrameType.DATA, stream);
      await answer(frames, stream, 'x'.repeat(20_000).slice(0, 16_384), [[':status', '413']]);
      await frames.reset(stream, ErrorCode.NO_ERROR);
      await frames.readFrame().catch(() => {});
    });
    void client.send(`PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: ${MIB}\r\n\r\n`);
    void client.send(seededBytes('early', 0, MIB));
    const response = await client.readResponse();
    expect([response.head.status, response.complete, response.contentLength]).toEqual([413, true, 16_384]);
    expect(await running.record()).toMatchObject({ outcome: 'completed' });
  });

  test('of 200 streams down while the upload still runs [Caddy]', async ({ net }) => {
    const { client } = await throughHttp2(net, (stream) => {
      stream.respond();
      stream.on('data', (bytes: Buffer) => void stream.write(`answer to ${bytes.toString()}`));
      stream.on('end', () => stream.end());
    });
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\n\r\n');
    expect((await client.readHead()).status).toBe(200);
    for (const letter of 'abcd') {
      await client.send(letter);
      await client.readThrough(`answer to ${letter}`);
    }
    await client.readThrough('0\r\n\r\n');
  });
});

describe('backpressure', () => {
  test('of a client that does not read stops the origin server, and little lies in between [RFC 9113 5.2; nginx]', async ({
    net,
  }) => {
    let sent = 0;
    const { client, running } = await throughHttp2(net, (stream) => {
      stream.respond({ 'content-length': 256 * MIB });
      const piece = Buffer.alloc(64 * 1024);
      const more = (): void => {
        while (!stream.destroyed && sent < 256 * MIB) {
          sent += piece.length;
          if (!stream.write(piece)) break;
        }
      };
      stream.on('drain', more);
      more();
    });
    await client.get('/');
    await client.readHead();
    client.pause();
    let before = -1;
    await until(async () => {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 150));
      return sent === before;
    }, 'the origin server had stopped');
    // A window, and what sockets of both sides hold.
    expect(sent).toBeLessThan(24 * MIB);
    client.close();
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
  });

  test('of an origin server that does not read stops the client [RFC 9113 5.2]', async ({ net }) => {
    const { client, running } = await throughHttp2(net, (stream) => void stream.pause(), {
      timeouts: { upstreamIdle: 1000 },
    });
    const size = 64 * MIB;
    let sent = 0;
    void client.send(`PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: ${size}\r\n\r\n`);
    void (async () => {
      for (const view of seededViews('up', 0, size)) {
        await client.send(view);
        sent += view.length;
      }
    })().catch(() => {});
    let before = -1;
    await until(async () => {
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 150));
      return sent === before;
    }, 'the client had stopped');
    expect(sent).toBeLessThan(24 * MIB);
    // A client that leaves now is noticed by nobody who reads it: the origin server's time runs.
    client.close();
    expect(await running.record()).toMatchObject({ error: 'connection_write_timeout' });
  });
});

describe.concurrent('an HTTP/2 origin server that is silent', () => {
  test('before its head ends the transfer after responseHead with 504, and its stream is cancelled [RFC 9110 15.6.5]', async ({
    net,
  }) => {
    let code = -1;
    const { client, running } = await throughFrames(
      net,
      async (frames) => {
        const { stream } = await frames.readSection();
        code = await frames.readReset(stream);
      },
      { timeouts: { responseHead: 100, upstreamIdle: 10_000 } },
    );
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(504);
    expect(await running.record()).toMatchObject({ error: 'http_response_timeout' });
    await until(() => code >= 0, 'the stream was reset');
    expect(code).toBe(ErrorCode.CANCEL);
  });

  test('in the middle of its content ends the transfer after upstreamIdle, visibly [nginx]', async ({
    net,
  }) => {
    const { client, running } = await throughHttp2(
      net,
      (stream) => {
        stream.respond();
        stream.write('part');
      },
      { timeouts: { upstreamIdle: 100, responseHead: 10_000 } },
    );
    await client.get('/');
    expect(await client.readResponse()).toMatchObject({ complete: false, contentLength: 4 });
    expect(await running.record()).toMatchObject({
      error: 'connection_read_timeout',
      outcome: 'upstream_stalled',
    });
  });

  test('and takes no request content ends the transfer after upstreamIdle [nginx]', async ({ net }) => {
    const { client, running } = await throughHttp2(net, (stream) => void stream.pause(), {
      timeouts: { upstreamIdle: 150, responseHead: 10_000 },
    });
    void client.send(`PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: ${8 * MIB}\r\n\r\n`);
    void client.send(seededBytes('up', 0, 8 * MIB));
    expect((await client.readResponse()).head.status).toBe(504);
    expect(await running.record()).toMatchObject({ error: 'connection_write_timeout' });
  });
});

describe('an HTTP/2 origin server that is silent', () => {
  test('but sends a little every now and then is spared, for many times its limit [nginx]', async ({
    net,
  }) => {
    const time = new StoppedTime(net);
    let stream: ServerHttp2Stream | undefined;
    const { client, running } = await throughHttp2(
      net,
      (opened) => {
        stream = opened;
        opened.respond();
      },
      { timeouts: { upstreamIdle: 200, responseHead: 200 } },
    );
    await client.get('/');
    const content = client.readContent(await client.readHead());
    for (let i = 0; i < 10; i += 1) {
      await time.pass(150);
      const before = client.bytesRead;
      stream?.write('.');
      await until(() => client.bytesRead > before, 'it had come');
    }
    stream?.end();
    expect(await content).toMatchObject({ complete: true, contentLength: 10 });
    expect(await running.record()).toMatchObject({ outcome: 'completed' });
  });
});
