import { describe, expect } from 'vitest';
import { ConnectionEnded } from '../support/connection-end.js';
import { type Network, test } from '../support/fixture.js';
import { ErrorCode, Flag, Setting } from '../support/frames.js';
import type { FramesClient } from '../support/frames-client.js';
import { Gate } from '../support/gate.js';
import { framesLine, type Http2Line } from '../support/http2-line.js';
import { respondWith } from '../support/raw-origin.js';
import type { Http2Listening } from '../support/servers.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

interface Upload extends Http2Line {
  frames: FramesClient;
  stream: number;
  /** All that the origin server has read. */
  received: () => string;
  /** Settles when its connection has ended. */
  ended: Promise<void>;
}

/** An upload of which the origin server has `hello`. */
async function startUpload(
  net: Network,
  over: Http2Listening,
  options: { method?: string; length?: number; answer?: string } = {},
): Promise<Upload> {
  const { method = 'POST', length, answer } = options;
  let received = '';
  const ended = new Gate();
  const line = await framesLine(
    net,
    async (connection) => {
      await connection.readHead();
      if (answer !== undefined) await connection.write(answer);
      for (let part = await connection.readSome(); part !== null; part = await connection.readSome())
        received += part.toString('latin1');
      ended.open();
    },
    { over },
  );
  const stream = line.frames.get('/', {
    method,
    content: 'hello',
    isOpen: true,
    lines: length === undefined ? [] : [['content-length', String(length)]],
  });
  await until(() => received.includes('hello'), 'content had come');
  return { ...line, stream, received: () => received, ended: ended.opened };
}

const LAST_CHUNK = '0\r\n\r\n';

const breaks: [string, (upload: Upload) => unknown][] = [
  ['RST_STREAM with CANCEL', ({ frames, stream }) => frames.reset(stream, ErrorCode.CANCEL)],
  ['RST_STREAM with NO_ERROR', ({ frames, stream }) => frames.reset(stream, ErrorCode.NO_ERROR)],
  ['RST_STREAM with INTERNAL_ERROR', ({ frames, stream }) => frames.reset(stream, ErrorCode.INTERNAL_ERROR)],
  ['GOAWAY with an error', ({ frames }) => frames.goaway(0, ErrorCode.INTERNAL_ERROR)],
  ['the end of its connection', ({ frames }) => frames.wire.end()],
  ['the end of its connection, both ways', ({ frames }) => frames.wire.destroy()],
  ['a reset of its connection', ({ frames }) => frames.wire.reset()],
  ['a WINDOW_UPDATE of nothing', ({ frames, stream }) => frames.windowUpdate(stream, 0)],
  ['trailers with a pseudo-field', ({ frames, stream }) => frames.headers(stream, [[':path', '/']], 5)],
  ['a second head', ({ frames, stream }) => frames.headers(stream, [['x-t', '1']], Flag.END_HEADERS)],
];

