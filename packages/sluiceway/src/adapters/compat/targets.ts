import type { IncomingMessage } from 'node:http';
import type { UpstreamTlsOptions } from '../../proxy/upstream-tls.js';

/** Where requests go: a URL, or its parts. */
export type ProxyTarget =
  | string
  | URL
  | {
      protocol?: string;
      host?: string;
      hostname?: string;
      port?: number | string;
      pathname?: string;
      ca?: string;
      cert?: string;
      key?: string;
    };

const PARTS = ['protocol', 'host', 'hostname', 'port', 'pathname', 'ca', 'cert', 'key'];

/** The URL of a target; `ws:` is taken for `http:`. Throws a `TypeError` that says what is not understood. */
export function toTargetUrl(target: ProxyTarget): URL {
  return new URL(toText(target).replace(/^ws(?=s?:)/i, 'http'));
}

function toText(target: ProxyTarget): string {
  if (typeof target === 'string' || target instanceof URL) {
    if (!/^(?:http|ws)s?:\/\//i.test(String(target)) || !URL.canParse(String(target)))
      throw new TypeError('must be a URL of http:, https:, ws: or wss:');
    return String(target);
  }
  if (typeof target !== 'object' || target === null) throw new TypeError('must be a URL, or an object');
  const unknown = Object.keys(target).filter((part) => !PARTS.includes(part));
  if (unknown.length > 0) throw new TypeError(`must not have ${unknown.join(', ')}`);
  const { protocol = 'http:', host, hostname = host, port, pathname = '' } = target;
  const authority = `${hostname}${port === undefined ? '' : `:${port}`}`;
  return toTargetUrl(`${protocol.replace(/:?$/, ':')}//${authority}${pathname}`).href;
}

/** What is to be trusted and shown over TLS, where the target says it. */
export function tlsOf(target: ProxyTarget | undefined): UpstreamTlsOptions | undefined {
  if (typeof target !== 'object' || target === null || target instanceof URL) return undefined;
  const { ca, cert, key } = target;
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

/** By host, by path prefix, or by both (`host/path`): the first that fits. Or a function, which may be async. */
export type Router<Request extends IncomingMessage = IncomingMessage> =
  | Readonly<Record<string, ProxyTarget>>
  | ((request: Request) => ProxyTarget | undefined | Promise<ProxyTarget | undefined>);

/** The target that a router names for a request; undefined leaves the usual one. */
export async function findTarget<Request extends IncomingMessage>(
  router: Router<Request> | undefined,
  request: Request,
): Promise<URL | undefined> {
  if (router === undefined) return undefined;
  if (typeof router === 'function') {
    const target = await router(request);
    return target === undefined ? undefined : toTargetUrl(target);
  }
  const { url = '', headers } = request;
  const entry = Object.entries(router).find(([key]) => {
    const slash = key.indexOf('/');
    const [host, path] = slash < 0 ? [key, ''] : [key.slice(0, slash), key.slice(slash)];
    return (host === '' || host === headers.host) && url.startsWith(path);
  });
  return entry === undefined ? undefined : toTargetUrl(entry[1]);
}

/** By regular expressions, of which the first that fits is applied, or by a function, which may be async. */
export type PathRewrite<Request extends IncomingMessage = IncomingMessage> =
  | Readonly<Record<string, string>>
  | ((path: string, request: Request) => string | undefined | Promise<string | undefined>);

/** Compiles a rewrite of paths with their queries. Throws a `SyntaxError` for what is no regular expression. */
export function compilePathRewrite<Request extends IncomingMessage>(
  rewrite: PathRewrite<Request> | undefined,
): (request: Request) => string | Promise<string> {
  if (rewrite === undefined) return ({ url = '/' }) => url;
  if (typeof rewrite === 'function')
    return async (request) => toPath((await rewrite(request.url ?? '/', request)) ?? request.url ?? '/');
  const rules = Object.entries(rewrite).map(([pattern, value]) => ({ pattern: new RegExp(pattern), value }));
  return ({ url = '/' }) => {
    const rule = rules.find(({ pattern }) => pattern.test(url));
    return rule === undefined ? url : toPath(url.replace(rule.pattern, rule.value));
  };
}

/** A rewrite may leave nothing of a path, or no slash before it. */
const toPath = (path: string): string => (path.startsWith('/') ? path : `/${path}`);
