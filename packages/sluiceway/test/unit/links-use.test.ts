import { describe, expect, test } from 'vitest';
import type { LinkUse } from '../../src/access/link-conditions.js';
import { SluicewayError } from '../../src/errors.js';
import type { GrantOptions } from '../../src/gateway/grant.js';
import { createLinks, type Links } from '../../src/gateway/links.js';
import { anyUse, forms, keyOf, keys, linksOf } from '../support/grants.js';

const grant: GrantOptions = { url: 'https://bucket.example/a.zip', expires: '1h' };

/** The error with which a use ends; null for one that is permitted. */
function errorOf(links: Links, link: string, use: Partial<LinkUse> = {}): SluicewayError | null {
  try {
    links.verify(link, { ...anyUse, ...use });
    return null;
  } catch (error) {
    if (error instanceof SluicewayError) return error;
    throw error;
  }
}

const seen = (error: SluicewayError | null): unknown[] => [error?.code, error?.status, error?.outcome];

describe.each(forms)('a link of the form %s', (form) => {
  const links = linksOf(form);

  test('works until the second in which it ends, and is then gone: 410 [RFC 9110 15.5.11]', () => {
    const link = links.sign({ ...grant, expires: new Date('2031-01-01T00:00:00Z') });
    const end = Date.parse('2031-01-01T00:00:00Z');
    expect(errorOf(links, link, { now: end - 1 })).toBeNull();
    expect(seen(errorOf(links, link, { now: end }))).toEqual(['link_expired', 410, 'rejected']);
    expect(seen(errorOf(links, link, { now: end + 1 }))).toEqual(['link_expired', 410, 'rejected']);
    expect(links.read(link).grant.expires).toBe(end / 1000);
  });

  test('never ends before the time for which it was signed, and less than a second later [Sluiceway]', () => {
    const before = Date.now();
    const link = links.sign({ ...grant, expires: '1500ms' });
    const after = Date.now();
    expect(errorOf(links, link, { now: before + 1499 })).toBeNull();
    expect(errorOf(links, link, { now: after + 2500 })?.code).toBe('link_expired');
  });

  test('is for GET and HEAD unless it says otherwise; another method is answered 405 with Allow [RFC 9110 15.5.6]', () => {
    const link = links.sign(grant);
    expect(errorOf(links, link, { method: 'GET' })).toBeNull();
    expect(errorOf(links, link, { method: 'HEAD' })).toBeNull();
    for (const method of ['POST', 'DELETE', 'get', '', 'OPTIONS']) {
      const error = errorOf(links, link, { method });
      expect(seen(error)).toEqual(['http_request_denied', 405, 'rejected']);
      expect(error?.headers).toEqual({ Allow: 'GET, HEAD' });
    }
    const other = links.sign({ ...grant, methods: ['PUT'] });
    expect(errorOf(links, other, { method: 'PUT' })).toBeNull();
    expect(errorOf(links, other)?.headers).toEqual({ Allow: 'PUT' });
  });

  test('says that it has expired before it says what it was for [Sluiceway]', () => {
    const link = links.sign({ ...grant, clientIp: '198.51.100.1' });
    const late = { now: Date.now() + 3_700_000, method: 'POST' };
    expect(errorOf(links, link, late)?.code).toBe('link_expired');
    expect(errorOf(links, link, { method: 'POST' })?.status).toBe(405);
    expect(errorOf(links, link)?.code).toBe('link_client');
  });

  describe('for one client works for that one only [Sluiceway]', () => {
    test.each<[range: string, address: string | null, permitted: boolean]>([
      ['192.0.2.7', '192.0.2.7', true],
      ['192.0.2.7', '192.0.2.8', false],
      ['192.0.2.7', '::ffff:192.0.2.7', true],
      ['192.0.2.7', '::ffff:c000:207', true],
      ['192.0.2.7', '::192.0.2.7', false],
      ['192.0.2.7', '64:ff9b::192.0.2.7', false],
      ['::ffff:192.0.2.7', '192.0.2.7', true],
      ['192.0.2.0/24', '192.0.2.255', true],
      ['192.0.2.0/24', '192.0.3.0', false],
      ['192.0.2.99/24', '192.0.2.1', true],
      ['2001:db8::/64', '2001:db8::ffff:1', true],
      ['2001:db8::/64', '2001:db8:0:1::1', false],
      ['2001:DB8::1', '2001:db8:0:0::1', true],
      ['fe80::1', 'fe80::1%eth0', true],
      ['fe80::1', 'fe80::2%eth0', false],
      ['0.0.0.0/0', '203.0.113.1', true],
      ['0.0.0.0/0', null, false],
      ['192.0.2.7', null, false],
      ['192.0.2.7', '', false],
      ['192.0.2.7', '192.0.2.7 ', false],
      ['192.0.2.7', '192.0.2.7:80', false],
      ['192.0.2.7', '3221225991', false],
    ])('%s: %j %j', (clientIp, clientAddress, permitted) => {
      const link = links.sign({ ...grant, clientIp });
      const error = errorOf(links, link, { clientAddress });
      expect(seen(error)).toEqual(
        permitted ? [undefined, undefined, undefined] : ['link_client', 403, 'rejected'],
      );
    });
  });

  test('has the same id at each use, another than any other link, and one that tells nothing of it [Sluiceway]', () => {
    const link = links.sign(grant);
    const { id } = links.verify(link, anyUse);
    expect(id).toMatch(/^[\w-]{22}$/);
    expect(links.verify(link, { ...anyUse, method: 'HEAD' }).id).toBe(id);
    expect(links.verify(`/elsewhere?${link.split('?')[1]}`, anyUse).id).toBe(id);
    expect(links.verify(links.sign({ ...grant, maxBytes: 1 }), anyUse).id).not.toBe(id);
    expect(link).not.toContain(id);
  });

  test('stays valid while its key is there, whichever signs now, and no longer [Sluiceway]', () => {
    const [old, other] = keys;
    const fresh = keyOf('k3', 3);
    if (old === undefined || other === undefined) throw new Error('There are two keys');
    const before = createLinks({ keys: [old], form });
    const rotated = createLinks({ keys: [fresh, old], form });
    const after = createLinks({ keys: [fresh], form });
    const link = before.sign(grant);
    expect(errorOf(rotated, link)).toBeNull();
    expect(seen(errorOf(after, link))).toEqual(['link_invalid', 403, 'rejected']);
    const next = rotated.sign(grant);
    expect(errorOf(after, next)).toBeNull();
    expect(errorOf(before, next)?.code).toBe('link_invalid');
    // The same name does not make it the same key.
    expect(errorOf(createLinks({ keys: [keyOf('k1', 9)], form }), link)?.code).toBe('link_invalid');
    expect(
      errorOf(
        createLinks({
          keys: [
            { ...other, id: 'k1' },
            { ...old, id: 'k2' },
          ],
          form,
        }),
        link,
      )?.code,
    ).toBe('link_invalid');
  });

  test('is verified by whoever has the key, whatever form it signs itself, and wherever it is mounted [Sluiceway]', () => {
    const link = linksOf(form, { base: 'https://files.example', path: '/a/b' }).sign(grant);
    for (const other of forms) expect(errorOf(linksOf(other), link)).toBeNull();
  });
});

