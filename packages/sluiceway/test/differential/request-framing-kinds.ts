import {
  type Kind,
  one,
  toChunked,
  toChunks,
  toRequest,
  toResponse,
  toSized,
  word,
  words,
} from './exchange.js';

/** A kind of request whose framing lines and content are these. */
const framed = (
  kind: string,
  ...choices: (readonly [lines: readonly string[], content: string, version?: string])[]
): Kind => ({
  kind,
  variants: choices.map(([lines, content, version = 'HTTP/1.1']) => (dice) => ({
    request: toRequest(dice, { method: 'POST', version, lines, content }),
  })),
});

/** A kind of chunked request whose content, framing included, is this. */
const chunks = (kind: string, ...contents: string[]): Kind => ({
  kind,
  variants: contents.map((content) => (dice) => ({ request: toChunked(dice, { content }) })),
});

/** A client that ends in the middle. */
const cut = (
  kind: string,
  request: string,
  how: 'fin' | 'reset' = 'fin',
  when: 'sent' | 'seen' = 'seen',
): Kind => one(kind, () => ({ request, clientEnds: { how, when } }));

const POST = 'POST /cut HTTP/1.1\r\nHost: h.test\r\n';
const CHUNKED = 'Transfer-Encoding: chunked';

/** Where the content of a request ends: valid ways to say it, and those that let two readers disagree. */
export const requestFramingKinds: readonly Kind[] = [
  one('content of a stated length', (dice) => ({ request: toSized(dice) })),
  one('content of length 0', (dice) => ({ request: toSized(dice, { content: '' }) })),
  {
    kind: 'GET, HEAD or DELETE with content',
    variants: ['GET', 'HEAD', 'DELETE'].map((method) => (dice) => ({
      method,
      request: toSized(dice, { method }),
    })),
  },
  one('POST without content and without a length', (dice) => ({
    request: toRequest(dice, { method: 'POST' }),
  })),
  one('chunked content', (dice) => ({ request: toChunked(dice) })),
  one('empty chunked content', (dice) => ({ request: toChunked(dice, { content: '0\r\n\r\n' }) })),
  one('chunked content of GET', (dice) => ({ request: toChunked(dice, { method: 'GET' }) })),
  framed(
    '`chunked` in another case',
    [['Transfer-Encoding: Chunked'], '0\r\n\r\n'],
    [['transfer-encoding: CHUNKED'], '0\r\n\r\n'],
  ),
  chunks(
    'chunk extensions',
    '5;a=b\r\nhello\r\n0;c\r\n\r\n',
    '5;a="b;c"\r\nhello\r\n0\r\n\r\n',
    '5 ;a\r\nhello\r\n0\r\n\r\n',
  ),
  chunks(
    'chunk sizes with leading zeros or capitals',
    '005\r\nhello\r\n000\r\n\r\n',
    'A\r\nhelloworld\r\n0\r\n\r\n',
  ),
  one('trailers of a request', (dice) => ({
    request: toChunked(dice, { lines: ['Trailer: X-T'], trailers: [`X-T: ${word(dice)}`] }),
  })),
  one('forbidden trailers of a request', (dice) => ({
    request: toChunked(dice, {
      trailers: ['Content-Length: 5', `Authorization: ${word(dice)}`, 'Host: other'],
    }),
  })),
  one('an answer before the content is read', (dice) => ({
    request: toSized(dice),
    response: toResponse(dice, { startLine: 'HTTP/1.1 413 Content Too Large' }),
    answersAfter: 'head',
  })),

  framed(
    'Content-Length and Transfer-Encoding',
    [['Content-Length: 5', CHUNKED], '0\r\n\r\n'],
    [[CHUNKED, 'Content-Length: 30'], '5\r\nhello\r\n0\r\n\r\n'],
  ),
  framed('the same Content-Length twice', [['Content-Length: 5', 'Content-Length: 5'], 'hello']),
  framed('two Content-Length fields that differ', [['Content-Length: 5', 'Content-Length: 6'], 'hello!']),
  framed('a Content-Length that lists one value twice', [['Content-Length: 5, 5'], 'hello']),
  framed(
    'a Content-Length that is not a number',
    [['Content-Length: +5'], 'hello'],
    [['Content-Length: 0x5'], 'hello'],
    [['Content-Length: -1'], ''],
    [['Content-Length: 5a'], 'hello'],
    [['Content-Length: five'], 'hello'],
  ),
  framed('an empty Content-Length', [['Content-Length:'], '']),
  framed('a Content-Length with leading zeros', [['Content-Length: 0005'], 'hello']),
  cut(
    'a Content-Length that overflows',
    `${POST}Content-Length: 18446744073709551616\r\n\r\n`,
    'fin',
    'sent',
  ),
  framed(
    'a transfer coding that is not chunked',
    [['Transfer-Encoding: gzip'], ''],
    [['Transfer-Encoding: identity'], ''],
  ),
  framed('another transfer coding before chunked', [['Transfer-Encoding: gzip, chunked'], '0\r\n\r\n']),
  framed('a transfer coding after chunked', [['Transfer-Encoding: chunked, identity'], '0\r\n\r\n']),
  framed(
    'chunked twice',
    [['Transfer-Encoding: chunked, chunked'], '0\r\n\r\n'],
    [[CHUNKED, CHUNKED], '0\r\n\r\n'],
  ),
  framed(
    'a coding that resembles chunked',
    [['Transfer-Encoding: xchunked'], '0\r\n\r\n'],
    [['Transfer-Encoding: "chunked"'], '0\r\n\r\n'],
    [['Transfer-Encoding: chunked;a=b'], '0\r\n\r\n'],
  ),
  framed('a vertical tab before chunked', [['Transfer-Encoding: \x0bchunked'], '0\r\n\r\n']),
  framed('an empty Transfer-Encoding', [['Transfer-Encoding:'], '']),
  framed('chunked in HTTP/1.0', [[CHUNKED], '0\r\n\r\n', 'HTTP/1.0']),
  framed('space before the colon of Transfer-Encoding', [
    ['Content-Length: 5', 'Transfer-Encoding : chunked'],
    '0\r\n\r\n',
  ]),
  framed(
    'Content_Length or Transfer_Encoding',
    [['Content_Length: 9', 'Content-Length: 5'], 'hello'],
    [['Transfer_Encoding: chunked', 'Content-Length: 5'], 'hello'],
  ),
  chunks(
    'an invalid chunk size',
    'x\r\nhello\r\n0\r\n\r\n',
    '-5\r\nhello\r\n0\r\n\r\n',
    '0x5\r\nhello\r\n0\r\n\r\n',
    '\r\nhello\r\n0\r\n\r\n',
  ),
  chunks(
    'a chunk size that overflows',
    '10000000000000005\r\nhello\r\n0\r\n\r\n',
    'fffffffffffffffffff\r\nhello\r\n0\r\n\r\n',
  ),
  chunks('a chunk that is longer than its size', '3\r\nhello\r\n0\r\n\r\n'),
  chunks('chunk lines that end with a bare LF', '5\nhello\n0\n\n'),
  chunks('a bare LF after a chunk size', '5\nhello\r\n0\r\n\r\n'),
  chunks('a bare LF after a chunk', '5\r\nhello\n0\r\n\r\n'),
  chunks('a bare CR in a chunk extension', '5;a\rb\r\nhello\r\n0\r\n\r\n'),
  chunks('a bare LF in a chunk extension', '5;a\nb\r\nhello\r\n0\r\n\r\n'),

  cut('a client that half-closes within the request line', 'GET /cu', 'fin', 'sent'),
  cut('a client that half-closes within the fields', `${POST}X-A: b\r\n`, 'fin', 'sent'),
  cut('a client that half-closes within sized content', `${POST}Content-Length: 10\r\n\r\nhello`),
  cut('a client that resets within sized content', `${POST}Content-Length: 10\r\n\r\nhello`, 'reset'),
  cut('a client that half-closes within a chunk', `${POST}${CHUNKED}\r\n\r\na\r\nhello`),
  cut('a client that half-closes after a chunk', `${POST}${CHUNKED}\r\n\r\n5\r\nhello\r\n`),
  cut('a client that half-closes within the trailer section', `${POST}${CHUNKED}\r\n\r\n5\r\nhello\r\n0\r\n`),
  {
    kind: 'content larger than one read',
    variants: [
      (dice) => ({ request: toSized(dice, { content: words(dice).repeat(20_000) }) }),
      (dice) => ({ request: toChunked(dice, { content: toChunks(dice, words(dice).repeat(20_000)) }) }),
    ],
  },
];
