import type { Fields, ReadonlyFields } from './fields.js';
import { splitMembers } from './list-members.js';

/**
 * Appends this proxy to Via (RFC 9110 section 7.6.3), on a separate line after all others, which stay unchanged.
 * `httpVersion` is that of the received message (`1.1`, `2.0`), `proxyName` a token.
 */
export function appendVia(fields: Fields, httpVersion: string, proxyName: string): void {
  fields.append('Via', `${httpVersion} ${proxyName}`);
}

/**
 * Reports whether a proxy of that name has forwarded the message. The name counts only as the receiver (`1.1 name`),
 * not in a comment. Letter case is ignored.
 */
export function hasVia(fields: ReadonlyFields, proxyName: string): boolean {
  if (!fields.has('via')) return false;
  const wanted = proxyName.toLowerCase();
  return fields.getAll('via').some((line) => {
    const lower = line.toLowerCase();
    return (
      lower.includes(wanted) &&
      splitMembers(lower, ',', true).some((element) => receiverOf(element) === wanted)
    );
  });
}

/** `received-protocol RWS received-by [ RWS comment ]`: the second word. */
function receiverOf(element: string): string | undefined {
  const trimmed = element.trim();
  const gap = trimmed.search(/[\t ]/);
  if (gap < 0) return undefined;
  const rest = trimmed.slice(gap).trimStart();
  const end = rest.search(/[\t (]/);
  return end < 0 ? rest : rest.slice(0, end);
}
