import type { BaseTarget } from '../http/target.js';

/** A host, or the URLs under one. */
export interface HostPattern {
  /** Null for either. */
  protocol: BaseTarget['protocol'] | null;
  /** Without `*.` where there is one; null for every host. */
  hostname: string | null;
  /** Hosts below `hostname`, and not that itself. */
  isSuffix: boolean;
  /** Null for every port. */
  port: number | null;
  /** Null for every path. */
  path: string | null;
  /** Every path that begins with `path`. */
  isPrefix: boolean;
}

const PATTERN = /^(?:(https?):\/\/)?(\[[\da-f:.]+\]|[^/:@?#[\]\s]+)(?::(\d{1,5}))?(\/[^?#\s]*)?$/i;

/**
 * Reads `files.example.com`, `*.example.com`, `*`, with a scheme, a port or a path where they hold for that only:
 * `https://example.com:8443/public/*`. Names are compared as the URL standard writes them, without a dot at the end.
 * Throws a `TypeError`.
 */
export function parseHostPattern(text: string): HostPattern {
  const match = typeof text === 'string' ? PATTERN.exec(text) : null;
  if (match === null)
    throw new TypeError('must be a host such as files.example.com or *.example.com, or a URL under one');
  const [, scheme, host = '', port, path] = match;
  const isSuffix = host.startsWith('*.');
  const name = isSuffix ? host.slice(2) : host;
  if (name.includes('*') && host !== '*')
    throw new TypeError('must have * only at its start, as in *.example.com');
  if (path?.slice(0, -1).includes('*') === true)
    throw new TypeError('must have * only at the end of its path');
  const isPrefix = path?.endsWith('*') ?? false;
  return {
    protocol: scheme === undefined ? null : scheme.toLowerCase() === 'https' ? 'https:' : 'http:',
    hostname: host === '*' ? null : normalise(name),
    isSuffix,
    port: port === undefined ? null : Number(port),
    path: path === undefined ? null : isPrefix ? path.slice(0, -1) : path,
    isPrefix,
  };
}

export function matchesHost(pattern: HostPattern, base: BaseTarget, pathAndQuery: string): boolean {
  const hostname = base.hostname.replace(/\.$/, '');
  if (pattern.protocol !== null && pattern.protocol !== base.protocol) return false;
  if (pattern.port !== null && pattern.port !== base.port) return false;
  if (pattern.hostname !== null) {
    const isNamed = pattern.isSuffix
      ? hostname.endsWith(`.${pattern.hostname}`)
      : hostname === pattern.hostname;
    if (!isNamed) return false;
  }
  if (pattern.path === null) return true;
  const path = pathAndQuery.split('?', 1)[0] ?? '';
  // What the origin server makes of dots and other spellings of a slash is not known.
  if (/\.\.|%2e|%2f|%5c|\\/i.test(path)) return false;
  return pattern.isPrefix ? path.startsWith(pattern.path) : path === pattern.path;
}

function normalise(name: string): string {
  try {
    const { hostname } = new URL(`http://${name}/`);
    return hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  } catch {
    throw new TypeError('must name a valid host');
  }
}
