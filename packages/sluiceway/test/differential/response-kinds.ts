import { type Kind, one, toRequest, toResponse, word } from './exchange.js';

/** A kind of response that differs by its field lines. */
const fields = (kind: string, ...choices: ((word: string) => readonly string[])[]): Kind => ({
  kind,
  variants: choices.map((of) => (dice) => ({
    response: toResponse(dice, { lines: of(word(dice)) }),
    originEnds: 'fin',
  })),
});

/** A kind of response that differs by its status line. */
const status = (kind: string, ...startLines: string[]): Kind => ({
  kind,
  variants: startLines.map((startLine) => (dice) => ({
    response: toResponse(dice, { startLine }),
    originEnds: 'fin',
  })),
});

/** A kind of response that follows others, as they are. */
const after = (kind: string, ...before: string[]): Kind => ({
  kind,
  variants: before.map((each) => (dice) => ({ response: each + toResponse(dice), originEnds: 'fin' })),
});

const HINTS = 'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n';
const PROCESSING = 'HTTP/1.1 102 Processing\r\nX-Step: 1\r\n\r\n';

/** Status lines, field lines and interim responses. */
export const responseKinds: readonly Kind[] = [
  status(
    'a success',
    'HTTP/1.1 200 OK',
    'HTTP/1.1 201 Created',
    'HTTP/1.1 203 Non-Authoritative Information',
  ),
  status('a partial content', 'HTTP/1.1 206 Partial Content'),
  status('an error of the origin server', 'HTTP/1.1 404 Not Found', 'HTTP/1.1 500 Oh', 'HTTP/1.1 503 Busy'),
  status('an unregistered status', 'HTTP/1.1 299 Odd', 'HTTP/1.1 477 Odd', 'HTTP/1.1 599 Odd'),
  status('a status of 600 or more', 'HTTP/1.1 600 Odd', 'HTTP/1.1 999 Odd'),
  status('a status below 100', 'HTTP/1.1 099 Odd', 'HTTP/1.1 000 Odd'),
  status(
    'a status that is not a three-digit number',
    'HTTP/1.1 20 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 2x0 OK',
    'HTTP/1.1 OK',
  ),
  status('a status line without a reason', 'HTTP/1.1 200', 'HTTP/1.1 200 '),
  status('a reason with bytes beyond ASCII', 'HTTP/1.1 200 \xe4h'),
  status('a redirect', 'HTTP/1.1 301 Moved', 'HTTP/1.1 307 Temporary Redirect'),
  status('an HTTP/1.0 response', 'HTTP/1.0 200 OK'),
  status('a response of version 1.2 or later', 'HTTP/1.2 200 OK', 'HTTP/1.9 200 OK'),
  status('a response of version 2.0', 'HTTP/2.0 200 OK', 'HTTP/2 200 OK'),
  status('a status line of another protocol', 'ICY 200 OK', 'FTP/1.1 200 OK', 'http/1.1 200 OK'),
  status('a status line with two spaces', 'HTTP/1.1  200 OK'),
  status('an answer 407 or 401', 'HTTP/1.1 401 Unauthorized', 'HTTP/1.1 407 Proxy Authentication Required'),
  status('an answer 426', 'HTTP/1.1 426 Upgrade Required'),

  fields(
    'repeated fields of a response',
    (w) => [`X-A: ${w}`, `X-A: ${w}`],
    (w) => [`Set-Cookie: a=${w}`, 'Set-Cookie: b'],
  ),
  fields(
    'repeated singleton fields',
    (w) => [`ETag: "${w}"`, 'ETag: "b"'],
    (w) => [`Content-Type: text/${w}`, 'Content-Type: text/b'],
    (w) => [`Location: /${w}`, 'Location: /b'],
    () => ['Expires: 0', 'Expires: 1'],
  ),
  fields(
    'fields of a response with an empty value',
    () => ['X-A:'],
    () => ['X-A:  ', 'X-B:'],
  ),
  fields(
    'space and tab around a value of a response',
    (w) => [`X-A: \t ${w} \t`],
    (w) => [`X-A:${w}  `],
  ),
  fields(
    'bytes beyond ASCII in a value of a response',
    (w) => [`Content-Disposition: attachment; filename="${w}\xc3\xa4"`],
    (w) => [`X-A: \xff${w}`],
  ),
  fields('an underscore in a field name of a response', (w) => [`X_A: ${w}`]),
  fields('every other token character in a field name of a response', (w) => [`X!#$%&'*+.^~: ${w}`]),
  fields('fields that describe a file', (w) => [
    'Accept-Ranges: bytes',
    `ETag: W/"${w}"`,
    'Last-Modified: Wed, 01 Jan 2025 00:00:00 GMT',
    'Content-Encoding: gzip',
    'Vary: Accept-Encoding',
    'Age: 5',
    'Cache-Control: max-age=5',
  ]),
  fields('100 fields of a response', (w) => Array.from({ length: 100 }, (_, index) => `X-${index}: ${w}`)),
  fields('a field of a response of 3,000 bytes', (w) => [`X-A: ${w}${'x'.repeat(3000)}`]),
  fields('a field of a response of 30,000 bytes', (w) => [`X-A: ${w}${'x'.repeat(30_000)}`]),
  fields(
    'fields of a response named in Connection',
    (w) => ['Connection: X-A', `X-A: ${w}`],
    (w) => [`X-A: ${w}`, 'Connection: x-a, keep-alive'],
  ),
  fields('connection fields of a response', () => ['Keep-Alive: timeout=7', 'Proxy-Connection: keep-alive']),
  fields('Proxy-Authenticate in a response', (w) => [`Proxy-Authenticate: Basic realm="${w}"`]),
  fields('Upgrade in a response that does not switch', () => ['Upgrade: h2', 'Connection: Upgrade']),
  fields('Alt-Svc', (w) => [`Alt-Svc: h3="${w}.test:443"`]),
  fields('Trailer in a response of a stated length', () => ['Trailer: X-T']),

  fields(
    'obs-fold in a response',
    (w) => [`X-A: ${w}`, ` ${w}`],
    (w) => ['X-A:', `\t${w}`],
  ),
  fields('space before the colon in a response', (w) => [`X-A : ${w}`]),
  fields(
    'a field name of a response that is not a token',
    (w) => [`X(A): ${w}`],
    (w) => [`X A: ${w}`],
  ),
  fields('a field of a response without a name', (w) => [`: ${w}`]),
  fields('a line of a response without a colon', (w) => [w]),
  fields('NUL in a value of a response', (w) => [`X-A: ${w}\0${w}`]),
  fields('another control character in a value of a response', (w) => [`X-A: ${w}\x01`]),
  fields('a bare CR in a value of a response', (w) => [`X-A: ${w}\r${w}`]),
  one('lines of a response that end with a bare LF', (dice) => ({
    response: toResponse(dice).replaceAll('\r\n', '\n'),
    originEnds: 'fin',
  })),
  one('one line of a response that ends with a bare LF', (dice) => ({
    response: toResponse(dice, { lines: [`X-A: ${word(dice)}\nX-B: b`] }),
    originEnds: 'fin',
  })),
  after('an empty line before a response', '\r\n'),
  after('invalid data before a response', 'garbage\r\n', 'x'),
  after('a 103', HINTS),
  after('a 102 and a 103', PROCESSING + HINTS, HINTS + PROCESSING),
  after('an unrequested 100', 'HTTP/1.1 100 Continue\r\n\r\n'),
  after(
    'a 103 with connection fields',
    'HTTP/1.1 103 Early Hints\r\nConnection: X-A\r\nX-A: b\r\nKeep-Alive: c\r\nLink: </a>\r\n\r\n',
  ),
  after('a 103 with a Content-Length', 'HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nLink: </a>\r\n\r\n'),
  after(
    'an unrequested 101',
    'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n',
  ),
  one('a 103 to an HTTP/1.0 client', (dice) => ({
    request: toRequest(dice, { version: 'HTTP/1.0' }),
    response: HINTS + toResponse(dice),
    originEnds: 'fin',
  })),
  one('a 103 without a final response', () => ({ response: HINTS, originEnds: 'fin' })),
];
