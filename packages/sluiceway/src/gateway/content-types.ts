import { SluicewayError } from '../errors.js';
import type { Fields } from '../http/fields.js';
import { splitMembers } from '../http/list-members.js';

/** RFC 9110 section 8.3.1. */
const MEDIA_TYPE = /^[!#$%&'*+.^_`|~0-9a-z-]+\/[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** Servers say no more about a type. */
const MAX_LENGTH = 1024;

/**
 * Throws `response_denied` (403) unless the media type of a response is one of `allowed` (`video/mp4`, `video/*`; null:
 * all). That goes for all lines of Content-Type and all members of each: clients choose among several as they like, and
 * guess where there is none. `multipart/byteranges` (a 206 with several ranges) has to be allowed by its own name, since
 * the type of the file stands inside of the content.
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

/** In lower case, without parameters; `''`, which is never allowed, for what nobody reads. */
function toTypes(line: string): string[] {
  if (line.length > MAX_LENGTH) return [''];
  return splitMembers(line, ',').map((member) => (member.split(';', 1)[0] ?? '').trim().toLowerCase());
}
