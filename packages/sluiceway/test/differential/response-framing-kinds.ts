import { type Exchange, type Kind, one, toChunks, toRequest, toResponse, word, words } from './exchange.js';

/** A response whose framing lines and content are these. */
const framed = (
  kind: string,
  originEnds: Exchange['originEnds'],
  ...choices: (readonly [lines: readonly string[], content: string, startLine?: string])[]
): Kind => ({
  kind,
  variants: choices.map(([lines, content, startLine = 'HTTP/1.1 200 OK']) => (dice) => ({
    response: toResponse(dice, { startLine, lines, content, framing: 'none' }),
    originEnds,
  })),
});

const CHUNKED = 'Transfer-Encoding: chunked';
const HEAD = 'HTTP/1.1 200 OK\r\nX-From: origin\r\n';

/** Where the content of a response ends, and responses that end before it. */
export const responseFramingKinds: readonly Kind[] = [
  one('a response in chunks', (dice) => ({
    response: toResponse(dice, { framing: 'chunked', content: words(dice) }),
  })),
  framed('an empty response in chunks', 'fin', [[CHUNKED], '0\r\n\r\n']),
  framed('an empty response of length 0', 'fin', [['Content-Length: 0'], '']),
  framed('a response that ends with the connection', 'fin', [[], 'hello'], [['Connection: close'], 'hello']),
  framed('an empty response that ends with the connection', 'fin', [[], '']),
  framed('an HTTP/1.0 response that ends with the connection', 'fin', [[], 'hello', 'HTTP/1.0 200 OK']),
  framed(
    'chunk extensions in a response',
    'fin',
    [[CHUNKED], '5;a=b\r\nhello\r\n0;c\r\n\r\n'],
    [[CHUNKED], '5;a="b;c"\r\nhello\r\n0\r\n\r\n'],
  ),
  one('a trailer that was announced', (dice) => ({
    request: toRequest(dice, { lines: ['TE: trailers', 'Connection: TE'] }),
    response: toResponse(dice, {
      framing: 'none',
      lines: [CHUNKED, 'Trailer: X-T'],
      content: toChunks(dice, words(dice), [`X-T: ${word(dice)}`]),
    }),
  })),
  one('a trailer that was not announced', (dice) => ({
    response: toResponse(dice, {
      framing: 'none',
      lines: [CHUNKED],
      content: toChunks(dice, words(dice), [`X-T: ${word(dice)}`]),
    }),
  })),
  one('forbidden trailers of a response', (dice) => ({
    response: toResponse(dice, {
      framing: 'none',
      lines: [CHUNKED],
      content: toChunks(dice, words(dice), [
        'Content-Length: 5',
        'Set-Cookie: a=b',
        'Transfer-Encoding: gzip',
      ]),
    }),
  })),
  one('chunks to an HTTP/1.0 client', (dice) => ({
    request: toRequest(dice, { version: 'HTTP/1.0' }),
    response: toResponse(dice, { framing: 'chunked', content: words(dice) }),
  })),
  one('a cut in chunks to an HTTP/1.0 client', (dice) => ({
    request: toRequest(dice, { version: 'HTTP/1.0' }),
    response: `${HEAD}${CHUNKED}\r\n\r\na\r\nhello`,
    originEnds: 'fin',
  })),
  {
    kind: 'the answer to HEAD, with a length, chunked or neither',
    variants: ['Content-Length: 1000', CHUNKED, 'ETag: "a"'].map((line) => (dice) => ({
      method: 'HEAD',
      request: toRequest(dice, { method: 'HEAD' }),
      response: `${HEAD}${line}\r\n\r\n`,
    })),
  },
  one('an answer to HEAD that has content', (dice) => ({
    method: 'HEAD',
    request: toRequest(dice, { method: 'HEAD' }),
    response: `${HEAD}Content-Length: 5\r\n\r\nhello`,
  })),
  framed('a 204', 'fin', [[], '', 'HTTP/1.1 204 No Content']),
  framed(
    'a 204 with a length',
    'fin',
    [['Content-Length: 0'], '', 'HTTP/1.1 204 No Content'],
    [['Content-Length: 5'], '', 'HTTP/1.1 204 No Content'],
  ),
  framed(
    'a 204 with content',
    'fin',
    [['Content-Length: 5'], 'hello', 'HTTP/1.1 204 No Content'],
    [[CHUNKED], '0\r\n\r\n', 'HTTP/1.1 204 No Content'],
  ),
  framed('a 304', 'fin', [['ETag: "a"'], '', 'HTTP/1.1 304 Not Modified']),
  framed('a 304 with the length of the file', 'fin', [
    ['Content-Length: 1000', 'ETag: "a"'],
    '',
    'HTTP/1.1 304 Not Modified',
  ]),
  framed('a 304 with content', 'fin', [['Content-Length: 5'], 'hello', 'HTTP/1.1 304 Not Modified']),
  framed('a 205 with content', 'fin', [['Content-Length: 5'], 'hello', 'HTTP/1.1 205 Reset Content']),

  framed(
    'Content-Length and Transfer-Encoding in a response',
    'fin',
    [['Content-Length: 3', CHUNKED], '5\r\nhello\r\n0\r\n\r\n'],
    [[CHUNKED, 'Content-Length: 50'], '5\r\nhello\r\n0\r\n\r\n'],
  ),
  framed('the same Content-Length twice in a response', 'fin', [
    ['Content-Length: 5', 'Content-Length: 5'],
    'hello',
  ]),
  framed('a Content-Length of a response that lists one value twice', 'fin', [
    ['Content-Length: 5, 5'],
    'hello',
  ]),
  framed('two Content-Length fields that differ in a response', 'fin', [
    ['Content-Length: 5', 'Content-Length: 6'],
    'hello!',
  ]),
  framed(
    'a Content-Length of a response that is not a number',
    'fin',
    [['Content-Length: +5'], 'hello'],
    [['Content-Length: -5'], 'hello'],
    [['Content-Length: five'], 'hello'],
  ),
  framed('an empty Content-Length of a response', 'fin', [['Content-Length:'], 'hello']),
  framed(
    'a transfer coding of a response that is not chunked',
    'fin',
    [['Transfer-Encoding: gzip'], 'hello'],
    [['Transfer-Encoding: identity'], 'hello'],
  ),
  framed('another transfer coding before chunked in a response', 'fin', [
    ['Transfer-Encoding: gzip, chunked'],
    '5\r\nhello\r\n0\r\n\r\n',
  ]),
  framed('chunked twice in a response', 'fin', [[CHUNKED, CHUNKED], '5\r\nhello\r\n0\r\n\r\n']),
  framed('chunked in an HTTP/1.0 response', 'fin', [[CHUNKED], '5\r\nhello\r\n0\r\n\r\n', 'HTTP/1.0 200 OK']),
  framed(
    'more content than the length says',
    'fin',
    [['Content-Length: 5'], 'hello, more'],
    [['Content-Length: 5'], 'helloHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
  ),
  framed('bytes after the last chunk', 'fin', [[CHUNKED], '5\r\nhello\r\n0\r\n\r\nmore']),

  framed('less content than the length says, then FIN', 'fin', [['Content-Length: 10'], 'hello']),
  framed('less content than the length says, then a reset', 'reset', [['Content-Length: 10'], 'hello']),
  framed('no content where the length says some, then FIN', 'fin', [['Content-Length: 10'], '']),
  framed(
    'chunks without the last one, then FIN',
    'fin',
    [[CHUNKED], '5\r\nhello\r\n'],
    [[CHUNKED], 'a\r\nhello'],
  ),
  framed(
    'a trailer section without its end, then FIN',
    'fin',
    [[CHUNKED], '5\r\nhello\r\n0\r\n'],
    [[CHUNKED], '5\r\nhello\r\n0\r\nX-T: a\r\n'],
  ),
  framed('a reset of a response that ends with the connection', 'reset', [[], 'hello']),
  framed(
    'an invalid chunk size of a response',
    'fin',
    [[CHUNKED], '5\r\nhello\r\nx\r\nmore\r\n0\r\n\r\n'],
    [[CHUNKED], '5\r\nhello\r\n-1\r\n\r\n'],
  ),
  framed('a chunk of a response that is longer than its size', 'fin', [[CHUNKED], '3\r\nhello\r\n0\r\n\r\n']),
  framed('a chunk size of a response that overflows', 'fin', [
    [CHUNKED],
    '5\r\nhello\r\n10000000000000005\r\nhello\r\n0\r\n\r\n',
  ]),
  framed('chunk lines of a response that end with a bare LF', 'fin', [[CHUNKED], '5\nhello\n0\n\n']),
  one('nothing but FIN', () => ({ response: '', originEnds: 'fin' })),
  one('nothing but a reset', () => ({ response: '', originEnds: 'reset' })),
  one('half a status line, then FIN', () => ({ response: 'HTTP/1.1 20', originEnds: 'fin' })),
  one('half the fields, then FIN', () => ({ response: `${HEAD}Content-Length: 0\r\n`, originEnds: 'fin' })),
  one('a response without a head', () => ({ response: 'hello\r\n\r\n', originEnds: 'fin' })),
  {
    kind: 'content larger than one read, in a response',
    variants: (['length', 'chunked'] as const).map((framing) => (dice) => ({
      response: toResponse(dice, { content: words(dice).repeat(30_000), framing }),
    })),
  },
];
