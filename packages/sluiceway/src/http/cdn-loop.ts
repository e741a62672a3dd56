import type { Fields, ReadonlyFields } from './fields.js';
import { splitMembers } from './list-members.js';

/** Adds this proxy to CDN-Loop (RFC 8586 section 2) as a line of its own after all others. `proxyName` is a token. */
export function appendCdnLoop(fields: Fields, proxyName: string): void {
  fields.append('CDN-Loop', proxyName);
}

/**
 * Whether a proxy of that name has passed the request on. Its name is compared without regard to case, and without
 * its parameters, whose quoted strings may hold anything.
 */
export function hasCdnLoop(fields: ReadonlyFields, proxyName: string): boolean {
  if (!fields.has('cdn-loop')) return false;
  const wanted = proxyName.toLowerCase();
  return fields.getAll('cdn-loop').some((line) => {
    return splitMembers(line.toLowerCase(), ',').some((info) => info.split(';', 1)[0]?.trim() === wanted);
  });
}
