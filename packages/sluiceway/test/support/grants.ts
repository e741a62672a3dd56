import { createCipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import * as fc from 'fast-check';
import type { Key } from '../../src/access/keys.js';
import type { GrantOptions } from '../../src/gateway/grant.js';
import type { LinkOptions } from '../../src/gateway/link-options.js';
import { createLinks, type Links } from '../../src/gateway/links.js';

/** A key whose secret is one repeated byte. For tests only. */
export const keyOf = (id: string, byte: number): Key => ({
  id,
  secret: Buffer.alloc(32, byte).toString('base64url'),
});

export const keys: readonly Key[] = [keyOf('k1', 1), keyOf('k2', 2)];

export const forms = ['encrypted', 'signed'] as const;

export const linksOf = (form: LinkOptions['form'] = 'encrypted', more: Partial<LinkOptions> = {}): Links =>
  createLinks({ keys, form, ...more });

/** A use that satisfies the conditions of links, unless they restrict the client or the time. */
export const anyUse = { clientAddress: '192.0.2.7' };

const token = fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,12}$/);
const anyText = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });

const url = fc
  .record({
    scheme: fc.constantFrom('http', 'https', 'HTTPS'),
    host: fc.constantFrom('files.example', '192.0.2.1', '[2001:db8::1]', 'bücher.example', 'a.example:8443'),
    path: fc.stringMatching(/^(\/[A-Za-z0-9%2F.~!$&'()*+,;=:@"{}^|<>-]{0,20}){0,3}$/),
    query: fc.option(anyText.map(encodeURIComponent), { nil: '' }),
  })
  .map(({ scheme, host, path, query }) => `${scheme}://${host}${path}${query === '' ? '' : `?${query}`}`);

const headers = fc.dictionary(
  token.filter((name) => !/^(if-.*|range|host|via|te|__proto__)$/i.test(name)),
  fc.stringMatching(/^[\x20-\x7e\xa0-\xff]{0,30}$/),
  { maxKeys: 3 },
);

/** Grants with any combination of members. Only encrypted links support `headers`. */
export const grantOptions = (form: LinkOptions['form']): fc.Arbitrary<GrantOptions> =>
  fc
    .record(
      {
        url,
        expires: fc.oneof(
          fc.integer({ min: 1000, max: 3_000_000_000 }),
          fc.date({ min: new Date(Date.now() + 60_000), max: new Date('2033-01-01'), noInvalidDate: true }),
        ),
        filename: anyText.filter((name) => !/[\p{Cc}\p{Cs}]/u.test(name) && Buffer.byteLength(name) <= 255),
        disposition: fc.constantFrom('attachment', 'inline'),
        contentType: fc.constantFrom('video/mp4', 'text/plain; charset=utf-8', 'a/b;x="&=%"'),
        methods: fc.uniqueArray(fc.constantFrom('GET', 'HEAD', 'PUT', 'X!', 'POST'), { minLength: 1 }),
        mirrors: fc.array(url, { minLength: 1, maxLength: 3 }),
        digest: fc
          .uint8Array({ minLength: 32, maxLength: 32 })
          .map((bytes) => `sha256:${Buffer.from(bytes).toString('hex')}`),
        digestSidecar: fc.constantFrom(
          'SHA256SUMS',
          '{name}.sha256',
          'https://sums.example/{path}?a=b&c{query}',
        ),
        size: fc.maxSafeNat(),
        acceptEncoding: fc.constantFrom('pass', 'identity'),
        maxBytes: fc.oneof(
          fc.maxSafeNat().filter((n) => n > 0),
          fc.constant('5GiB'),
        ),
        rate: fc.integer({ min: 1, max: 2 ** 40 }),
        clientIp: fc.constantFrom(
          '192.0.2.7',
          '192.0.2.0/24',
          '0.0.0.0/0',
          '::ffff:192.0.2.7',
          '::ffff:c000:0/112',
        ),
        singleUse: fc.boolean(),
        ...(form !== 'signed' && { headers }),
      },
      { requiredKeys: ['url', 'expires'] },
    )
    .map(({ digestSidecar, ...others }) =>
      // These two exclude each other.
      others.digest === undefined && digestSidecar !== undefined ? { ...others, digestSidecar } : others,
    );

/** Signs as signers in other languages do, according to the documentation. Calls no code of Sluiceway. */
export function signElsewhere(
  parameters: Readonly<Record<string, string>>,
  { id, secret }: Key = keyOf('k1', 1),
): string {
  const escape = (value: string): string =>
    Array.from(Buffer.from(value), (byte) =>
      /[\w.~-]/.test(String.fromCharCode(byte)) && byte < 0x80
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    ).join('');
  const query = Object.entries({ ...parameters, key: id })
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${escape(value)}`)
    .join('&');
  const hmac = createHmac('sha256', Buffer.from(secret, 'base64url'));
  const signature = hmac.update(`sluiceway-signed-link-v1\n${query}`).digest('base64url');
  return `/download?${query}&signature=${signature}`;
}

/** The same for the encrypted form, for any text and version. */
export function encryptElsewhere(
  text: string | Uint8Array,
  { id, secret }: Key = keyOf('k1', 1),
  version = 1,
): string {
  const salt = randomBytes(16);
  const head = Buffer.concat([Buffer.of(version, id.length), Buffer.from(id), salt]);
  const derived = Buffer.from(
    hkdfSync('sha256', Buffer.from(secret, 'base64url'), salt, 'sluiceway link v1', 44),
  );
  const cipher = createCipheriv('aes-256-gcm', derived.subarray(0, 32), derived.subarray(32)).setAAD(head);
  const sealed = [cipher.update(Buffer.from(text)), cipher.final(), cipher.getAuthTag()];
  return `/download?link=${Buffer.concat([head, ...sealed]).toString('base64url')}`;
}
