import { type FieldLines, fieldOf } from './exchange.js';

export type Product =
  | 'nginx'
  | 'HAProxy'
  | 'Varnish'
  | 'Squid'
  | 'Apache httpd'
  | 'Traffic Server'
  | 'Next.js'
  | 'Caddy'
  | 'Envoy'
  | 'Cloudflare'
  | 'CloudFront'
  | 'AWS load balancer'
  | 'Node.js'
  | 'Sluiceway';

/** In `Server` and `Via`, and in other fields that products add. */
const tokens: readonly (readonly [RegExp, Product])[] = [
  [/\b(?:nginx|openresty)\b/i, 'nginx'],
  [/\bhaproxy\b/i, 'HAProxy'],
  [/\bvarnish\b/i, 'Varnish'],
  [/\bsquid\b/i, 'Squid'],
  [/\bapachetrafficserver\b|\bATS\/\d/i, 'Traffic Server'],
  [/\bapache(?:\/|\b(?!traffic))/i, 'Apache httpd'],
  [/\bnext\.js\b/i, 'Next.js'],
  [/\bcaddy\b/i, 'Caddy'],
  [/\benvoy\b/i, 'Envoy'],
  [/\bcloudflare\b/i, 'Cloudflare'],
  [/\bcloudfront\b/i, 'CloudFront'],
  [/\bawselb\b/i, 'AWS load balancer'],
  [/\bsluiceway\b/i, 'Sluiceway'],
];

const ownFields: readonly (readonly [name: string, Product])[] = [
  ['x-varnish', 'Varnish'],
  ['x-squid-error', 'Squid'],
  ['cf-ray', 'Cloudflare'],
  ['x-amz-cf-id', 'CloudFront'],
  ['x-envoy-upstream-service-time', 'Envoy'],
  ['x-nextjs-cache', 'Next.js'],
];

/** In the content of error pages. */
const pages: readonly (readonly [RegExp, Product])[] = [
  [/<hr><center>(?:nginx|openresty)/i, 'nginx'],
  [/^<html><body><h1>\d{3} [A-Z][\w -]*<\/h1>\n[^<]*\n<\/body><\/html>/, 'HAProxy'],
  [/Guru Meditation|<p>Varnish cache server<\/p>/, 'Varnish'],
  [/squid|ERR_[A-Z_]+/i, 'Squid'],
  [/Your browser sent a request that this server could not understand|<address>Apache/i, 'Apache httpd'],
  [
    /^<!DOCTYPE HTML PUBLIC "-\/\/IETF\/\/DTD HTML 2\.0\/\/EN">\s*<html>\s*<head>\s*<title>\d{3} /,
    'Apache httpd',
  ],
  [/<TITLE>[^<]*<\/TITLE>[^]*<FONT FACE="Helvetica,Arial">|proxy\.config\.http/i, 'Traffic Server'],
  [/^(?:upstream connect error|upstream request timeout|no healthy upstream)/, 'Envoy'],
];

/** The products that the fields of a response name, that of the hop next to the origin first. */
export function productsInFields(fields: FieldLines): Product[] {
  const via = fieldOf(fields, 'via')?.split(',') ?? [];
  const server = fieldOf(fields, 'server');
  const powered = fieldOf(fields, 'x-powered-by');
  const named = [
    ...via,
    ...(server === null ? [] : [server]),
    ...(powered === null ? [] : [powered]),
  ].flatMap((text) => tokens.find(([pattern]) => pattern.test(text))?.[1] ?? []);
  const marked = ownFields.flatMap(([name, product]) => (fieldOf(fields, name) === null ? [] : [product]));
  return Array.from(new Set([...named, ...marked]));
}

/** The product that has made an error page; null if the page is not one of those that are known. */
export function productOfPage(fields: FieldLines, content: string): Product | null {
  if (fieldOf(fields, 'x-squid-error') !== null) return 'Squid';
  // The first member is that of the proxy next to the origin that has something to say (RFC 9209 section 2).
  const status = fieldOf(fields, 'proxy-status')?.split(',', 1)[0] ?? '';
  const named = /;\s*error=/.test(status) ? tokens.find(([pattern]) => pattern.test(status))?.[1] : undefined;
  if (named !== undefined) return named;
  return pages.find(([pattern]) => pattern.test(content))?.[1] ?? null;
}
