import { type DigestField, readDigest } from '../../http/digest.js';
import type { ReadonlyFields } from '../../http/fields.js';
import type { ExpectedDigest } from '../../stream/verified-source.js';

/** The digests in these fields of a head. */
export const readGiven = (fields: ReadonlyFields, names: readonly DigestField[]): ExpectedDigest[] =>
  names.flatMap((name) => {
    const digest = readDigest(fields, name);
    return digest === null ? [] : [{ digest, by: name }];
  });

/** The digest fields that a head announces as trailers. */
export function announcedDigests(fields: ReadonlyFields, names: readonly DigestField[]): DigestField[] {
  const trailers = fields.list('trailer').map((name) => name.toLowerCase());
  return names.filter((name) => trailers.includes(name.toLowerCase()));
}
