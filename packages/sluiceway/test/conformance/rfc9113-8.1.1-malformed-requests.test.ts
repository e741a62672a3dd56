import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { ErrorCode } from '../support/frames.js';
import { pseudoFields } from '../support/frames-client.js';
import type { FieldLine } from '../support/hpack.js';
import { exchange, replaced, without } from '../support/http2-exchange.js';

describe('a malformed HTTP/2 request', () => {
  const cases: [string, FieldLine[], string?][] = [
    ['without :method', without(':method')],
    ['without :scheme', without(':scheme')],
    ['without :path', without(':path')],
    ['with an empty :path', replaced(':path', '')],
    [
      'with an empty :path and another scheme',
      [
        [':method', 'GET'],
        [':scheme', 'x'],
        [':authority', 'test'],
        [':path', ''],
      ],
    ],
    ['with an absolute :path', replaced(':path', 'http://evil/')],
    [
      'with an absolute :path and another scheme',
      [
        [':method', 'GET'],
        [':scheme', 'x'],
        [':authority', 'test'],
        [':path', 'http://evil/'],
      ],
    ],
    [
      'with a :path that is an authority',
      [
        [':method', 'GET'],
        [':scheme', 'x'],
        [':authority', 'test'],
        [':path', 'evil:80'],
      ],
    ],
    ['with a space in :path', replaced(':path', '/a b')],
    ['with CR LF in :path', replaced(':path', '/ HTTP/1.1\r\nx-evil: 1')],
    ['with a # in :path', replaced(':path', '/#x')],
    ['with * and GET', replaced(':path', '*')],
    ['with user information in :authority', replaced(':authority', 'user@test')],
    ['with a slash in :authority', replaced(':authority', 'test/x')],
    ['with a space in :authority', replaced(':authority', 'test x')],
    ['with a space in :method', replaced(':method', 'GET /x')],
    ['with CR LF in :method', replaced(':method', 'GET\r\n')],
    ['with neither :authority nor Host', without(':authority')],
    ['with a Host that is not :authority', [...pseudoFields('/'), ['host', 'other']]],
    ['with an empty Host beside :authority', [...pseudoFields('/'), ['host', '']]],
    ['with two Hosts', [...without(':authority'), ['host', 'a'], ['host', 'a']]],
    ['with two :paths', [...pseudoFields('/'), [':path', '/']]],
    ['with an unknown pseudo-field', [...pseudoFields('/'), [':x', '/']]],
    ['with :status', [...pseudoFields('/'), [':status', '200']]],
    ['with :protocol and GET', [...pseudoFields('/'), [':protocol', 'websocket']]],
    ['with a pseudo-field behind a field', [['x-a', '1'], ...pseudoFields('/')]],
    ['with a name in upper case', [...pseudoFields('/'), ['X-A', '1']]],
    ['with Connection', [...pseudoFields('/'), ['connection', 'close']]],
    ['with Keep-Alive', [...pseudoFields('/'), ['keep-alive', '5']]],
    ['with Proxy-Connection', [...pseudoFields('/'), ['proxy-connection', 'close']]],
    ['with Transfer-Encoding', [...pseudoFields('/', 'POST'), ['transfer-encoding', 'chunked']], 'x'],
    ['with Upgrade', [...pseudoFields('/'), ['upgrade', 'websocket']]],
    ['with TE: gzip', [...pseudoFields('/'), ['te', 'gzip']]],
    ['with TE: trailers, gzip', [...pseudoFields('/'), ['te', 'trailers, gzip']]],
    ['with a Content-Length that is no number', [...pseudoFields('/', 'POST'), ['content-length', 'x']], 'x'],
    ['with a Content-Length with a sign', [...pseudoFields('/', 'POST'), ['content-length', '+1']], 'x'],
    [
      'with two Content-Lengths',
      [...pseudoFields('/', 'POST'), ['content-length', '1'], ['content-length', '1']],
      'x',
    ],
    ['with a list as Content-Length', [...pseudoFields('/', 'POST'), ['content-length', '1, 1']], 'x'],
  ];

  test.for(cases)(
    '%s reaches no origin server: it gets 400 or its stream is reset, and the connection goes on [RFC 9113 8.1.1]',
    async ([, lines, content], { net }) => {
      const { seen, response } = await exchange(net, lines, content);
      expect(seen).toBe(null);
      if (response.status === 400) expect(response.isComplete).toBe(true);
      else expect(response).toMatchObject({ status: 0, resetWith: ErrorCode.PROTOCOL_ERROR });
    },
  );

  const invalid: [string, FieldLine][] = [
    ['a name with a space', ['x a', '1']],
    ['a name with a colon', ['x:a', '1']],
    ['an empty name', ['', '1']],
    ['a value with NUL', ['x-a', 'a\0b']],
    ['a value with CR', ['x-a', 'a\rx-evil: 1']],
    ['a value with LF', ['x-a', 'a\nx-evil: 1']],
    ['a value with CR LF', ['x-a', 'a\r\nx-evil: 1']],
    ['a value that begins with a space', ['x-a', ' a']],
    ['a value that ends with a tab', ['x-a', 'a\t']],
  ];
  test.for(invalid)(
    'with %s never reaches the origin server with it [RFC 9113 8.2.1; Node]',
    async ([, line], { net }) => {
      const { seen } = await exchange(net, [...pseudoFields('/'), line, ['x-good', '1']]);
      if (seen === null) return;
      expect(seen.get('x-good')).toBe('1');
      expect(seen.has('x-evil')).toBe(false);
      expect(seen.lines.filter((each) => each.startsWith('x')).length).toBe(1);
    },
  );
});
