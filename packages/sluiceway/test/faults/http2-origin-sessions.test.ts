import { once } from 'node:events';
import type { ServerHttp2Stream } from 'node:http2';
import { describe, expect } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import { Http2Transport } from '../../src/upstream/http2/http2-transport.js';
import type { TransportOptions } from '../../src/upstream/transport-options.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { collect, contentOf, failureOf, fetchText, ManualSource, toRequest } from '../support/exchange.js';
import { type Network, test } from '../support/fixture.js';
import { ErrorCode, Flag, type Frames, FrameType } from '../support/frames.js';
import { Gate } from '../support/gate.js';
import { encodeFields, type FieldLine } from '../support/hpack.js';
import { startHttp2Server } from '../support/node-http2.js';
import { StoppedTime } from '../support/stopped-time.js';
import { answer, OK, speakFrames, throughFrames, throughHttp2 } from '../support/through-http2.js';
import { until } from '../support/until.js';

const NEVER = 2 ** 31 - 1;

function startTransport(
  net: Network,
  options: TransportOptions = {},
  liveness?: ConstructorParameters<typeof Http2Transport>[1],
): Http2Transport {
  const transport = new Http2Transport(options, liveness);
  net.cleanup(() => transport.destroy());
  return transport;
}

test('an origin server that accepts connections and sends no SETTINGS fails every request as one that cannot be connected to [RFC 9113 3.4]', async ({
  net,
}) => {
  const origin = await net.origin(async (connection) => void (await connection.readAll()));
  const transport = startTransport(net, { connectTimeoutMs: 100 });
  const failed = [0, 1, 2].map(() => failureOf(transport.send(toRequest(origin.url))));
  for (const error of await Promise.all(failed))
    expect(error).toMatchObject({
      code: 'connection_timeout',
      message: 'The origin server sent no SETTINGS within 100 ms',
    });
});

