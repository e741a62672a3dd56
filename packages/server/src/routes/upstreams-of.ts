import { isObject, type WrittenOptions } from '../config/library-options.js';

/** The configured servers of a route, with its mirrors: scheme, host and port. None of a gateway, whose links name them. */
export function upstreamsOf(route: unknown, { upstreams }: { upstreams: WrittenOptions }): string[] {
  if (!isObject(route) || !isObject(route['proxy'])) return [];
  const { upstream } = route['proxy'];
  const named =
    typeof upstream === 'string' && Object.hasOwn(upstreams, upstream) ? upstreams[upstream] : upstream;
  const { url, mirrors = [] } = isObject(named) ? named : { url: named };
  const urls = [url, ...(Array.isArray(mirrors) ? (mirrors as unknown[]) : [])];
  return [...new Set(urls.filter((each) => typeof each === 'string').flatMap(toOrigin))];
}

function toOrigin(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { protocol, host } = new URL(url);
  return [`${protocol}//${host}`];
}
