import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { ErrorCode, fieldOf, Setting } from '../support/frames.js';
import { pseudoFields } from '../support/frames-client.js';
import type { FieldLine } from '../support/hpack.js';
import { framesLine } from '../support/http2-line.js';
import { respondWith } from '../support/raw-origin.js';
import { chunked, sized } from '../support/through.js';
import { until } from '../support/until.js';
import { acceptFor, opening, switching } from '../support/web-socket-origin.js';

const echo = opening(async (connection) => {
  for (let bytes = await connection.readSome(); bytes !== null; bytes = await connection.readSome())
    await connection.write(bytes);
  connection.end();
});

// At the same time: after most of them, the connection to the origin server stays open for a second.
describe.concurrent('a WebSocket over HTTP/2 that the origin server refuses', () => {
  test.for([
    ['403', sized('no', [], 'HTTP/1.1 403 Forbidden')],
    ['404 in chunks', Buffer.from(chunked(['no']).toString('latin1').replace('200 OK', '404 Not Found'))],
    ['302', sized('no', ['Location: /elsewhere'], 'HTTP/1.1 302 Found')],
    ['426 with Upgrade', sized('no', ['Upgrade: foo'], 'HTTP/1.1 426 Upgrade Required')],
    ['500', sized('no', [], 'HTTP/1.1 500 Oops')],
  ] as const)(
    'with %s is answered so, content and all, without Upgrade [RFC 8441 5; RFC 9110 7.8]',
    async ([status, bytes], { net }) => {
      const { frames, running } = await framesLine(net, respondWith(bytes));
      const stream = frames.connect('/');
      void frames.data(stream, 'early');
      const response = await frames.readResponse(stream);
      expect(response).toMatchObject({ status: Number(status.slice(0, 3)), isComplete: true });
      expect(response.content.toString()).toBe('no');
      expect(fieldOf(response.lines, 'upgrade')).toBe(undefined);
      expect(await frames.readReset(stream)).toBe(ErrorCode.NO_ERROR);
      expect((await running.record()).outcome).toBe('completed');
    },
  );

  test.for([200, 201, 204, 206, 299])(
    'with %i gets 502: a 2xx would open it [RFC 8441 5]',
    async (status, { net }) => {
      const { frames, origin, running } = await framesLine(
        net,
        respondWith(
          status === 204
            ? 'HTTP/1.1 204 No Content\r\n\r\n'
            : sized('plain', [], `HTTP/1.1 ${status} Whatever`),
        ),
      );
      const response = await frames.readResponse(frames.connect('/'));
      expect(response).toMatchObject({ status: 502, isComplete: true });
      expect(response.content.toString()).not.toContain('plain');
      expect(await running.record()).toMatchObject({
        outcome: 'upstream_invalid',
        error: 'http_upgrade_failed',
      });
      await until(() => origin.open === 0 || running.proxy.active === 0, 'it was let go');
    },
  );

  const wrong: [string, (key: string) => string][] = [
    ['another key', () => switching('another')],
    ['no key', (key) => switching(key).replace(/Sec-WebSocket-Accept.*\r\n/, '')],
    ['two keys', (key) => switching(key, [`Sec-WebSocket-Accept: ${acceptFor('another')}`])],
    ['another protocol', (key) => switching(key).replace('Upgrade: websocket', 'Upgrade: foo')],
    ['no protocol', (key) => switching(key).replace('Upgrade: websocket\r\n', '')],
  ];
  test.for(wrong)(
    'by a 101 with %s gets 502, and its socket is closed [RFC 6455 4.2.2; RFC 9110 7.8]',
    async ([, answer], { net }) => {
      const { frames, origin, running } = await framesLine(net, async (connection) => {
        const head = await connection.readHead();
        await connection.write(answer(head.get('sec-websocket-key') ?? ''));
        await connection.readAll();
      });
      const response = await frames.readResponse(frames.connect('/'));
      expect(response).toMatchObject({ status: 502, isComplete: true });
      await origin.connections[0]?.closed;
      expect(await running.record()).toMatchObject({
        outcome: 'upstream_invalid',
        error: 'http_upgrade_failed',
      });
    },
  );

  test('because it is not there gets 502 [RFC 9110 15.6.3]', async ({ net }) => {
    const running = await net.proxy({ upstream: 'http://127.0.0.1:1' }, { http2: 'h2c' });
    const frames = await net.frames(running);
    expect(await frames.readResponse(frames.connect('/'))).toMatchObject({ status: 502, isComplete: true });
  });
});

