import type { Fields } from './fields.js';

/**
 * Fields that are valid only for the exact bytes of the content: its length, validators, digests and ranges (RFC 9110
 * sections 8.6, 8.8, 14.3 and 14.4, RFC 9530).
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

/**
 * Removes the description of exact bytes from a response's fields, announced trailers included. Returns what it
 * removed.
 */
export function removeByteDescription(fields: Fields): [name: string, value: string][] {
  const removed: [string, string][] = [];
  fields.retain((name, value) => {
    if (!describesBytes(name)) return true;
    removed.push([name, value]);
    return false;
  });
  return removed;
}

/** Restores what was removed, except fields that have been set again since. */
export function restoreByteDescription(fields: Fields, removed: readonly [string, string][]): void {
  const isNew = removed.map(([name]) => !fields.has(name));
  for (const [index, [name, value]] of removed.entries()) if (isNew[index]) fields.append(name, value);
}

/** Removes trailers that describe exact bytes from the announcement. */
export function announceWithoutDescription(fields: Fields): void {
  if (!fields.has('trailer')) return;
  fields.set(
    'Trailer',
    fields.list('trailer').filter((name) => !describesBytes(name)),
  );
}

/**
 * Weakens the entity tag of a 304 for content that the proxy changes. A strong tag would mean that the client has the
 * origin server's own bytes (RFC 9110 section 8.8.1), and a cache would find none of its responses by it (RFC 9111
 * section 4.3.4).
 */
export function weakenByteDescription(fields: Fields): void {
  const tag = fields.get('etag');
  removeByteDescription(fields);
  if (tag !== undefined) fields.set('ETag', tag.startsWith('W/') ? tag : `W/${tag}`);
}
