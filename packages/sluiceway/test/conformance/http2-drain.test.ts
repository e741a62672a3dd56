import { describe, expect } from 'vitest';
import { isSeeded } from '../support/content.js';
import { test } from '../support/fixture.js';
import { ErrorCode, Flag, fieldOf } from '../support/frames.js';
import { Gate } from '../support/gate.js';
import { framesLine } from '../support/http2-line.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

const SIZE = 40_000;

describe.for(['h2c', 'tls'] as const)('over HTTP/2 (%s)', (over) => {
  test('close() lets streams finish, answers a new one 503 with GOAWAY, and the connection ends with the last [RFC 9113 6.8; Caddy; nginx]', async ({
    net,
  }) => {
    const more = new Gate();
    const { frames, running, origin } = await framesLine(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
        await connection.writeSeeded('drain', 0, 1000);
        await more.opened;
        await connection.writeSeeded('drain', 1000, SIZE);
        await connection.readAll();
      },
      { over },
    );
    const download = frames.get('/');
    await frames.readSection(download);
    let closed = false;
    const closing = running.proxy.close().then(() => {
      closed = true;
    });

    const late = frames.get('/late');
    const refused = await frames.readResponse(late);
    expect(refused).toMatchObject({ status: 503, isComplete: true });
    expect(fieldOf(refused.lines, 'retry-after')).toBeDefined();
    expect(await frames.readGoaway()).toEqual({ lastStream: late, code: ErrorCode.NO_ERROR });
    // Sent before the GOAWAY was seen: it may be sent again elsewhere.
    const tooLate = frames.get('/tooLate');
    more.open();
    const { content } = await frames.readContent(download);
    expect(content.length === SIZE && isSeeded('drain', 0, content)).toBe(true);
    await closing;
    expect(closed).toBe(true);
    expect(await frames.wire.closed).toBe('fin');
    expect(running.recorded.map(({ path }) => path)).not.toContain('/tooLate');
    expect(tooLate).toBeGreaterThan(late);
    await until(() => origin.open === 0, 'no connection to the origin server was left');
  });

  test('close() lets an upload finish that was under way, and its answer goes with GOAWAY [RFC 9113 6.8; Caddy; nginx]', async ({
    net,
  }) => {
    const { frames, running } = await framesLine(
      net,
      respondWith((_head, content) => sized(String(content.length))),
      { over },
    );
    const stream = frames.get('/', { method: 'POST', content: '12345', isOpen: true });
    await until(() => running.proxy.active === 1, 'the upload had begun');
    const closing = running.proxy.close();
    void frames.data(stream, '67890', Flag.END_STREAM);
    expect((await frames.readResponse(stream)).content.toString()).toBe('10');
    expect((await frames.readGoaway()).code).toBe(ErrorCode.NO_ERROR);
    await closing;
    expect(await frames.wire.closed).toBe('fin');
  });

  test('destroy() resets what runs, with the outcome shutdown, and answers 503 where no head is out yet [RFC 9113 8.1; RFC 9110 15.6.4]', async ({
    net,
  }) => {
    const { frames, running, origin } = await framesLine(
      net,
      async (connection) => {
        if ((await connection.readHead()).target === '/begun')
          await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nstart');
        await connection.readAll();
      },
      { over },
    );
    const begun = frames.get('/begun');
    await frames.readSection(begun);
    const waiting = frames.get('/waiting');
    await until(() => origin.total === 2, 'both were under way');
    running.proxy.destroy();
    await expect(frames.readContent(begun)).rejects.toMatchObject({ code: ErrorCode.INTERNAL_ERROR });
    expect(await frames.readResponse(waiting)).toMatchObject({ status: 503, isComplete: true });
    expect((await running.records(2)).map(({ outcome, error }) => [outcome, error])).toEqual([
      ['shutdown', 'shutdown'],
      ['shutdown', 'shutdown'],
    ]);
  });
});
