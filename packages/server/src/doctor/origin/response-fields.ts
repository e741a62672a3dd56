import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { seededDigest } from '../../demo/seeded-content.js';
import type { Script } from './script.js';

export const LAST_MODIFIED = 'Wed, 01 Jan 2025 00:00:00 GMT';

/** The strong validator of the content of a probe. */
export const etagOf = (id: string): string => `"doctor-${id}"`;

/** What `Location` names if it is another server's. */
export const ELSEWHERE = 'https://files.invalid/a%20file?x=1';

/** The `Repr-Digest` of seeded content. Some proxies compare it. */
export const digestOf = (id: string, size: number): string =>
  `sha-256=:${Buffer.from(seededDigest(id, size), 'hex').toString('base64')}:`;

/** The fields whose passage is tested, with values that a careless proxy would change. */
export const passedFields = (id: string, size: number): Readonly<Record<string, string>> => ({
  'Content-Disposition': `attachment; filename="a.iso"; filename*=UTF-8''%C3%A4.iso`,
  'Content-Language': 'en',
  'Repr-Digest': digestOf(id, size),
  'Content-Digest': digestOf(id, size),
  Digest: digestOf(id, size).replace('sha-256=:', 'SHA-256=').slice(0, -1),
  Link: '<https://files.invalid/next>; rel="next"',
  'X-Checksum-Sha256': seededDigest(id, size),
  // Bytes above 0x7F are legal (RFC 9110 section 5.5).
  'X-Doctor-Latin': 'gr\u00fc\u00df',
  'Access-Control-Expose-Headers': 'Content-Disposition',
});

const mediaTypes = {
  binary: 'application/octet-stream',
  text: 'text/plain; charset=utf-8',
  events: 'text/event-stream',
};

export function responseFields(request: IncomingMessage, script: Script): OutgoingHttpHeaders {
  const { id, type = 'binary', plain, unbuffered, fields, pad, location, size = 0 } = script;
  return {
    'Content-Type': mediaTypes[type],
    ...(plain === 1
      ? { 'Cache-Control': 'no-store' }
      : { ETag: etagOf(id), 'Last-Modified': LAST_MODIFIED, 'Accept-Ranges': 'bytes' }),
    ...(unbuffered === 1 && { 'X-Accel-Buffering': 'no' }),
    ...(fields === 1 && passedFields(id, Math.min(size, MAX_DIGEST_BYTES))),
    ...(pad !== undefined && { 'X-Doctor-Pad': 'p'.repeat(Math.min(pad, MAX_PAD_BYTES)) }),
    ...(location !== undefined && {
      Location: location === 'elsewhere' ? ELSEWHERE : ownUrl(request),
    }),
  };
}

/** The origin as clients know it, as far as the request tells. */
function ownUrl({ headers }: IncomingMessage): string {
  const forwarded = (name: string): string | undefined => headers[name]?.toString().split(',', 1)[0]?.trim();
  const host = forwarded('x-forwarded-host') ?? headers.host ?? '';
  return `${forwarded('x-forwarded-proto') ?? 'http'}://${host}/sluiceway-doctor/moved`;
}

const MAX_DIGEST_BYTES = 1024 * 1024;
const MAX_PAD_BYTES = 128 * 1024;
