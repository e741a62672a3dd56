import { SluicewayError } from '../errors.js';
import type { Fields } from '../http/fields.js';
import { splitMembers } from '../http/list-members.js';

/** RFC 9110 section 8.3.1. */
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** A longer Content-Type is refused. */
const MAX_LENGTH = 1024;

/**
 * Throws `response_denied` (403) unless the media type of a response is one of `allowed` (`video/mp4`, `video/*`; null:
 * all). Every line of Content-Type and every member of each line must match: clients differ in which one they use, and
 * guess if there is none. `multipart/byteranges` (a 206 with several ranges) must be allowed by its own name, because
 * the type of the file is inside the content.
 */
export function checkContentType(fields: Fields, allowed: readonly string[] | null): void {
  if (allowed === null) return;
  const lines = fields.getAll('content-type');
  const types = lines.flatMap(toTypes);
  const isAllowed = (type: string): boolean =>
    MEDIA_TYPE.test(type) &&
    allowed.some((each) => (each.endsWith('/*') ? type.startsWith(each.slice(0, -1)) : type === each));
  if (types.length > 0 && types.every(isAllowed)) return;
  const shown = JSON.stringify(lines.join(', ').slice(0, 200));
  throw new SluicewayError('response_denied', `The media type ${shown} is not allowed`);
}

/**
 * Returns the types in lower case, without parameters. Returns `''`, which is never allowed, for a type that is too
 * long or malformed.
 */
function toTypes(line: string): string[] {
  if (line.length > MAX_LENGTH) return [''];
  return splitMembers(line, ',').map((member) => (member.split(';', 1)[0] ?? '').trim().toLowerCase());
}