describe('streams of one connection', () => {
  test('a hundred requests at once share it, and each gets its own content [RFC 9113 5; nginx]', async ({
    net,
  }) => {
    const origin = await startHttp2Server(net, (stream, headers) => {
      stream.respond();
      stream.end(`content of ${headers[':path']} ${'!'.repeat(20_000)}`);
    });
    const transport = startTransport(net);
    const texts = await Promise.all(
      Array.from({ length: 100 }, (_, i) => fetchText(transport, toRequest(origin.url, { path: `/${i}` }))),
    );
    expect(texts.map((text) => text.trim().slice(0, 14).trimEnd())).toEqual(
      Array.from({ length: 100 }, (_, i) => `content of /${i}`.slice(0, 14).trimEnd()),
    );
    expect(origin.sessions).toHaveLength(1);
  });

  test('where the origin server allows one stream a connection, each request has a connection [RFC 9113 5.1.2]', async ({
    net,
  }) => {
    const gate = new Gate();
    const streams: ServerHttp2Stream[] = [];
    const origin = await startHttp2Server(
      net,
      async (stream) => {
        streams.push(stream);
        await gate.opened;
        stream.respond();
        stream.end('done');
      },
      { settings: { maxConcurrentStreams: 1 } },
    );
    const transport = startTransport(net);
    const texts = Array.from({ length: 5 }, () => fetchText(transport, toRequest(origin.url)));
    await until(() => streams.length === 5, 'all requests had come');
    gate.open();
    expect(await Promise.all(texts)).toEqual(Array(5).fill('done'));
    expect(origin.sessions).toHaveLength(5);
  });

  test('and where there may be one connection only, requests wait for its only stream, in order [RFC 9113 5.1.2]', async ({
    net,
  }) => {
    const order: string[] = [];
    let open = 0;
    let most = 0;
    const origin = await startHttp2Server(
      net,
      (stream, headers) => {
        order.push(String(headers[':path']));
        open += 1;
        most = Math.max(most, open);
        stream.respond();
        stream.write('do');
        setImmediate(() => {
          open -= 1;
          stream.end('ne');
        });
      },
      { settings: { maxConcurrentStreams: 1 } },
    );
    const transport = startTransport(net, { maxConnections: 1 });
    const texts = Array.from({ length: 20 }, (_, i) =>
      fetchText(transport, toRequest(origin.url, { path: `/${i}` })),
    );
    expect(await Promise.all(texts)).toEqual(Array(20).fill('done'));
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => `/${i}`));
    expect(most).toBe(1);
    expect(origin.sessions).toHaveLength(1);
  });

  test('a request that waits for one in vain is refused in time, and more than may wait at once [nginx]', async ({
    net,
  }) => {
    const origin = await startHttp2Server(net, (stream) => stream.respond(), {
      settings: { maxConcurrentStreams: 1 },
    });
    const time = new StoppedTime(net);
    const transport = startTransport(net, { maxConnections: 1, maxQueued: 1, connectTimeoutMs: 150 });
    const first = await transport.send(toRequest(origin.url)).response;
    const waiting = transport.send(toRequest(origin.url));
    expect(await failureOf(transport.send(toRequest(origin.url)))).toMatchObject({
      code: 'connection_limit_reached',
    });
    const failed = failureOf(waiting);
    await time.pass(150);
    expect(await failed).toMatchObject({ code: 'connection_limit_reached' });
    first.content.cancel();
  });

  test('when the origin server allows fewer while some run, nothing breaks, and later ones keep to it [RFC 9113 5.1.2]', async ({
    net,
  }) => {
    const counts: number[] = [];
    const gate = new Gate();
    const origin = await startHttp2Server(net, async (stream) => {
      counts.push(origin.sessions.findIndex((session) => session === stream.session));
      stream.respond();
      stream.write('a');
      await gate.opened;
      stream.end('b');
    });
    const transport = startTransport(net);
    const early = Array.from({ length: 3 }, () => fetchText(transport, toRequest(origin.url)));
    await until(() => counts.length === 3, 'three streams were open');
    origin.sessions[0]?.settings({ maxConcurrentStreams: 2 });
    await once(origin.sessions[0] as object as NodeJS.EventEmitter, 'localSettings');
    const later = fetchText(transport, toRequest(origin.url));
    await until(() => counts.length === 4, 'the fourth had come');
    gate.open();
    expect(await Promise.all([...early, later])).toEqual(['ab', 'ab', 'ab', 'ab']);
    expect(counts).toEqual([0, 0, 0, 1]);
  });
});

