import { describe, expect } from 'vitest';
import { type Network, test } from '../support/fixture.js';
import { ErrorCode } from '../support/frames.js';
import { pseudoFields } from '../support/frames-client.js';
import type { FieldLine } from '../support/hpack.js';
import { exchange, replaced, without } from '../support/http2-exchange.js';
import type { RequestHead } from '../support/message-head.js';

/** Every byte above 0x7F. */
const OBS_TEXT = Array.from({ length: 128 }, (_, i) => String.fromCharCode(128 + i)).join('');

async function seenBy(net: Network, lines: readonly FieldLine[]): Promise<RequestHead> {
  const { seen, response } = await exchange(net, lines);
  expect(response).toMatchObject({ status: 200, isComplete: true });
  if (seen === null) throw new Error('No request came');
  return seen;
}

describe('fields of an HTTP/2 request', () => {
  test('reach the origin server in order, repeats kept, none invented [RFC 9113 8.3.1; RFC 9110 5.3]', async ({
    net,
  }) => {
    const head = await seenBy(net, [
      ...pseudoFields('/a%2Fb?c=%zz&&d'),
      ['x-b', '1'],
      ['x-a', '2'],
      ['x-b', '3'],
      ['authorization', 'Basic one'],
      ['authorization', 'Basic two'],
      ['x-empty', ''],
      ['x-tab', 'a\tb'],
      ['constructor', 'c'],
      ['__proto__', 'p'],
    ]);
    expect(head.startLine).toBe('GET /a%2Fb?c=%zz&&d HTTP/1.1');
    expect(head.lines).toEqual([
      expect.stringMatching(/^Host: 127\.0\.0\.1:\d+$/i),
      'x-b: 1',
      'x-a: 2',
      'x-b: 3',
      'authorization: Basic one',
      'authorization: Basic two',
      'x-empty: ',
      'x-tab: a\tb',
      'constructor: c',
      '__proto__: p',
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Host: test',
      'X-Forwarded-Proto: http',
      'Via: 2.0 us',
      'CDN-Loop: us',
    ]);
  });

  test('keep every byte above 0x7F, at the ends of a value too [RFC 9110 5.5]', async ({ net }) => {
    const head = await seenBy(net, [
      ...pseudoFields('/'),
      ['x-obs', OBS_TEXT],
      ['x-ends', '\xa0middle\x85\xa0'],
    ]);
    expect(head.raw).toContain(`x-obs: ${OBS_TEXT}\r\n`);
    expect(head.raw).toContain('x-ends: \xa0middle\x85\xa0\r\n');
  });

  test('leave every byte of the target as it is [RFC 9113 8.3.1; Node]', async ({ net }) => {
    const head = await seenBy(net, pseudoFields("/\xe9/%7e%zz//./~?a=b?c&d='%22"));
    expect(head.target).toBe("/\xe9/%7e%zz//./~?a=b?c&d='%22");
  });

  test('that are crumbs of a cookie reach the origin server as one Cookie [RFC 9113 8.2.3]', async ({
    net,
  }) => {
    const head = await seenBy(net, [
      ...pseudoFields('/'),
      ['cookie', 'a=1'],
      ['x-between', 'x'],
      ['cookie', 'b=2; c=3'],
      ['cookie', ''],
      ['cookie', 'd="4"'],
    ]);
    expect(head.getAll('cookie')).toEqual(['a=1; b=2; c=3; ; d="4"']);
  });

  test('by the hundreds reach the origin server, cookie crumbs among them [RFC 9113 8.2.3; Chromium]', async ({
    net,
  }) => {
    const many = Array.from({ length: 300 }, (_, i): FieldLine => [`x-${i}`, '1']);
    const crumbs = Array.from({ length: 200 }, (_, i): FieldLine => ['cookie', `c${i}=1`]);
    const head = await seenBy(net, [...pseudoFields('/'), ...many, ...crumbs]);
    expect(head.get('cookie')).toHaveLength(crumbs.map(([, value]) => value).join('; ').length);
    expect(head.getAll('x-299')).toEqual(['1']);
  });

  test.for([
    ['trailers', 'trailers'],
    ['Trailers', 'trailers'],
  ] as const)(
    'that are TE with %s ask the origin server for trailers [RFC 9113 8.2.2; RFC 9110 10.1.4]',
    async ([value, expected], { net }) => {
      const head = await seenBy(net, [...pseudoFields('/'), ['te', value]]);
      expect(head.getAll('te')).toEqual([expected]);
      expect(head.getAll('connection')).toEqual(['TE']);
    },
  );

  test('that are hop-by-hop in HTTP/1 go no further [RFC 9110 7.6.1]', async ({ net }) => {
    const head = await seenBy(net, [
      ...pseudoFields('/'),
      ['http2-settings', 'AAMAAABkAARAAAAAAAIAAAAA'],
      ['proxy-authorization', 'Basic x'],
      ['trailer', 'x-t'],
    ]);
    for (const name of ['http2-settings', 'proxy-authorization', 'trailer'])
      expect(head.has(name)).toBe(false);
  });

  test('X-Forwarded-Proto is that of the connection, whatever :scheme says [Go ReverseProxy]', async ({
    net,
  }) => {
    const head = await seenBy(net, replaced(':scheme', 'https'));
    expect(head.get('x-forwarded-proto')).toBe('http');
  });
});

