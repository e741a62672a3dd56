import type { Socket } from 'node:net';
import { describe, expect } from 'vitest';
import { isSeeded } from '../support/content.js';
import { test } from '../support/fixture.js';
import { ErrorCode, Flag, FrameType, fieldOf, Setting } from '../support/frames.js';
import { Gate } from '../support/gate.js';
import { framesLine } from '../support/http2-line.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized, toChunk } from '../support/through.js';
import { until } from '../support/until.js';

/** Waits until the connection of the origin server takes no more. */
async function stalled(socket: Socket | undefined): Promise<void> {
  let before = -1;
  let since = 0;
  await until(() => {
    const written = socket?.bytesWritten ?? 0;
    if (written !== before) since = Date.now();
    before = written;
    return written > 0 && Date.now() - since > 100;
  }, 'backpressure had reached the origin server');
}

describe('a response before the end of the request', () => {
  test.for([
    ['with content', 'go away'],
    ['without content', ''],
  ] as const)(
    '%s is complete, then the rest of the request is told to be of no use [RFC 9113 8.1; Go ReverseProxy]',
    async ([, content], { net }) => {
      const time = new StoppedTime(net);
      const { frames, running } = await framesLine(net, async (connection) => {
        await connection.readHead();
        await connection.write(sized(content, ['Connection: close'], 'HTTP/1.1 413 Too Large'));
        connection.end();
      });
      const stream = frames.get('/', { method: 'POST', content: 'the first part', isOpen: true });
      const response = await frames.readResponse(stream);
      expect(response).toMatchObject({ status: 413, isComplete: true, resetWith: null });
      expect(response.content.toString()).toBe(content);
      expect(await time.passUntil(frames.readReset(stream), 100)).toBe(ErrorCode.NO_ERROR);
      expect(await running.record()).toMatchObject({ outcome: 'completed', status: 413 });
      // The connection is none the worse for it.
      const next = frames.get('/', { method: 'POST', content: 'all' });
      expect((await frames.readResponse(next)).status).toBe(413);
    },
  );

  test('is complete before the reset also where the connection has been busy meanwhile [RFC 9113 8.1]', async ({
    net,
  }) => {
    const time = new StoppedTime(net);
    const size = 30_000_000;
    const busy = new Gate();
    const { frames, origin } = await framesLine(
      net,
      async (connection) => {
        const { target } = await connection.readHead();
        if (target === '/refused') {
          await busy.opened;
          await connection.write(sized('', ['Connection: close'], 'HTTP/1.1 413 Too Large'));
          connection.end();
        } else {
          await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
          await connection.writeSeeded('busy', 0, size);
        }
      },
      { frames: { settings: [[Setting.INITIAL_WINDOW_SIZE, 0x7fffffff]] } },
    );
    void frames.windowUpdate(0, 0x7fff0000);
    const refused = frames.get('/refused', { method: 'POST', content: 'the first part', isOpen: true });
    await until(() => origin.total === 1, 'the upload had come');
    const download = frames.get('/download');
    await frames.readSection(download);
    frames.wire.pause();
    await stalled(origin.connections[1]?.tcp);
    busy.open();
    await origin.connections[0]?.closed;
    for (let i = 0; i < 3; i += 1) await time.pass(1500);
    frames.wire.resume();
    expect(await frames.readResponse(refused)).toMatchObject({ status: 413, isComplete: true });
    expect(await time.passUntil(frames.readReset(refused), 100)).toBe(ErrorCode.NO_ERROR);
    const { content } = await frames.readContent(download);
    expect(isSeeded('busy', 0, content) && content.length === size).toBe(true);
  });

  test('is complete though its client resets the request at once [RFC 9113 8.1; curl]', async ({ net }) => {
    const { frames, running } = await framesLine(net, async (connection) => {
      await connection.readHead();
      await connection.write(sized('go away', [], 'HTTP/1.1 413 Too Large'));
      await connection.readAll();
    });
    for (const [index, code] of [ErrorCode.NO_ERROR, ErrorCode.CANCEL].entries()) {
      const stream = frames.get('/', { method: 'POST', content: 'the first part', isOpen: true });
      expect((await frames.readResponse(stream)).isComplete).toBe(true);
      void frames.reset(stream, code);
      expect(await running.record(index)).toMatchObject({ outcome: 'completed', status: 413 });
    }
  });

  test('goes on while the request does: both sides hear each other in turn [RFC 9113 8.1; Caddy]', async ({
    net,
  }) => {
    const { frames, running } = await framesLine(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      for (let i = 0; i < 5; i += 1) {
        expect(await connection.readThrough('ask')).toContain('ask');
        await connection.write(toChunk(`answer ${i}`));
      }
      expect(await connection.readThrough('0\r\n\r\n')).toContain('0\r\n\r\n');
      await connection.write('0\r\n\r\n');
    });
    const stream = frames.get('/', { method: 'POST', isOpen: true });
    expect(fieldOf((await frames.readSection(stream)).lines, ':status')).toBe('200');
    for (let i = 0; i < 5; i += 1) {
      void frames.data(stream, 'ask');
      expect((await frames.next(FrameType.DATA, stream)).payload.toString()).toBe(`answer ${i}`);
    }
    void frames.data(stream, '', Flag.END_STREAM);
    expect(await frames.readContent(stream)).toMatchObject({ content: Buffer.alloc(0) });
    expect(await running.record()).toMatchObject({ outcome: 'completed', bytesUp: 15, bytesDown: 40 });
  });
});