describe('an extended CONNECT', () => {
  const head = (changes: Record<string, string | null>): FieldLine[] => {
    const lines: FieldLine[] = [...pseudoFields('/', 'CONNECT'), [':protocol', 'websocket']];
    return lines
      .map(([name, value]): FieldLine => [name, changes[name] ?? value])
      .filter(([name]) => changes[name] !== null);
  };

  test('for another protocol gets 501, and no origin server is asked [RFC 8441 4; RFC 9220]', async ({
    net,
  }) => {
    const { frames, origin } = await framesLine(net, echo);
    const response = await frames.readResponse(frames.connect('/', [], 'connect-udp'));
    expect(response).toMatchObject({ status: 501, isComplete: true });
    expect(origin.total).toBe(0);
  });

  test('without Sec-WebSocket-Version is for the origin server to judge [RFC 6455 4.4]', async ({ net }) => {
    const { frames } = await framesLine(
      net,
      respondWith(({ lines }) => {
        expect(lines.filter((line) => /version/i.test(line))).toEqual([]);
        return sized('', ['Sec-WebSocket-Version: 13'], 'HTTP/1.1 426 Upgrade Required');
      }),
    );
    const response = await frames.readResponse(frames.sendRequest(head({}), undefined, true));
    expect(response.status).toBe(426);
    expect(fieldOf(response.lines, 'sec-websocket-version')).toBe('13');
  });

  test('gets 405 where the profile opens no tunnels [RFC 9110 9.3.6]', async ({ net }) => {
    const { passThrough } = await import('../../src/index.js');
    const { frames, origin } = await framesLine(net, echo, {
      profile: { ...passThrough, upgrades: false },
    });
    expect(await frames.readResponse(frames.connect('/'))).toMatchObject({ status: 405, isComplete: true });
    expect(origin.total).toBe(0);
  });

  test.for([
    ['without :path', { ':path': null }],
    ['without :scheme', { ':scheme': null }],
    ['with an empty :path', { ':path': '' }],
    ['with * as :path', { ':path': '*' }],
    ['with an absolute :path', { ':path': 'http://evil/' }],
    ['with a space in :path', { ':path': '/a b' }],
  ] as [string, Record<string, string | null>][])(
    '%s reaches no origin server: it gets 400, or its stream is reset [RFC 8441 4]',
    async ([, changes], { net }) => {
      const { frames, origin } = await framesLine(net, echo);
      const { status, resetWith } = await frames.readResponse(
        frames.sendRequest(head(changes), undefined, true),
      );
      if (status !== 400)
        expect({ status, resetWith }).toEqual({ status: 0, resetWith: ErrorCode.PROTOCOL_ERROR });
      expect(origin.total).toBe(0);
    },
  );

  test('is judged by hooks like an upgrade of HTTP/1.1 [Sluiceway]', async ({ net }) => {
    const { frames } = await framesLine(net, echo, {
      onRequest: ({ request }) => {
        expect(request).toMatchObject({ method: 'GET', path: '/chat', httpVersion: '2.0' });
        return { status: 403, content: 'no' };
      },
    });
    const response = await frames.readResponse(frames.connect('/chat'));
    expect(response).toMatchObject({ status: 403, isComplete: true });
  });

  test('that ends with its head is a WebSocket whose client has nothing to say [RFC 8441 5]', async ({
    net,
  }) => {
    const { frames, running } = await framesLine(
      net,
      opening(async (connection) => {
        expect((await connection.readAll()).length).toBe(0);
        await connection.write('a word');
        connection.end();
      }),
      { frames: { settings: [[Setting.ENABLE_PUSH, 0]] } },
    );
    const stream = frames.sendRequest(head({}));
    await frames.readSection(stream);
    expect((await frames.readContent(stream)).content.toString()).toBe('a word');
    expect((await running.record()).outcome).toBe('completed');
  });
});
