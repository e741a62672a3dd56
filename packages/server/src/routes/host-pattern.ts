import { domainToASCII } from 'node:url';

/** A host of a route, normalized for comparison with hosts of requests. A leading `*.` matches any labels. */
export type HostPattern = string;

/** Throws a `TypeError`. */
export function parseHostPattern(text: string): HostPattern {
  const isWildcard = text.startsWith('*.');
  const host = isWildcard ? text.slice(2) : text;
  const ascii = host.startsWith('[') ? host.toLowerCase() : domainToASCII(host);
  if (ascii === '' || host.includes('*'))
    throw new TypeError(`must be a host such as files.example.com or *.example.com`);
  return `${isWildcard ? '*.' : ''}${ascii.replace(/\.$/, '')}`;
}

/** A host as a client sends it, without its port, in lower case and without the dot of the root. */
export function normalizeHost(authority: string): string {
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.indexOf(':');
  const host = (end < 0 ? authority : authority.slice(0, end)).toLowerCase();
  return host.endsWith('.') ? host.slice(0, -1) : host;
}

/** `*.b.c` and `*.c` for `a.b.c`: the longest first. */
export function wildcardsOf(host: string): HostPattern[] {
  const patterns: HostPattern[] = [];
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1))
    patterns.push(`*${host.slice(dot)}`);
  return patterns;
}
