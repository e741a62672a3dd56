import type { ReadonlyFields } from '../../http/fields.js';
import type { Validator } from '../../http/validators.js';
import type { AskedRest, Proof, ResumePoint } from './resume-point.js';

/** What a response is held against. */
export interface RestContext extends AskedRest {
  proof: Proof;
  /** The response comes from the URL of the content, and not by a redirect or from a mirror. */
  isSamePlace: boolean;
}

/** What an error says of the representation, where it says anything. */
export const isOfSame = (headers: ReadonlyFields, { validator, etag }: ResumePoint): boolean =>
  (!headers.has('etag') || headers.get('etag') === etag) &&
  (validator === null || !headers.has(validator.field) || headers.get(validator.field) === validator.value);

/** Whether a response is of the same state of the representation by a strong entity tag. */
export const hasSameTag = (headers: ReadonlyFields, { validator }: ResumePoint): boolean =>
  validator?.field === 'ETag' &&
  validator.strength === 'strong' &&
  headers.getAll('etag').length === 1 &&
  headers.get('etag') === validator.value;

/** A digest decides by itself: mirrors have entity tags of their own. */
export function findOtherValidator(
  headers: ReadonlyFields,
  { validator, etag, modified, start }: ResumePoint,
  { proof, isSamePlace, from, position }: RestContext,
  mayOmit: boolean,
): string | null {
  if (proof === 'digest') return null;
  if (validator !== null && !isPortable(validator) && !isSamePlace)
    return `the rest comes from another URL, where its ${validator.field} proves nothing`;
  if (validator?.strength === 'opaque' && from === position && position > start)
    return 'no delivered byte is known to compare the rest with';
  const isByDate = validator?.field === 'Last-Modified';
  const tags = headers.getAll('etag');
  const isSameTag = tags.length === (etag === undefined ? 0 : 1) && tags[0] === etag;
  if (!isSameTag && !(isByDate && etag === undefined)) return 'the rest has another ETag, or none';
  // A second validator tells files apart that have the same first one. Servers with the same file may date it each.
  if (modified === undefined || !isSamePlace) return null;
  const dates = headers.getAll('last-modified');
  // An entity tag is always repeated, and what stands beside it may be left out.
  const mayOmitDate = !isByDate || (mayOmit && tags.length === 0 && etag === undefined);
  if (dates.length === 0 && mayOmitDate) return null;
  return dates.length === 1 && dates[0] === modified ? null : 'the rest has another Last-Modified, or none';
}

/** Whether the validator means the same on every server, and at every URL: a date, or a tag in a form of its own, does not. */
export const isPortable = ({ field, strength }: Validator): boolean =>
  field === 'ETag' && strength === 'strong';