describe('the target of an HTTP/2 request', () => {
  test.for([
    ['only :authority', pseudoFields('/'), 'test'],
    ['only Host', [...without(':authority'), ['host', 'name:81']], 'name:81'],
    ['both, the same in another case', [...pseudoFields('/'), ['host', 'TEST']], 'test'],
  ] as [string, FieldLine[], string][])(
    'with %s is that of the request [RFC 9113 8.3.1]',
    async ([, lines, host], { net }) => {
      expect((await seenBy(net, lines)).get('x-forwarded-host')).toBe(host);
    },
  );

  test('* of OPTIONS is passed on [RFC 9113 8.3.1; RFC 9112 3.2.4]', async ({ net }) => {
    const head = await seenBy(net, pseudoFields('*', 'OPTIONS'));
    expect(head.startLine).toBe('OPTIONS * HTTP/1.1');
  });

  test.for(['https', 'ftp', 'x+y'])(
    'with the scheme %s is served like any [Caddy]',
    async (scheme, { net }) => {
      expect((await seenBy(net, replaced(':scheme', scheme))).target).toBe('/');
    },
  );
});

test('a CONNECT without :protocol gets 405 [RFC 9110 9.3.6]', async ({ net }) => {
  const { seen, response } = await exchange(net, [
    [':method', 'CONNECT'],
    [':authority', 'test:443'],
  ]);
  expect(seen).toBe(null);
  expect(response).toMatchObject({ status: 405, isComplete: true });
});

test('a TRACE gets 405 [RFC 9110 9.3.8]', async ({ net }) => {
  const { seen, response } = await exchange(net, pseudoFields('/', 'TRACE'));
  expect(seen).toBe(null);
  expect(response).toMatchObject({ status: 405, isComplete: true });
});

test('a thousand fields get 431, and many more a reset: none are dropped unseen [RFC 6585 5; Node]', async ({
  net,
}) => {
  const fields = (count: number) => Array.from({ length: count }, (_, i): FieldLine => [`x-${i}`, '1']);
  const many = await exchange(net, [...pseudoFields('/'), ...fields(1000)]);
  expect(many.seen).toBe(null);
  expect(many.response).toMatchObject({ status: 431, isComplete: true });
  const tooMany = await exchange(net, [...pseudoFields('/'), ...fields(1100)]);
  expect(tooMany.seen).toBe(null);
  expect(tooMany.response).toMatchObject({ status: 0, resetWith: ErrorCode.ENHANCE_YOUR_CALM });
});

test('a field section beyond SETTINGS_MAX_HEADER_LIST_SIZE is refused, and the connection goes on [RFC 9113 10.5.1]', async ({
  net,
}) => {
  const { seen, response } = await exchange(net, [
    ...pseudoFields('/'),
    ...Array.from({ length: 7 }, (_, i): FieldLine => [`x-${i}`, 'x'.repeat(10_000)]),
  ]);
  expect(seen).toBe(null);
  expect(response).toMatchObject({ status: 0, resetWith: ErrorCode.ENHANCE_YOUR_CALM });
});
