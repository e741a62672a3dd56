import type { ReadonlyFields } from '../../http/fields.js';
import type { Validator } from '../../http/validators.js';
import type { AskedRest, Proof, ResumePoint } from './resume-point.js';

/** What a response is checked against. */
export interface RestContext extends AskedRest {
  proof: Proof;
  /** The response comes from the same URL as the content, and not from another redirect target or a mirror. */
  isSamePlace: boolean;
}

/** Whether an error response refers to the same representation, or does not identify one. */
export const isOfSame = (headers: ReadonlyFields, { validator, etag }: ResumePoint): boolean =>
  (!headers.has('etag') || headers.get('etag') === etag) &&
  (validator === null || !headers.has(validator.field) || headers.get(validator.field) === validator.value);

/** Whether a strong entity tag shows that a response is of the same state of the representation. */
export const hasSameTag = (headers: ReadonlyFields, { validator }: ResumePoint): boolean =>
  validator?.field === 'ETag' &&
  validator.strength === 'strong' &&
  headers.getAll('etag').length === 1 &&
  headers.get('etag') === validator.value;

/** Returns a message if the validators of a response differ. With a digest as proof they are ignored: mirrors' differ. */
export function findOtherValidator(
  headers: ReadonlyFields,
  { validator, etag, modified, start }: ResumePoint,
  { proof, isSamePlace, from, position }: RestContext,
  mayOmit: boolean,
): string | null {
  if (proof === 'digest') return null;
  if (validator !== null && !isPortable(validator) && !isSamePlace)
    return `the rest comes from a different URL, where its ${validator.field} proves nothing`;
  if (validator?.strength === 'opaque' && from === position && position > start)
    return 'there is no copy of delivered bytes to compare the rest with';
  const isByDate = validator?.field === 'Last-Modified';
  const tags = headers.getAll('etag');
  const isSameTag = tags.length === (etag === undefined ? 0 : 1) && tags[0] === etag;
  if (!isSameTag && !(isByDate && etag === undefined)) return 'the rest has a different ETag, or none';
  // A second validator distinguishes files that have the same first one. Other servers may date the same file differently.
  if (modified === undefined || !isSamePlace) return null;
  const dates = headers.getAll('last-modified');
  // A response always repeats the entity tag, but can omit a date that was sent together with one.
  const mayOmitDate = !isByDate || (mayOmit && tags.length === 0 && etag === undefined);
  if (dates.length === 0 && mayOmitDate) return null;
  return dates.length === 1 && dates[0] === modified
    ? null
    : 'the rest has a different Last-Modified, or none';
}

/** Whether the validator means the same on every server and at every URL. A date, or a tag in an unusual form, does not. */
export const isPortable = ({ field, strength }: Validator): boolean =>
  field === 'ETag' && strength === 'strong';