describe('GOAWAY', () => {
  test('lets transfers that run go on to their end, and new requests go over a new connection [RFC 9113 6.8; nginx]', async ({
    net,
  }) => {
    const size = 3_000_000;
    const goOn = new Gate();
    const { client, origin, running } = await throughHttp2(net, async (stream, headers) => {
      stream.respond({ 'content-length': size });
      stream.write(seededBytes('goaway', 0, size / 2));
      if (headers[':path'] === '/first') {
        stream.session?.goaway(0, NEVER);
        await goOn.opened;
      }
      stream.end(seededBytes('goaway', size / 2, size / 2));
    });
    await client.get('/first');
    const head = await client.readHead();
    const other = await net.client(running);
    await until(async () => {
      await other.get('/other');
      return (await other.readResponse()).complete && origin.sessions.length === 2;
    }, 'a new connection was used');
    goOn.open();
    const response = await client.readContent(head);
    expect(response.complete).toBe(true);
    expect(isSeeded('goaway', 0, response.content)).toBe(true);
    const first = () => running.recorded.find(({ path }) => path === '/first');
    await expect.poll(first).toMatchObject({ outcome: 'completed' });
  });

  test('brings requests that the origin server has not got to back, and they are sent once more [RFC 9113 6.8; Go ReverseProxy]', async ({
    net,
  }) => {
    const { client, running, origin } = await throughFrames(net, async (frames, connection) => {
      if (connection.index === 0) {
        await frames.readSection();
        await frames.goaway(0, ErrorCode.NO_ERROR);
        await frames.readFrame().catch(() => {});
        return;
      }
      const { stream } = await frames.readSection();
      await answer(frames, stream, 'second try');
    });
    // Not even a POST has been processed.
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n');
    const response = await client.readResponse();
    expect([response.head.status, response.content.toString()]).toEqual([200, 'second try']);
    expect(origin.total).toBe(2);
    expect(await running.record()).toMatchObject({ outcome: 'completed' });
  });

  test('again and again ends a request after its sixth try with 502 [RFC 9113 6.8]', async ({ net }) => {
    const { client, running, origin } = await throughFrames(net, async (frames) => {
      await frames.readSection();
      await frames.goaway(0, ErrorCode.NO_ERROR);
    });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(await running.record()).toMatchObject({
      error: 'connection_terminated',
      outcome: 'upstream_refused',
    });
    expect(origin.total).toBe(6);
  });

  test('before any request makes each connection useless, and requests fail after a bounded number of them [RFC 9113 6.8]', async ({
    net,
  }) => {
    const origin = await net.origin(
      speakFrames(async (frames) => {
        await frames.goaway(0, ErrorCode.NO_ERROR);
        await frames.readFrame().catch(() => {});
      }),
    );
    const transport = startTransport(net, { connectTimeoutMs: 500 });
    const failures = await Promise.all(
      Array.from({ length: 10 }, () => failureOf(transport.send(toRequest(origin.url)))),
    );
    for (const failure of failures) expect(failure).toBeInstanceOf(SluicewayError);
    expect(origin.total).toBeLessThanOrEqual(20);
  });

  test('with an error code ends what runs visibly [RFC 9113 6.8]', async ({ net }) => {
    const { client, running } = await throughFrames(net, async (frames) => {
      const { stream } = await frames.readSection();
      await frames.headers(stream, OK);
      await frames.data(stream, 'part');
      await frames.goaway(stream, ErrorCode.ENHANCE_YOUR_CALM);
      await frames.readFrame().catch(() => {});
    });
    await client.get('/');
    expect(await client.readResponse()).toMatchObject({ complete: false });
    expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated' });
  });

  test('is not answered by sending content again of which something is used up [RFC 9113 8.7]', async ({
    net,
  }) => {
    const origin = await net.origin(
      speakFrames(async (frames) => {
        await frames.readSection();
        await frames.next(FrameType.DATA);
        await frames.goaway(0, ErrorCode.NO_ERROR);
        await frames.readFrame().catch(() => {});
      }),
    );
    const transport = startTransport(net);
    const source = new ManualSource();
    const exchange = transport.send(
      toRequest(origin.url, { method: 'PUT', content: { source, length: null } }),
    );
    await until(() => source.sink !== null, 'the content was asked for');
    source.lend('used up');
    expect(await failureOf(exchange)).toMatchObject({ code: 'connection_terminated', retryable: false });
    expect(source.cancelled).toBe(1);
    expect(origin.total).toBe(1);
  });
});

describe('REFUSED_STREAM', () => {
  test('has a request sent once more, whatever its method, on another connection [RFC 9113 8.7; Go ReverseProxy]', async ({
    net,
  }) => {
    const { client, origin } = await throughFrames(net, async (frames, connection) => {
      const { stream } = await frames.readSection();
      if (connection.index === 0) await frames.reset(stream, ErrorCode.REFUSED_STREAM);
      else await answer(frames, stream, 'second try');
      await frames.readFrame().catch(() => {});
    });
    await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n');
    expect((await client.readResponse()).content.toString()).toBe('second try');
    expect(origin.total).toBe(2);
  });

  test('of the only connection that there may be has it sent there once more [RFC 9113 8.7]', async ({
    net,
  }) => {
    const origin = await net.origin(
      speakFrames(async (frames) => {
        const first = await frames.readSection();
        await frames.reset(first.stream, ErrorCode.REFUSED_STREAM);
        const second = await frames.readSection();
        await answer(frames, second.stream, 'second try');
        await frames.readFrame().catch(() => {});
      }),
    );
    const transport = startTransport(net, { maxConnections: 1 });
    expect(await fetchText(transport, toRequest(origin.url))).toBe('second try');
    expect(origin.total).toBe(1);
  });
});

