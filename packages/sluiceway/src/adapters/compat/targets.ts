import type { IncomingMessage, ServerResponse } from 'node:http';
import type { UpstreamTlsOptions } from '../../proxy/options/upstream-tls.js';

/** A target: a URL, or its parts. */
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

/** Returns the URL of a target. `ws:` is converted to `http:`. Throws a `TypeError` for an unsupported target. */
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

/** Returns the TLS options that the target contains. */
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

/**
 * Targets by host, by path prefix, or by both (`host/path`): the first match applies. Or a function, which may be
 * async; if it returns a falsy value, `target` applies. The function gets a copy of the options for this request, in
 * which it may change `target` and `headers`. For an upgrade, there is no response.
 */
export type Router<
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ServerResponse,
  Options = object,
> =
  | Readonly<Record<string, ProxyTarget>>
  | ((request: Request, response: Response | undefined, options: Options) => Routed | Promise<Routed>);

type Routed = ProxyTarget | null | undefined | false;

/** Returns the target that a router chooses for a request. Undefined means the default. */
export async function findTarget<Request extends IncomingMessage, Response extends ServerResponse, Options>(
  router: Router<Request, Response, Options> | undefined,
  request: Request,
  response: Response | undefined,
  options: Options,
): Promise<URL | undefined> {
  if (router === undefined) return undefined;
  if (typeof router === 'function') {
    const target = await router(request, response, options);
    return target ? toTargetUrl(target) : undefined;
  }
  const { url = '', headers } = request;
  const entry = Object.entries(router).find(([key]) => {
    const slash = key.indexOf('/');
    const [host, path] = slash < 0 ? [key, ''] : [key.slice(0, slash), key.slice(slash)];
    return (host === '' || host === headers.host) && url.startsWith(path);
  });
  return entry === undefined ? undefined : toTargetUrl(entry[1]);
}

/**
 * Rewrites by regular expressions, of which the first match applies, or by a function. The function may be async and
 * gets the same arguments as a `router` function.
 */
export type PathRewrite<
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ServerResponse,
  Options = object,
> =
  | Readonly<Record<string, string>>
  | ((
      path: string,
      request: Request,
      response: Response | undefined,
      options: Options,
    ) => string | undefined | Promise<string | undefined>);

/** Rewrites a path with its query. */
type Rewrite<Request, Response, Options> = (
  path: string,
  request: Request,
  response: Response | undefined,
  options: Options,
) => string | Promise<string>;

/**
 * Compiles a rewrite of paths with their queries. Throws a `TypeError` for an unsupported form, and a `SyntaxError` for
 * an invalid regular expression.
 */
export function compilePathRewrite<Request extends IncomingMessage, Response extends ServerResponse, Options>(
  rewrite: PathRewrite<Request, Response, Options> | undefined,
): Rewrite<Request, Response, Options> {
  if (rewrite === undefined) return (path) => path;
  if (typeof rewrite === 'function') {
    return async (path, request, response, options) => {
      const rewritten: unknown = await rewrite(path, request, response, options);
      return typeof rewritten === 'string' ? toPath(rewritten) : path;
    };
  }
  if (typeof rewrite !== 'object' || rewrite === null || Array.isArray(rewrite))
    throw new TypeError('must be a function, or an object of replacements by regular expressions');
  const rules = Object.entries(rewrite).map(([pattern, value]) => {
    if (typeof value !== 'string') throw new TypeError(`must have a string for '${pattern}'`);
    return { pattern: new RegExp(pattern), value };
  });
  return (path) => {
    const rule = rules.find(({ pattern }) => pattern.test(path));
    return rule === undefined ? path : toPath(path.replace(rule.pattern, rule.value));
  };
}

/** Middleware and rewrites can leave an empty path, or one without a leading slash. */
export const toPath = (path: string): string => (path.startsWith('/') ? path : `/${path}`);
