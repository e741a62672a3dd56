import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import { announcedTrailers, readTrailers, retainTrailers } from '../../src/http/trailers.js';

const retained = (...raw: string[]): readonly string[] | null => retainTrailers(new Fields(raw))?.raw ?? null;

describe('RFC 9110 section 6.5.1, trailer fields that pass', () => {
  test.each([
    'ETag',
    'Last-Modified',
    'Content-Digest',
    'Repr-Digest',
    'Digest',
    'Content-MD5',
    'Server-Timing',
    'grpc-status',
    'X-Checksum',
    // Begins like a forbidden one.
    'If',
    'Ifx',
    'X-Forwarded',
    'Dated',
  ])('%s', (name) => {
    expect(retained(name, 'v')).toEqual([name, 'v']);
    expect(retained(name.toUpperCase(), 'v')).toEqual([name.toUpperCase(), 'v']);
  });
});

describe('RFC 9110 section 6.5.1, trailer fields that are dropped', () => {
  test.each([
    ['framing', ['Transfer-Encoding', 'Content-Length', 'Trailer']],
    [
      'routing',
      [
        'Host',
        'Via',
        'Forwarded',
        'X-Forwarded-For',
        'X_Forwarded_Proto',
        'X-Real-IP',
        'Max-Forwards',
        'Location',
      ],
    ],
    [
      'request modifiers',
      [
        'Cache-Control',
        'Expect',
        'Pragma',
        'Range',
        'TE',
        'If-Match',
        'If-None-Match',
        'If-Range',
        'If-Anything',
      ],
    ],
    [
      'authentication',
      [
        'Authorization',
        'WWW-Authenticate',
        'Proxy-Authorization',
        'Proxy-Authenticate',
        'Authentication-Info',
        'Proxy-Authentication-Info',
        'Cookie',
        'Set-Cookie',
      ],
    ],
    ['browsers', ['Alt-Svc', 'Clear-Site-Data', 'Set-Cookie2', 'Strict-Transport-Security']],
    ['response control', ['Age', 'Expires', 'Date', 'Retry-After', 'Vary', 'Warning']],
    [
      'content',
      [
        'Content-Encoding',
        'Content-Type',
        'Content-Range',
        'Content-Disposition',
        'Content-Location',
        'Content-X',
      ],
    ],
    ['hop-by-hop', ['Connection', 'Keep-Alive', 'Proxy-Connection', 'Upgrade', 'HTTP2-Settings']],
  ])('%s', (_, names) => {
    for (const name of names) {
      expect(retained(name, 'v'), name).toBeNull();
      expect(retained(name.toLowerCase(), 'v'), name).toBeNull();
      expect(retained(name.toUpperCase(), 'v'), name).toBeNull();
    }
  });
});

test('what passes keeps its order, its repeats and its spelling', () => {
  const raw = ['a', '1', 'Host', 'x', 'B', '2', 'A', '3', 'set-cookie', 'x', 'b', ''];
  expect(retained(...raw)).toEqual(['a', '1', 'B', '2', 'A', '3', 'b', '']);
});

test('what Connection names in the head is dropped, and not announced', () => {
  const head = ['Connection', 'close, X-Hop', 'Trailer', 'X-Kept, x-hop, Host, ,X Y', 'Trailer', 'ETag'];
  expect(readTrailers(['X-HOP', '1', 'X-Kept', '2', 'Host', '3'], head)?.raw).toEqual(['X-Kept', '2']);
  expect(readTrailers(['X-HOP', '1'], head)).toBeNull();
  expect(announcedTrailers(new Fields(head))).toEqual(['X-Kept', 'ETag']);
  expect(announcedTrailers(new Fields(['Trailer', '']))).toEqual([]);
});

test('no trailers are null, before and after', () => {
  expect(readTrailers([], ['Connection', 'X-Hop'])).toBeNull();
  expect(retainTrailers(null)).toBeNull();
  expect(retained()).toBeNull();
});