describe.for(['h2c', 'tls'] as const)('over %s', (over) => {
  describe.for(['POST', 'HEAD'])('a %s whose content of unknown length', (method) => {
    test.for(breaks)(
      'is broken off by %s never looks whole to the origin server [RFC 9113 8.1; RFC 9112 8]',
      async ([, breakOff], { net }) => {
        const upload = await startUpload(net, over, { method });
        breakOff(upload);
        await upload.ended;
        expect(upload.received()).not.toContain(LAST_CHUNK);
        expect(await upload.running.record()).toMatchObject({
          outcome: 'client_aborted',
          error: 'client_aborted',
          status: null,
        });
      },
    );
  });

  const lies: [string, number, string, number][] = [
    ['less', 10, '12', Flag.END_STREAM],
    ['more', 7, '123', Flag.NONE],
    ['more at the end', 7, '123', Flag.END_STREAM],
  ];
  test.for(lies)(
    'content with %s than its Content-Length is refused, and never looks whole to the origin server [RFC 9113 8.1.1]',
    async ([, length, rest, flags], { net }) => {
      const { frames, stream, ended, received, running } = await startUpload(net, over, { length });
      void frames.data(stream, rest, flags);
      // The nghttp2 of newer Nodes ends the whole connection where older ones reset the stream.
      const refused = await frames.readReset(stream).catch((error: unknown) => error);
      if (!(refused instanceof ConnectionEnded)) expect(refused).toBe(ErrorCode.PROTOCOL_ERROR);
      await ended;
      expect(received().length).toBeLessThan(length);
      expect((await running.record()).outcome).toBe('client_aborted');
    },
  );

  test('content that breaks off behind a response that is complete never looks whole [RFC 9113 8.1]', async ({
    net,
  }) => {
    const answer = sized('x'.repeat(1000)).toString();
    for (const code of [ErrorCode.NO_ERROR, ErrorCode.CANCEL]) {
      const { frames, stream, ended, received } = await startUpload(net, over, { answer });
      await frames.readSection(stream);
      void frames.reset(stream, code);
      await ended;
      expect(received()).not.toContain(LAST_CHUNK);
      frames.close();
    }
  });

  test('a GOAWAY with NO_ERROR lets the upload finish [RFC 9113 6.8]', async ({ net }) => {
    const { frames, stream, received, running } = await startUpload(net, over, {
      answer: sized('ok').toString(),
    });
    void frames.goaway(0, ErrorCode.NO_ERROR);
    void frames.data(stream, ' world', Flag.END_STREAM);
    const response = await frames.readResponse(stream);
    expect(response.content.toString()).toBe('ok');
    await running.records(1);
    expect(received()).toContain('hello');
  });
});

describe('a client that takes its request back', () => {
  test.for(['GET', 'HEAD', 'POST'])(
    '(%s) before the head has its upstream connection closed, with whatever code [RFC 9113 5.4.2; Go ReverseProxy; Caddy]',
    async (method, { net }) => {
      for (const code of [ErrorCode.NO_ERROR, ErrorCode.CANCEL, ErrorCode.REFUSED_STREAM]) {
        const arrived = new Gate();
        const { frames, running, origin } = await framesLine(net, async (connection) => {
          await connection.readHead();
          arrived.open();
          await connection.readAll();
        });
        const stream = frames.get('/', { method });
        await arrived.opened;
        void frames.reset(stream, code);
        await origin.connections[0]?.closed;
        expect(await running.record()).toMatchObject({ outcome: 'client_aborted', status: null });
        frames.close();
      }
    },
  );

  test('in the midst of a response has its upstream connection closed, and others go on [RFC 9113 5.4.2]', async ({
    net,
  }) => {
    const { frames, running, origin } = await framesLine(net, async (connection) => {
      while ((await connection.readHead()).target === '/small')
        await connection.write(sized('small', ['Connection: close']));
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
      await connection.writeSeeded('leave', 0, 100_000_000);
    });
    for (let i = 0; i < 20; i += 1) {
      const stream = frames.get('/large');
      await frames.readSection(stream);
      void frames.reset(stream, i % 2 === 0 ? ErrorCode.CANCEL : ErrorCode.NO_ERROR);
      await until(() => origin.open === 0, 'the upstream connection was closed');
      void frames.windowUpdate(0, 1_000_000);
      const { content } = await frames.readResponse(frames.get('/small'));
      expect(content.toString()).toBe('small');
    }
    const aborted = (await running.records(40)).filter(({ outcome }) => outcome === 'client_aborted');
    expect(aborted.length).toBe(20);
  });

  test('whose end waits for its window is noticed, with whatever code [RFC 9113 5.4.2; Node]', async ({
    net,
  }) => {
    const { frames, running } = await framesLine(net, respondWith(sized('content')), {
      frames: { settings: [[Setting.INITIAL_WINDOW_SIZE, 0]] },
    });
    for (const [index, code] of [ErrorCode.NO_ERROR, ErrorCode.CANCEL].entries()) {
      for (const method of ['GET', 'POST']) {
        const stream = frames.get('/', { method, ...(method === 'POST' && { content: 'all' }) });
        await frames.readSection(stream);
        void frames.reset(stream, code);
        const record = await running.record(2 * index + (method === 'POST' ? 1 : 0));
        expect(record).toMatchObject({ method, outcome: 'client_aborted', status: 200 });
      }
    }
  });
});