describe('a connection that is dead', () => {
  test('and was kept has an idempotent request sent once more on a new one [RFC 9110 9.2.2; Go ReverseProxy]', async ({
    net,
  }) => {
    const origin = await net.origin(
      speakFrames(async (frames, connection) => {
        const { stream } = await frames.readSection();
        await answer(frames, stream, `connection ${connection.index}`);
        if (connection.index > 0) return;
        await frames.readSection();
        connection.reset();
      }),
    );
    const transport = startTransport(net);
    expect(await fetchText(transport, toRequest(origin.url))).toBe('connection 0');
    expect(await fetchText(transport, toRequest(origin.url))).toBe('connection 1');
  });

  test('and was kept does not have a POST sent again [RFC 9110 9.2.2]', async ({ net }) => {
    const origin = await net.origin(
      speakFrames(async (frames, connection) => {
        const { stream } = await frames.readSection();
        await answer(frames, stream, 'first');
        await frames.readSection();
        connection.reset();
      }),
    );
    const transport = startTransport(net);
    await fetchText(transport, toRequest(origin.url));
    const failure = await failureOf(transport.send(toRequest(origin.url, { method: 'POST' })));
    expect(failure).toMatchObject({ code: 'connection_terminated' });
    expect(origin.total).toBe(1);
  });

  test('without a word is asked for a sign of life while requests wait, and given up [RFC 9113 6.7; grpc-go]', async ({
    net,
  }) => {
    let asked = false;
    const origin = await net.origin(async (connection) => {
      await speakFrames(async (frames) => {
        await frames.readSection();
        await frames.next(FrameType.PING);
        asked = true;
        // Not a byte from here on.
        connection.pause();
        await connection.closed;
      })(connection);
    });
    const transport = startTransport(net, {}, { quietMs: 60, answerMs: 100 });
    const failures = await Promise.all([
      failureOf(transport.send(toRequest(origin.url))),
      failureOf(transport.send(toRequest(origin.url))),
    ]);
    expect(failures[0]).toMatchObject({ code: 'connection_terminated' });
    expect(failures[1]).toMatchObject({ code: 'connection_terminated' });
    expect(asked).toBe(true);
  });

  test('is none that answers PING, however long its response takes [RFC 9113 6.7]', async ({ net }) => {
    const gate = new Gate();
    const origin = await startHttp2Server(net, async (stream) => {
      await gate.opened;
      stream.respond();
      stream.end('late');
    });
    const transport = startTransport(net, {}, { quietMs: 20, answerMs: 60 });
    const text = fetchText(transport, toRequest(origin.url));
    await until(() => origin.sessions.length === 1, 'the connection stood');
    let pings = 0;
    origin.sessions[0]?.on('ping', () => {
      pings += 1;
      if (pings === 5) gate.open();
    });
    expect(await text).toBe('late');
  });
});

describe('connections that are not needed', () => {
  test('close after their idle time [nginx]', async ({ net }) => {
    const origin = await startHttp2Server(net, (stream) => {
      stream.respond();
      stream.end('content');
    });
    const transport = startTransport(net, { idleTimeoutMs: 60 });
    expect(await fetchText(transport, toRequest(origin.url))).toBe('content');
    await until(() => origin.sessions[0]?.destroyed === true, 'the connection was closed');
    expect(await fetchText(transport, toRequest(origin.url))).toBe('content');
    expect(origin.sessions).toHaveLength(2);
  });

  test('close with the transport, which waits for what runs [Go ReverseProxy]', async ({ net }) => {
    const gate = new Gate();
    const origin = await startHttp2Server(net, async (stream) => {
      stream.respond();
      stream.write('first ');
      await gate.opened;
      stream.end('last');
    });
    const transport = startTransport(net);
    const { content } = await transport.send(toRequest(origin.url)).response;
    let isClosed = false;
    const closed = transport.close().then(() => {
      isClosed = true;
    });
    gate.open();
    expect(isClosed).toBe(false);
    expect((await collect(content)).content.toString()).toBe('first last');
    await closed;
    await until(() => origin.sessions[0]?.destroyed === true, 'the connection was closed');
  });

  test('end at once when the transport is destroyed: what runs fails, what waits fails, what comes later fails [Sluiceway]', async ({
    net,
  }) => {
    const origin = await startHttp2Server(net, (stream) => {
      stream.respond();
      stream.write('part');
    });
    const transport = startTransport(net, { maxConnections: 1 });
    const { content } = await transport.send(toRequest(origin.url)).response;
    const running = collect(content);
    transport.destroy();
    await expect(running).rejects.toMatchObject({ code: 'shutdown' });
    expect(await failureOf(transport.send(toRequest(origin.url)))).toMatchObject({ code: 'shutdown' });
    await transport.close();
  });
});

