import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveGrant } from '../../src/gateway/grant.js';
import type { Links } from '../../src/gateway/links.js';
import { times } from '../support/full-counts.js';
import { anyUse, forms, grantOptions, linksOf } from '../support/grants.js';

const codeOf = (links: Links, link: string): string => {
  try {
    links.verify(link, anyUse);
    return 'valid';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
};

/** Characters that stand in links, that mean something in a query, and that do not belong there at all. */
const someCharacter = fc.oneof(
  fc.constantFrom(...'AZaz09-_.~%&=+?#/ ;'.split('')),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
);

describe.each(forms)('a link of the form %s', (form) => {
  const links = linksOf(form);
  const given = grantOptions(form);

  test('permits what was signed, whatever that is [Sluiceway]', () => {
    fc.assert(
      fc.property(given, fc.constantFrom('', 'https://files.example'), (options, base) => {
        const now = Date.now();
        const link = linksOf(form, base === '' ? {} : { base }).sign(options);
        const { grant } = links.read(link);
        // A duration counts from the moment of signing.
        const { expires, ...rest } = resolveGrant(options, false, now);
        expect(grant).toEqual({ ...rest, expires: grant.expires });
        expect(Math.abs(grant.expires - expires)).toBeLessThan(60);
        expect(links.verify(link, { ...anyUse, method: grant.methods[0] ?? '' }).grant).toEqual(grant);
        expect(() => new URL(link, 'http://gateway.example')).not.toThrow();
        expect(links.read(new URL(link, 'http://gateway.example')).grant).toEqual(grant);
      }),
      { numRuns: times(300, 100) },
    );
  });

  /** What `change` makes of the query of a link, for many links and places in them. */
  const expectRefused = (change: (query: string, at: number, character: string) => string): void => {
    fc.assert(
      fc.property(given, fc.nat(), someCharacter, (options, place, character) => {
        const link = links.sign({ ...options, methods: ['GET'] });
        const from = link.indexOf('?') + 1;
        const query = link.slice(from);
        const changed = change(query, place % query.length, character);
        if (changed === query) return;
        expect(codeOf(links, link)).toMatch(/^(valid|link_client)$/);
        expect(codeOf(links, link.slice(0, from) + changed)).toBe('link_invalid');
      }),
      { numRuns: times(200, 50) },
    );
  };

  test('is refused when any one character is another [Sluiceway]', () => {
    expectRefused((query, at, character) => query.slice(0, at) + character + query.slice(at + 1));
  });

  test('is refused when a character is put in anywhere, or at the end [Sluiceway]', () => {
    expectRefused((query, at, character) => query.slice(0, at) + character + query.slice(at));
    expectRefused((query, _, character) => query + character);
  });

  test('is refused when a character is taken out [Sluiceway]', () => {
    expectRefused((query, at) => query.slice(0, at) + query.slice(at + 1));
  });

  test('is refused when two characters change places [Sluiceway]', () => {
    expectRefused(
      (query, at) => query.slice(0, at) + (query[at + 1] ?? '') + (query[at] ?? '') + query.slice(at + 2),
    );
  });

  test('is refused when it is cut short [Sluiceway]', () => {
    expectRefused((query, at) => query.slice(0, at));
  });

  test('is refused when an escape or a letter is written in another way [RFC 3986 6.2.2]', () => {
    expectRefused((query, at) => {
      const code = query.charCodeAt(at).toString(16).padStart(2, '0');
      return `${query.slice(0, at)}%${code}${query.slice(at + 1)}`;
    });
    expectRefused((query) => query.toLowerCase());
    expectRefused((query) => query.replace(/%[0-9A-F]{2}/, (escape) => escape.toLowerCase()));
    expectRefused((query) => query.replaceAll('%20', '+'));
  });

  test('is refused when a parameter is put first, put last, doubled, taken out or moved [Sluiceway]', () => {
    const parts = (query: string): string[] => query.split('&');
    expectRefused((query) => `${query}&utm_source=mail`);
    expectRefused((query) => `a=1&${query}`);
    expectRefused((query) => `&${query}`);
    expectRefused((query) => `${query}&`);
    expectRefused((query, at) => {
      const each = parts(query);
      return [...each, each[at % each.length]].join('&');
    });
    expectRefused((query, at) => {
      const each = parts(query);
      return each.toSpliced(at % each.length, 0, each[at % each.length] ?? '').join('&');
    });
    expectRefused((query, at) => {
      const each = parts(query);
      return each.toSpliced(at % each.length, 1).join('&');
    });
    expectRefused((query, at) => {
      const each = parts(query);
      return [...each.slice(at % each.length), ...each.slice(0, at % each.length)].join('&');
    });
    expectRefused((query) => parts(query).toReversed().join('&'));
  });
});

test('every single character of a link counts, in each of its places [Sluiceway]', () => {
  for (const form of forms) {
    const links = linksOf(form);
    const link = links.sign({ url: 'https://a.example/b%2Fc?d=é', expires: '1h', filename: 'ü (1).zip' });
    const from = link.indexOf('?') + 1;
    expect(codeOf(links, link)).toBe('valid');
    for (let at = from; at < link.length; at++) {
      for (const character of 'AQgw01-_%&=. ') {
        if (link[at] === character) continue;
        const changed = link.slice(0, at) + character + link.slice(at + 1);
        expect(codeOf(links, changed), changed).toBe('link_invalid');
      }
    }
  }
});

test('whatever comes instead of a link is refused, and breaks nothing [Sluiceway]', () => {
  const links = linksOf();
  fc.assert(
    fc.property(
      fc.constantFrom('link=', '?link=', '?', '', '?signature=', '?expires=1&key=k1&url=x&signature='),
      fc.oneof(
        fc.string({ unit: 'binary' }),
        fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes).toString('base64url')),
      ),
      (start, rest) => {
        expect(codeOf(links, start + rest)).toBe('link_invalid');
      },
    ),
    { numRuns: times(1000, 300) },
  );
  // A version, a key and a length that say more than there is.
  for (const bytes of [[], [1], [2], [1, 255], [1, 2, 107, 49], [1, 0], [0, 2, 107, 49]])
    expect(codeOf(links, `?link=${Buffer.from(bytes).toString('base64url')}`)).toBe('link_invalid');
});
