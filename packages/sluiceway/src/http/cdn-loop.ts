import type { Fields, ReadonlyFields } from './fields.js';
import { splitMembers } from './list-members.js';

/** Appends this proxy to CDN-Loop (RFC 8586 section 2), on a separate line after all others. `proxyName` is a token. */
export function appendCdnLoop(fields: Fields, proxyName: string): void {
  fields.append('CDN-Loop', proxyName);
}

/**
 * Reports whether a proxy of that name has forwarded the request. Names are compared case-insensitively and without
 * parameters, whose quoted strings can contain anything.
 */
export function hasCdnLoop(fields: ReadonlyFields, proxyName: string): boolean {
  if (!fields.has('cdn-loop')) return false;
  const wanted = proxyName.toLowerCase();
  return fields.getAll('cdn-loop').some((line) => {
    return splitMembers(line.toLowerCase(), ',').some((info) => info.split(';', 1)[0]?.trim() === wanted);
  });
}
