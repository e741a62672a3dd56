import type { CompatOptions } from './options.js';

/** The statuses whose Location http-proxy rewrites. */
const STATUSES: ReadonlySet<number> = new Set([201, 301, 302, 303, 307, 308]);
/** Browsers remove some other characters from a URL and treat `\` as `/`, which would change the URL. */
const PLAIN = /^[\x21-\x5b\x5d-\x7e\x80-\xff]*$/;

export interface LocationPlace {
  /** The requested URL of the target, with its path. */
  asked: URL;
  /** The host that the client requested. Null if there is none. */
  clientHost: string | null;
}

/**
 * Rewrites a Location that names the target, as http-proxy and httpxy do: an absolute URL, one without a scheme, or a
 * relative reference, which is resolved against the requested URL. Returns null if it names another host, and if it is
 * relative and only the scheme would change: it then already leads back to this server.
 */
export function rewriteLocation(
  location: string,
  {
    hostRewrite,
    autoRewrite,
    protocolRewrite,
  }: Pick<CompatOptions, 'hostRewrite' | 'autoRewrite' | 'protocolRewrite'>,
  { asked, clientHost }: LocationPlace,
): string | null {
  if (!PLAIN.test(location) || !URL.canParse(location, asked.href)) return null;
  const url = new URL(location, asked);
  if (url.host !== asked.host || !/^https?:$/.test(url.protocol)) return null;
  const wanted = hostRewrite ?? (autoRewrite === true ? clientHost : null);
  const namesHost = /^(?:[a-z][a-z\d+.-]*:)?\/\//i.test(location);
  if (wanted === null && (protocolRewrite === undefined || !namesHost)) return null;
  if (protocolRewrite !== undefined) url.protocol = protocolRewrite;
  if (wanted !== null) {
    // Without a port, the host has the default one. The setter would keep the old port.
    url.port = '';
    url.host = wanted;
  }
  return url.href;
}

export const isRewritten = (status: number): boolean => STATUSES.has(status);
