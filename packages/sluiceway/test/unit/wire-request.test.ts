import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import type { TransportRequest } from '../../src/upstream/transport.js';
import { formatRequestHead } from '../../src/upstream/wire/request-writer.js';
import { DrivenConnection } from '../support/driven-connection.js';
import { collect, contentOf, HeldSink, ManualSource, toRequest } from '../support/exchange.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const head = (changes: Partial<TransportRequest>): string[] =>
  formatRequestHead(toRequest('http://origin.test', changes)).split('\r\n');

describe('RFC 9112 section 3 and 6, the request head', () => {
  test.each<[string, Partial<TransportRequest>, string[]]>([
    ['without content', {}, []],
    ['a method that usually has content, without any', { method: 'PUT' }, ['Content-Length: 0']],
    ['another one', { method: 'DELETE' }, []],
    ['sized content', { method: 'POST', content: contentOf(['hello']) }, ['Content-Length: 5']],
    ['content of an unknown length', { content: contentOf(['x'], null) }, ['Transfer-Encoding: chunked']],
    [
      'content that is held back',
      { content: contentOf(['x']), expectContinue: true },
      ['Content-Length: 1', 'Expect: 100-continue'],
    ],
    ['an expectation without content', { expectContinue: true }, []],
    ['another protocol', { upgrade: 'a/1, b' }, ['Connection: Upgrade', 'Upgrade: a/1, b']],
  ])('%s', (_, changes, lines) => {
    const { method = 'GET' } = changes;
    expect(head(changes)).toEqual([`${method} / HTTP/1.1`, 'Host: origin.test', ...lines, '', '']);
  });

  test('fields keep their order, their repeats, their spelling and their bytes', () => {
    const headers = new Fields(['host', 'a', 'X-B', '\xe9\x80', 'x-b', '', 'TE', 'trailers']);
    expect(head({ path: '/a?b=%2F\xe9', headers })).toEqual([
      'GET /a?b=%2F\xe9 HTTP/1.1',
      'host: a',
      'X-B: \xe9\x80',
      'x-b: ',
      'TE: trailers',
      'Connection: TE',
      '',
      '',
    ]);
  });

  test.each(['', '/a b', '/a\r\nX: y', '/a\n', '/\t', '/\0', '/\x7f', '/\u0100'])(
    'the target %j is refused',
    (path) => {
      expect(() => head({ path })).toThrow('Invalid request target');
    },
  );

  test.each(['', 'G T', 'GET\r\n', 'GET /x', '\xe9'])('the method %j is refused', (method) => {
    expect(() => head({ method })).toThrow('Invalid method');
  });

  test('what cannot be written fails the exchange, and the connection is not used again', async () => {
    const driven = new DrivenConnection();
    await expect(driven.send({ path: '/a b' }).response).rejects.toMatchObject({
      code: 'http_request_error',
    });
    expect([driven.socket.written, driven.idled, driven.closed]).toEqual(['', 0, 1]);
  });
});

const contentSent = (driven: DrivenConnection): string =>
  driven.socket.written.split('\r\n\r\n').slice(1).join('\r\n\r\n');