test('a push that nobody has asked for ends the connection [RFC 9113 6.6]', async ({ net }) => {
  const { client, running } = await throughFrames(net, async (frames) => {
    const { stream } = await frames.readSection();
    const promised = Buffer.from([0, 0, 0, 2]);
    await frames.send(FrameType.PUSH_PROMISE, Flag.END_HEADERS, stream, promised);
    await frames.readGoaway();
  });
  await client.get('/');
  expect((await client.readResponse()).head.status).toBe(502);
  expect(await running.record()).toMatchObject({ error: 'http_protocol_error' });
});

test.for([
  ['300 fields', Array.from({ length: 300 }, (_, i): FieldLine => [`x-${i}`, '1'])],
  ['257 fields', Array.from({ length: 257 }, (_, i): FieldLine => [`x-${i}`, '1'])],
  ['100 kB of fields', Array.from({ length: 100 }, (_, i): FieldLine => [`x-${i}`, 'y'.repeat(1000)])],
  ['66 kB of fields', Array.from({ length: 66 }, (_, i): FieldLine => [`x-${i}`, 'y'.repeat(1000)])],
] as const)(
  'a head of %s is answered 502, one within the limits passes [RFC 9113 10.5.1]',
  async ([, lines], { net }) => {
    const { client, running } = await throughFrames(net, async (frames) => {
      const first = await frames.readSection();
      await sendHead(frames, first.stream, lines);
      const second = await frames.readSection();
      await sendHead(frames, second.stream, lines.slice(0, 60));
    });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(await running.record()).toMatchObject({ error: 'http_response_header_section_size' });
    await client.get('/');
    expect((await client.readResponse()).head.lines.length).toBeGreaterThan(60);
  },
);

/** In as many frames as the protocol asks for; the content is empty. */
async function sendHead(frames: Frames, stream: number, lines: readonly FieldLine[]): Promise<void> {
  const block = encodeFields([...OK, ...lines]);
  await frames.send(FrameType.HEADERS, Flag.END_STREAM, stream, block.subarray(0, 16_000));
  for (let at = 16_000; at < block.length; at += 16_000)
    await frames.send(FrameType.CONTINUATION, Flag.NONE, stream, block.subarray(at, at + 16_000));
  await frames.send(FrameType.CONTINUATION, Flag.END_HEADERS, stream);
}

test('a flood of interim responses is answered 502 [RFC 9110 15.2]', async ({ net }) => {
  const { client, running } = await throughFrames(net, async (frames) => {
    const { stream } = await frames.readSection();
    for (let i = 0; i < 5000; i += 1) await frames.headers(stream, [[':status', '102']]);
    await frames.readReset(stream);
  });
  await client.get('/');
  expect((await client.readResponse()).head.status).toBe(502);
  expect(await running.record()).toMatchObject({ error: 'http_protocol_error' });
});

test('request content that is longer or shorter than announced is broken off, not ended [RFC 9113 8.1.1]', async ({
  net,
}) => {
  for (const [pieces, length] of [
    [['too', 'long'], 4],
    [['short'], 6],
  ] as const) {
    let ending: unknown;
    const origin = await net.origin(
      speakFrames(async (frames) => {
        const { stream } = await frames.readSection();
        ending = await frames.readContent(stream).catch((error: unknown) => error);
      }),
    );
    const transport = startTransport(net);
    const request = toRequest(origin.url, { method: 'PUT', content: contentOf(pieces, length) });
    expect(await failureOf(transport.send(request))).toMatchObject({ code: 'http_request_error' });
    await until(() => ending !== undefined, 'the stream had ended');
    expect(ending).toMatchObject({ name: 'StreamReset', code: ErrorCode.CANCEL });
  }
});
