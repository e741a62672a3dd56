import type { Fields } from './fields.js';

/**
 * Fields that hold as long as not one byte of the content changes: its length, validators, digests, and what
 * concerns ranges of it (RFC 9110 sections 8.6, 8.8, 14.3 and 14.4, RFC 9530).
 */
const OF_EXACT_BYTES: ReadonlySet<string> = new Set([
  'content-length',
  'content-range',
  'accept-ranges',
  'etag',
  'last-modified',
  'content-md5',
  'content-digest',
  'repr-digest',
  'digest',
]);

export const describesBytes = (name: string): boolean => OF_EXACT_BYTES.has(name.toLowerCase());

/** Takes the description of exact bytes out of a response's fields, its announced trailers included. */
export function removeByteDescription(fields: Fields): [name: string, value: string][] {
  const removed: [string, string][] = [];
  fields.retain((name, value) => {
    if (!describesBytes(name)) return true;
    removed.push([name, value]);
    return false;
  });
  return removed;
}

/** Puts back what was removed, but for fields that have been set anew since. */
export function restoreByteDescription(fields: Fields, removed: readonly [string, string][]): void {
  const isNew = removed.map(([name]) => !fields.has(name));
  for (const [index, [name, value]] of removed.entries()) if (isNew[index]) fields.append(name, value);
}

/** Announces no trailer that describes exact bytes. */
export function announceWithoutDescription(fields: Fields): void {
  if (!fields.has('trailer')) return;
  fields.set(
    'Trailer',
    fields.list('trailer').filter((name) => !describesBytes(name)),
  );
}

/**
 * What a 304 may say of content whose bytes we change on their way: that it is the one with this entity tag, weakly.
 * A strong one would say that the client has the origin server's own bytes (RFC 9110 section 8.8.1), and a cache
 * would find none of its responses under it (RFC 9111 section 4.3.4).
 */
export function weakenByteDescription(fields: Fields): void {
  const tag = fields.get('etag');
  removeByteDescription(fields);
  if (tag !== undefined) fields.set('ETag', tag.startsWith('W/') ? tag : `W/${tag}`);
}