describe('RFC 9112 section 7.1, request content', () => {
  test('sized content goes as it is', async () => {
    const driven = new DrivenConnection();
    let sent = 0;
    driven.send({ method: 'PUT', content: contentOf(['he', '', 'llo']), onRequestSent: () => (sent += 1) });
    expect(sent).toBe(0);
    await turn();
    expect([contentSent(driven), sent]).toEqual(['hello', 1]);
  });

  test('content of an unknown length goes chunk by chunk, with its trailers, and an empty chunk is none', async () => {
    const driven = new DrivenConnection();
    const content = contentOf(['he', '', 'x'.repeat(26)], null);
    Object.assign(content.source, { trailers: new Fields(['A', 'b', 'C', '\xe9']) });
    driven.send({ method: 'PUT', content });
    await turn();
    expect(contentSent(driven)).toBe(`2\r\nhe\r\n1a\r\n${'x'.repeat(26)}\r\n0\r\nA: b\r\nC: \xe9\r\n\r\n`);
  });

  test.each([
    ['shorter', ['he'], 'Request content ended after 2 of 5 bytes'],
    ['longer', ['hello', '!'], 'Request content is longer than the declared 5 bytes'],
  ])('content that is %s than was said is broken off', async (_, pieces, message) => {
    const driven = new DrivenConnection();
    const { response } = driven.send({ method: 'PUT', content: contentOf(pieces, 5) });
    await expect(response).rejects.toMatchObject({ code: 'http_request_error', message });
    expect(driven.socket.destroyed).toBe(true);
    expect(contentSent(driven).length).toBeLessThanOrEqual(5);
  });

  test('content that fails breaks the request off with its error', async () => {
    const driven = new DrivenConnection();
    const source = new ManualSource();
    const { response } = driven.send({ method: 'PUT', content: { source, length: 5 } });
    source.sink?.fail(new Error('gone'));
    await expect(response).rejects.toThrow('gone');
    expect(driven.socket.destroyed).toBe(true);
  });

  test('a chunk is given back when the operating system has taken it', async () => {
    const driven = new DrivenConnection();
    const source = new ManualSource();
    driven.send({ method: 'PUT', content: { source, length: null } });
    source.lend('hello');
    expect(source.returned).toBe(0);
    await turn();
    expect(source.returned).toBe(1);
  });

  test('a request whose last write fails has not been sent', async () => {
    const driven = new DrivenConnection();
    let sent = 0;
    const source = new ManualSource();
    driven.send({ method: 'PUT', content: { source, length: null }, onRequestSent: () => (sent += 1) });
    source.lend('hello');
    await turn();
    driven.socket.failure = new Error('write EPIPE');
    source.sink?.end();
    await turn();
    expect(sent).toBe(0);
  });
});

describe('RFC 9110 section 10.1.1, content that waits for 100', () => {
  const expecting = (source: ManualSource): Partial<TransportRequest> => ({
    method: 'PUT',
    content: { source, length: 5 },
    expectContinue: true,
  });

  test('is started by 100 and by no other interim response', () => {
    const driven = new DrivenConnection();
    const source = new ManualSource();
    driven.send(expecting(source));
    driven.feed('HTTP/1.1 103 Early Hints\r\n\r\n');
    expect(source.sink).toBeNull();
    driven.feed('HTTP/1.1 100 Continue\r\n\r\n');
    expect(source.sink).not.toBeNull();
  });

  test.each([200, 417, 302])('is given up where %i comes instead', async (status) => {
    const driven = new DrivenConnection();
    const source = new ManualSource();
    const { response } = driven.send(expecting(source));
    driven.feed(`HTTP/1.1 ${status} x\r\nContent-Length: 1\r\n\r\na`);
    expect((await response).status).toBe(status);
    expect([source.sink, source.cancelled]).toEqual([null, 1]);
    await collect((await response).content);
    // The origin server may still wait for the content that was announced.
    expect(driven.socket.destroyed).toBe(true);
  });
});

test('an answer below 300 that comes early lets the content go on, one from 300 on stops it', async () => {
  for (const [status, cancelled] of [
    [200, 0],
    [299, 0],
    [300, 1],
    [413, 1],
  ] as const) {
    const driven = new DrivenConnection();
    const source = new ManualSource();
    const { response } = driven.send({ method: 'PUT', content: { source, length: 5 } });
    source.lend('he');
    driven.feed(`HTTP/1.1 ${status} x\r\nContent-Length: 5\r\n\r\nhe`);
    const sink = new HeldSink();
    (await response).content.start(sink);
    expect(source.cancelled).toBe(cancelled);
    driven.connection.destroy();
  }
});
