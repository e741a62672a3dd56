import { type Kind, one, toRequest, toSized, word, words } from './exchange.js';

const GREETING = 'GET / HTTP/1.1\r\nHost: h.test\r\n\r\n';

/** A kind of request that differs by its target. */
const target = (kind: string, ...targets: ((word: string) => string)[]): Kind => ({
  kind,
  variants: targets.map((of) => (dice) => ({ request: toRequest(dice, { target: of(word(dice)) }) })),
});

/** A kind of request that differs by its version. */
const version = (kind: string, ...versions: string[]): Kind => ({
  kind,
  variants: versions.map((each) => (dice) => ({ request: toRequest(dice, { version: each }) })),
});

/** A kind of request that differs by its method. */
const method = (kind: string, ...methods: string[]): Kind => ({
  kind,
  variants: methods.map((each) => (dice) => ({ method: each, request: toRequest(dice, { method: each }) })),
});

/** Start lines: methods, targets, versions. */
export const requestLineKinds: readonly Kind[] = [
  method('a method without content: GET, OPTIONS, DELETE', 'GET', 'OPTIONS', 'DELETE'),
  method('HEAD', 'HEAD'),
  {
    kind: 'a method with content: POST, PUT, PATCH',
    variants: ['POST', 'PUT', 'PATCH'].map((each) => (dice) => ({
      request: toSized(dice, { method: each }),
    })),
  },
  method('a registered method of WebDAV or another extension', 'PROPFIND', 'MKCOL', 'REPORT', 'M-SEARCH'),
  method('an unregistered method', 'FROBNICATE', 'X-Y', 'GETT'),
  method('a method in lower case', 'get', 'Head'),
  method('a method that is not a token', 'G(T', 'P@T'),
  method('TRACE', 'TRACE'),
  one('CONNECT', (dice) => ({
    method: 'CONNECT',
    request: toRequest(dice, { method: 'CONNECT', target: 'h.test:443', host: 'h.test:443' }),
  })),
  one('`OPTIONS *`', (dice) => ({ request: toRequest(dice, { method: 'OPTIONS', target: '*' }) })),
  target('`*` with another method', () => '*'),
  target(
    'an encoded slash or dot in the target',
    (w) => `/${w}%2F${w}`,
    (w) => `/${w}%2f..%2F`,
    (w) => `/%2e%2e/${w}`,
  ),
  target(
    'empty segments in the target',
    (w) => `//${w}`,
    (w) => `/${w}//${w}`,
    (w) => `/${w}///`,
  ),
  target(
    'dot segments in the target',
    (w) => `/${w}/../${w}`,
    (w) => `/./${w}`,
    (w) => `/${w}/.`,
  ),
  target(
    'dot segments that lead above the root',
    (w) => `/../${w}`,
    (w) => `/${w}/../../${w}`,
  ),
  target(
    'an empty query',
    (w) => `/${w}?`,
    () => '/?',
  ),
  target(
    'odd characters in the query',
    (w) => `/${w}?a=?&&=;b=%zz`,
    (w) => `/${w}?a=|{}"`,
    (w) => `/?%00&${w}+%20`,
  ),
  target(
    'odd characters in the path',
    (w) => `/${w}|{}`,
    (w) => `/"${w}"`,
    (w) => `/^${w}\``,
  ),
  target('a backslash in the target', (w) => `/${w}\\..\\${w}`),
  target(
    'an invalid percent-encoding in the path',
    (w) => `/${w}%zz`,
    (w) => `/${w}%4`,
  ),
  target('an encoded NUL in the path', (w) => `/${w}%00${w}`),
  target(
    'a fragment in the target',
    (w) => `/${w}#${w}`,
    (w) => `/${w}?a#${w}`,
  ),
  target(
    'bytes beyond ASCII in the target',
    (w) => `/${w}\xe4`,
    (w) => `/?${w}=\xc3\xa4`,
  ),
  target('a tab in the target', (w) => `/${w}\t${w}`),
  target(
    'a target without its leading slash',
    (w) => w,
    (w) => `${w}/${w}`,
  ),
  target(
    'a target in absolute-form',
    (w) => `http://${w}.test/${w}?a`,
    (w) => `HTTP://${w}.test:8080/${w}`,
  ),
  target('a target in absolute-form without a path', (w) => `http://${w}.test`),
  target('a target in absolute-form without a path, with a query', (w) => `http://${w}.test?a=b`),
  target('a target in absolute-form with userinfo', (w) => `http://${w}:p@${w}.test/${w}`),
  target('a target in absolute-form of another scheme', (w) => `ftp://${w}.test/${w}`),
  target('a target of 6,000 bytes', (w) => `/${w}${'x'.repeat(6000)}`),
  target('a target of 20,000 bytes', (w) => `/${w}${'x'.repeat(20_000)}`),
  target(
    'two spaces in the request line',
    (w) => ` /${w}`,
    (w) => `/${w} `,
  ),
  version('a space after the version', 'HTTP/1.1 '),
  {
    kind: 'empty lines before the request line',
    variants: ['\r\n', '\r\n\r\n'].map((lines) => (dice) => ({ request: lines + toRequest(dice) })),
  },
  one('a space before the request line', (dice) => ({ request: ` ${toRequest(dice)}` })),
  version('HTTP/1.0', 'HTTP/1.0'),
  one('HTTP/1.0 without Host', (dice) => ({ request: toRequest(dice, { version: 'HTTP/1.0', host: null }) })),
  one('HTTP/1.0 with Connection: keep-alive', (dice) => ({
    request: toRequest(dice, { version: 'HTTP/1.0', lines: ['Connection: keep-alive'] }),
  })),
  version('version 1.2 or later', 'HTTP/1.2', 'HTTP/1.9'),
  version('version 2.0 or later in an HTTP/1 message', 'HTTP/2.0', 'HTTP/3.0'),
  version('an invalid version', 'http/1.1', 'HTTP/1.', 'HTTP/11', 'HTTP'),
  one('a request line without a version', () => ({ request: 'GET /\r\n\r\n' })),
  one('the HTTP/2 preface', () => ({
    request: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    clientEnds: { how: 'fin', when: 'sent' },
  })),
  one('bytes of a TLS handshake', () => ({
    request: '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n',
  })),
  one('two requests in one piece', () => ({ request: GREETING + GREETING, responses: 2 })),
  one('a request after one with content, in one piece', (dice) => ({
    request: toSized(dice, { content: words(dice) }) + GREETING,
    responses: 2,
  })),
  one('invalid data after a request', (dice) => ({
    request: `${toRequest(dice)}${word(dice)}\r\n\r\n`,
    responses: 2,
  })),
];
