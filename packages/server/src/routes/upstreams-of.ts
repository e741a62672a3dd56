import { isObject, type WrittenOptions } from '../config/library-options.js';

/** The configured servers of a route, with its mirrors or all of its group: scheme, host and port. None of a gateway, whose links name them. */
export function upstreamsOf(route: unknown, { upstreams }: { upstreams: WrittenOptions }): string[] {
  if (!isObject(route) || !isObject(route['proxy'])) return [];
  const { upstream } = route['proxy'];
  const named =
    typeof upstream === 'string' && Object.hasOwn(upstreams, upstream) ? upstreams[upstream] : upstream;
  const { url, mirrors, servers } = isObject(named) ? named : { url: named };
  const urls = [
    url,
    ...toList(mirrors),
    ...toList(servers).map((each) => (isObject(each) ? each['url'] : each)),
  ];
  return [...new Set(urls.filter((each) => typeof each === 'string').flatMap(toOrigin))];
}

const toList = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function toOrigin(url: string): string[] {
  if (!URL.canParse(url)) return [];
  const { protocol, host } = new URL(url);
  return [`${protocol}//${host}`];
}
