import { type Kind, one, toRequest, toSized, word, words } from './exchange.js';

/** A kind of request that differs by its field lines. */
const fields = (kind: string, ...choices: ((word: string) => readonly string[])[]): Kind => ({
  kind,
  variants: choices.map((of) => (dice) => ({ request: toRequest(dice, { lines: of(word(dice)) }) })),
});

/** Field lines of requests: their syntax, repeats, and those that concern one connection only. */
export const requestFieldKinds: readonly Kind[] = [
  fields(
    'repeated fields',
    (w) => [`X-A: ${w}`, `X-A: ${w}`],
    (w) => ['Accept-Encoding: gzip', `X-A: ${w}`, 'Accept-Encoding: br'],
  ),
  fields(
    'repeated Cookie fields',
    (w) => [`Cookie: a=${w}`, 'Cookie: b=2'],
    (w) => ['Cookie: a=b', `Cookie: ${w}`],
  ),
  fields(
    'fields with an empty value',
    () => ['X-A:'],
    () => ['X-A:   ', 'X-B:'],
  ),
  fields(
    'space and tab around a value',
    (w) => [`X-A: \t ${w} \t`],
    (w) => [`X-A:${w}   `],
  ),
  fields('a tab inside a value', (w) => [`X-A: ${w}\t${w}`]),
  fields(
    'bytes beyond ASCII in a value',
    (w) => [`X-A: ${w}\xe4\xff`],
    (w) => [`X-A: \xc3\xa4${w}`],
  ),
  fields('an underscore in a field name', (w) => [`X_A: ${w}`]),
  fields('every other token character in a field name', (w) => [`X!#$%&'*+.^~: ${w}`]),
  fields(
    'a field name that is not a token',
    (w) => [`X(A): ${w}`],
    (w) => [`X@A: ${w}`],
    (w) => [`\xe4: ${w}`],
  ),
  fields('a field without a name', (w) => [`: ${w}`]),
  fields('a line without a colon', (w) => [w]),
  fields(
    'space before the colon',
    (w) => [`X-A : ${w}`],
    (w) => [`X-A\t: ${w}`],
  ),
  fields(
    'obs-fold',
    (w) => [`X-A: ${w}`, ` ${w}`],
    (w) => ['X-A:', `\t${w}`],
  ),
  fields('a space before the first field name', (w) => [` X-A: ${w}`]),
  fields('NUL in a value', (w) => [`X-A: ${w}\0${w}`]),
  fields(
    'another control character in a value',
    (w) => [`X-A: ${w}\x01`],
    (w) => [`X-A: \x7f${w}`],
  ),
  fields(
    'a bare CR in a value',
    (w) => [`X-A: ${w}\r${w}`],
    (w) => [`X-A: ${w}\rX-B: ${w}`],
  ),
  one('lines that end with a bare LF', (dice) => ({ request: toRequest(dice).replaceAll('\r\n', '\n') })),
  one('one line that ends with a bare LF', (dice) => ({
    request: toRequest(dice, { lines: [`X-A: ${word(dice)}\nX-B: b`] }),
  })),
  fields('100 fields', (w) => Array.from({ length: 100 }, (_, index) => `X-${index}: ${w}`)),
  fields('a field of 4,000 bytes', (w) => [`X-A: ${w}${'x'.repeat(4000)}`]),
  fields('a field of 20,000 bytes', (w) => [`X-A: ${w}${'x'.repeat(20_000)}`]),
  one('no Host', (dice) => ({ request: toRequest(dice, { host: null }) })),
  one('an empty Host', (dice) => ({ request: toRequest(dice, { host: '' }) })),
  fields('two Host fields', (w) => [`Host: ${w}.test`]),
  {
    kind: 'an invalid Host',
    variants: ['a b', 'a/b', 'user@host', '\xe4', 'a,b'].map((host) => (dice) => ({
      request: toRequest(dice, { host }),
    })),
  },

  fields(
    'fields named in Connection',
    (w) => ['Connection: X-A', `X-A: ${w}`],
    (w) => [`X-A: ${w}`, 'Connection: close, x-a'],
    (w) => ['Connection: keep-alive', 'Connection: X-a', `X-A: ${w}`],
  ),
  fields('connection fields: Keep-Alive, Proxy-Connection', () => [
    'Keep-Alive: timeout=5',
    'Proxy-Connection: keep-alive',
  ]),
  fields('Proxy-Authorization and Proxy-Authenticate', (w) => [
    `Proxy-Authorization: Basic ${w}`,
    'Proxy-Authenticate: Basic',
  ]),
  fields(
    'TE with trailers',
    () => ['TE: trailers', 'Connection: TE'],
    () => ['TE: gzip, trailers', 'Connection: te'],
  ),
  fields(
    'TE without trailers',
    () => ['TE: gzip', 'Connection: TE'],
    () => ['TE: deflate;q=0.5'],
  ),
  fields('Trailer without content', () => ['Trailer: X-A']),
  fields('Upgrade without Connection', () => ['Upgrade: foo/1']),
  fields('Upgrade that the origin server ignores', () => ['Connection: Upgrade', 'Upgrade: foo/1']),
  fields('Upgrade: h2c', () => [
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
  ]),
  fields('Host named in Connection', () => ['Connection: Host']),
  fields('an end-to-end field named in Connection', (w) => [
    'Connection: Authorization, Cache-Control',
    `Authorization: Basic ${w}`,
    'Cache-Control: no-cache',
  ]),
  one('Content-Length named in Connection', (dice) => ({
    request: toSized(dice, { lines: ['Connection: Content-Length'] }),
  })),
  fields(
    'a range and conditions',
    (w) => ['Range: bytes=0-9', `If-Range: "${w}"`],
    (w) => [`If-None-Match: "${w}", W/"${w}"`],
    () => ['If-Modified-Since: Wed, 01 Jan 2025 00:00:00 GMT'],
  ),
  fields('Accept-Encoding, Authorization and Cookie', (w) => [
    'Accept-Encoding: gzip, br;q=0.5',
    `Authorization: Bearer ${w}`,
    `Cookie: a=${w}; b`,
  ]),
  one('Max-Forwards of OPTIONS', (dice) => ({
    request: toRequest(dice, { method: 'OPTIONS', lines: ['Max-Forwards: 5'] }),
  })),
  one('Max-Forwards: 0 of OPTIONS', (dice) => ({
    request: toRequest(dice, { method: 'OPTIONS', lines: ['Max-Forwards: 0'] }),
  })),
  fields(
    'Max-Forwards of GET',
    () => ['Max-Forwards: 0'],
    () => ['Max-Forwards: 7'],
  ),
  one('Expect: 100-continue', (dice) => ({
    request: toSized(dice, { lines: ['Expect: 100-continue'], content: words(dice) }),
  })),
  one('Expect: 100-continue without content', (dice) => ({
    request: toRequest(dice, { lines: ['Expect: 100-continue'] }),
  })),
  fields('an expectation that is not 100-continue', (w) => [`Expect: ${w}`]),
];