test('an encrypted link shows nothing of what it leads to, and no two are alike [Sluiceway]', () => {
  const links = linksOf('encrypted');
  const secret = { ...grant, headers: { Authorization: 'Bearer 12345678' }, contentType: 'video/mp4' };
  const tokens = Array.from({ length: 50 }, () => links.sign(secret).split('link=')[1] ?? '');
  const plain = Buffer.from(tokens[0] ?? '', 'base64url').toString('latin1');
  for (const hidden of ['bucket', 'a.zip', 'https', 'Bearer', '12345678', 'video']) {
    expect(plain).not.toContain(hidden);
  }
  // Version, length of the key id, key id; then salt, ciphertext and tag, of which no two share any.
  const tails = tokens.map((token) => token.slice(6));
  expect(new Set(tails.map((tail) => tail.slice(0, 12))).size).toBe(50);
  expect(new Set(tails.map((tail) => tail.slice(-12))).size).toBe(50);
  expect(links.verify(`?link=${tokens[0]}`, anyUse).grant.headers).toEqual(secret.headers);
});

test('the name of the file is the last part of the path, for tools that go by it, escaped and never dots [Sluiceway]', () => {
  const pathOf = (filename: string, path?: string): string | undefined =>
    linksOf('encrypted', path === undefined ? {} : { path })
      .sign({ ...grant, filename })
      .split('?')[0];
  expect(pathOf('a.zip')).toBe('/download/a.zip');
  expect(pathOf('a/../b ü?#.zip', '/get')).toBe('/get/a%2F..%2Fb%20%C3%BC%3F%23.zip');
  expect(pathOf('..', '/')).toBe('/_');
  expect(pathOf('.')).toBe('/download/_');
  expect(linksOf('encrypted', { path: '/' }).sign(grant)).toMatch(/^\/\?link=/);
  expect(linksOf('encrypted', { base: 'https://[::1]:443/' }).sign(grant)).toMatch(
    /^https:\/\/\[::1\]\/download\?link=/,
  );
});
