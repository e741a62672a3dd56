import type { CompatOptions } from './options.js';

/** What http-proxy rewrites: of a 201, or of a redirect. */
const STATUSES: ReadonlySet<number> = new Set([201, 301, 302, 303, 307, 308]);
/** Browsers drop some of these from a URL and take `\` for `/`: then it would be another one to them. */
const PLAIN = /^[\x21-\x5b\x5d-\x7e\x80-\xff]*$/;

export interface LocationPlace {
  /** The target that was asked, with the path that it was asked for. */
  asked: URL;
  /** The host that the client asked for; null where it named none. */
  clientHost: string | null;
}

/**
 * The value for a Location that names the target, as http-proxy and httpxy rewrite it: an absolute URL, one without a
 * scheme, or a relative reference, which is resolved at the URL that was asked for. Null where it names another host,
 * and where it is relative and only the scheme would change: it leads back to this server as it is.
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
    // A host without a port has the default one: the setter would leave the old one.
    url.port = '';
    url.host = wanted;
  }
  return url.href;
}

export const isRewritten = (status: number): boolean => STATUSES.has(status);
