import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { ErrorCode, Flag } from '../support/frames.js';
import { framesLine } from '../support/http2-line.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';

describe('an interim response over HTTP/2', () => {
  test('is passed on with its fields, in order, without what is hop-by-hop [RFC 9113 8.1; RFC 9110 15.2; RFC 8297]', async ({
    net,
  }) => {
    const { frames } = await framesLine(
      net,
      respondWith(
        Buffer.concat([
          Buffer.from(
            'HTTP/1.1 103 Early Hints\r\nLink: <a>; rel=preload\r\nLink: <b>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n' +
              'HTTP2-Settings: x\r\nTE: gzip\r\nETag: "a"\r\nETag: "b"\r\nX-Utf8: voil\xc3\xa0\r\n\r\n' +
              'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 199 Whatever\r\nX-A: 1\r\n\r\n',
            'latin1',
          ),
          sized('content'),
        ]),
      ),
    );
    const response = await frames.readResponse(frames.get('/'));
    expect(response.interim).toEqual([
      [
        [':status', '103'],
        ['link', '<a>; rel=preload'],
        ['link', '<b>'],
        ['etag', '"a", "b"'],
        ['x-utf8', 'voil\xc3\xa0'],
      ],
      [[':status', '102']],
      [
        [':status', '199'],
        ['x-a', '1'],
      ],
    ]);
    expect(response).toMatchObject({ status: 200, isComplete: true });
  });

  test('101 that nobody has asked for gets 502 [RFC 9113 8.6]', async ({ net }) => {
    const { frames } = await framesLine(
      net,
      respondWith('HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    );
    expect(await frames.readResponse(frames.get('/'))).toMatchObject({ status: 502, isComplete: true });
  });

  test('before a connection that breaks is followed by a complete 502 [nginx]', async ({ net }) => {
    const { frames } = await framesLine(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n');
      connection.end();
    });
    const response = await frames.readResponse(frames.get('/'));
    expect(response.interim.length).toBe(1);
    expect(response).toMatchObject({ status: 502, isComplete: true });
  });
});

describe('a client that expects 100', () => {
  const EXPECTS = { method: 'POST', isOpen: true } as const;

  test.for(['100-continue', '100-Continue'])(
    '(%s) gets it when the origin server says so, and then sends its content [RFC 9110 10.1.1]',
    async (expectation, { net }) => {
      const { frames } = await framesLine(net, async (connection) => {
        const head = await connection.readHead();
        expect(head.get('expect')).toBe('100-continue');
        await connection.write('HTTP/1.1 100 Continue\r\n\r\n');
        expect((await connection.readContent(head)).toString()).toBe('content');
        await connection.write(sized('thanks'));
      });
      const stream = frames.get('/', { ...EXPECTS, lines: [['expect', expectation]] });
      const interim = await frames.readSection(stream);
      expect(interim).toMatchObject({ lines: [[':status', '100']], endStream: false });
      void frames.data(stream, 'content', Flag.END_STREAM);
      const response = await frames.readResponse(stream);
      expect(response.content.toString()).toBe('thanks');
      expect(response.interim).toEqual([]);
    },
  );

  test('gets the final response instead where the origin server says no [RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const { frames } = await framesLine(net, async (connection) => {
      await connection.readHead();
      await connection.write(sized('no', ['Connection: close'], 'HTTP/1.1 417 Expectation Failed'));
      connection.end();
    });
    const stream = frames.get('/', { ...EXPECTS, lines: [['expect', '100-continue']] });
    const response = await frames.readResponse(stream);
    expect(response).toMatchObject({ status: 417, isComplete: true, interim: [] });
    expect(response.content.toString()).toBe('no');
    expect(await frames.readReset(stream)).toBe(ErrorCode.NO_ERROR);
  });

  test('is not told 100 by the proxy, nor is one that has not asked [RFC 9110 15.2.1]', async ({ net }) => {
    const { frames } = await framesLine(net, async (connection) => {
      await connection.readHead();
      await connection.write('HTTP/1.1 100 Continue\r\n\r\n');
      await connection.write(sized('content'));
    });
    const response = await frames.readResponse(frames.get('/'));
    expect(response).toMatchObject({ status: 200, interim: [] });
  });

  test('anything else gets 417, and no origin server is asked [RFC 9110 10.1.1; Node]', async ({ net }) => {
    const { frames, origin } = await framesLine(net, respondWith(sized('')));
    const stream = frames.get('/', { lines: [['expect', 'the unexpected']] });
    expect(await frames.readResponse(stream)).toMatchObject({ status: 417, isComplete: true });
    expect(origin.total).toBe(0);
  });
});
