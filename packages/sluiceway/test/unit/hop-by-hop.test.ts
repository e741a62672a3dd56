import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fields } from '../../src/http/fields.js';
import {
  acceptsTrailers,
  isHopByHop,
  removeHopByHop,
  removeHopByHopFromResponse,
} from '../../src/http/hop-by-hop.js';

const FIXED = [
  'Connection',
  'Proxy-Connection',
  'Keep-Alive',
  'Proxy-Authenticate',
  'Proxy-Authorization',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'HTTP2-Settings',
];

function removed(...raw: string[]): string[] {
  const fields = new Fields(raw);
  removeHopByHop(fields);
  return [...fields.raw];
}

describe('RFC 9110 section 7.6.1', () => {
  test.each(FIXED)('%s is removed in any case and from all lines', (name) => {
    const raw = ['A', '1', name, 'x', name.toLowerCase(), 'y', name.toUpperCase(), 'z', 'B', '2'];
    expect(removed(...raw)).toEqual(['A', '1', 'B', '2']);
    expect(isHopByHop(name.toLowerCase())).toBe(true);
  });

  test.each([
    ['one line', ['Connection', 'X-A, X-B']],
    ['several lines', ['Connection', 'X-A', 'connection', 'X-B']],
    ['any case and spaces', ['CONNECTION', '  x-a ,\tX-b  ']],
    ['empty items', ['Connection', ',,X-A,, ,X-B,']],
    ['an empty first line', ['Connection', '', 'Connection', 'X-A,X-B']],
    ['beside close', ['Connection', 'close, X-A', 'Connection', 'X-B, close']],
    ['beside keep-alive', ['Connection', 'keep-alive', 'Connection', 'X-A,X-B']],
    ['with Upgrade but no such field', ['Connection', 'Upgrade, X-A, X-B']],
  ])('nominated fields are removed: %s', (_, connection) => {
    const raw = ['x-A', '1', 'Keep', '2', ...connection, 'X-B', '3', 'X-AB', '4', 'X-B', '5'];
    expect(removed(...raw)).toEqual(['Keep', '2', 'X-AB', '4']);
  });

  test('a nominated field may stand before the Connection line', () => {
    expect(removed('X-A', '1', 'Connection', 'X-A')).toEqual([]);
  });

  test.each([
    'Host',
    'Content-Length',
    'Content-Type',
    'Content-Encoding',
    'Content-Range',
    'Cache-Control',
    'Via',
    'CDN-Loop',
    'Early-Data',
    'Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Forwarded-Port',
    'X-Forwarded-Prefix',
    'X_Forwarded_For',
    'X-Real-IP',
  ])('%s cannot be nominated', (name) => {
    expect(removed('Connection', name, name, 'kept')).toEqual([name, 'kept']);
    expect(removed('Connection', `close, ${name.toLowerCase()}, X-A`, name, 'kept', 'X-A', '1')).toEqual([
      name,
      'kept',
    ]);
  });

  test.each(['Trailers', 'X-TE', 'Upgrade-Insecure-Requests', 'Connections', 'Alt-Svc', 'Date', 'Te-St'])(
    '%s is an ordinary field',
    (name) => {
      expect(removed(name, '1')).toEqual([name, '1']);
      expect(isHopByHop(name.toLowerCase())).toBe(false);
    },
  );
});

describe('responses', () => {
  test('Alt-Svc is removed as well', () => {
    const fields = new Fields([
      'Alt-Svc',
      'h3=":443"',
      'ETag',
      '"a"',
      'Connection',
      'X-Hop, close',
      'X-Hop',
      '1',
    ]);
    removeHopByHopFromResponse(fields);
    expect(fields.raw).toEqual(['ETag', '"a"']);
  });
});

describe('TE', () => {
  test.each([
    [['TE', 'trailers'], true],
    [['TE', 'gzip;q=0.5, Trailers'], true],
    [['te', 'gzip', 'TE', 'trailers'], true],
    [['TE', 'trailersx'], false],
    [['TE', ''], false],
    [['X', 'trailers'], false],
  ] as [string[], boolean][])('%j accepts trailers: %s', (raw, expected) => {
    expect(acceptsTrailers(new Fields(raw))).toBe(expected);
  });
});

describe('properties', () => {
  const name = fc.constantFrom(
    'X-A',
    'x-b',
    'X-C',
    'Host',
    'Content-Length',
    'Via',
    'Connection',
    'TE',
    'Upgrade',
  );
  const item = fc.oneof(name, fc.constantFrom('', ' ', 'close', 'KEEP-ALIVE', 'x-a', 'X-B'));
  const line = fc.oneof(
    fc.tuple(name, fc.stringMatching(/^[!-~]{0,5}$/)),
    fc.tuple(
      fc.constantFrom('Connection', 'connection'),
      fc.array(item).map((items) => items.join(', ')),
    ),
  );

  test('removing does what the plainest reading of the rule does', () => {
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const fields = new Fields(lines.flat());
        const nominated = fields.list('connection').map((each) => each.toLowerCase());
        const fixed = FIXED.map((each) => each.toLowerCase());
        const kept = lines.filter(([each]) => {
          const lower = each.toLowerCase();
          if (fixed.includes(lower)) return false;
          return ['host', 'content-length', 'via'].includes(lower) || !nominated.includes(lower);
        });
        removeHopByHop(fields);
        expect(fields.raw).toEqual(kept.flat());
      }),
    );
  });

  test('removing twice is removing once', () => {
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const fields = new Fields(lines.flat());
        removeHopByHop(fields);
        const once = [...fields.raw];
        removeHopByHop(fields);
        expect(fields.raw).toEqual(once);
      }),
    );
  });
});
