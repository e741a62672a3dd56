import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isHostValue } from '../../http/framing.js';
import { Checker } from '../../options/checker.js';
import type { ProxyRequest, ProxyResponse } from './messages.js';
import { compilePathFilter, type PathFilter } from './path-filter.js';
import { ResponseInterception } from './response-interceptor.js';
import {
  compilePathRewrite,
  type PathRewrite,
  type ProxyTarget,
  type Router,
  toTargetUrl,
} from './targets.js';
import { refuseUnsupported, UNSUPPORTED, UNSUPPORTED_EVENTS } from './unsupported.js';

/**
 * Handlers of events. One of `proxyReq`, `proxyReqWs`, `proxyRes` and `start` that throws fails the request; what the
 * others throw is reported as a warning of the process.
 */
export interface ProxyEvents<
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ServerResponse,
> {
  /**
   * A failure before the response, that of an upgrade included, for which there is a socket in place of the response.
   * May answer, and is waited for; what it leaves unanswered goes to `next`, or is answered with the error's status.
   */
  error?: (error: Error, request: Request, response: Response | Socket, target?: URL) => void | Promise<void>;
  proxyReq?: (proxyRequest: ProxyRequest, request: Request, response: Response) => void | Promise<void>;
  proxyReqWs?: (proxyRequest: ProxyRequest, request: Request, socket: Socket) => void | Promise<void>;
  proxyRes?:
    | ((proxyResponse: ProxyResponse, request: Request, response: Response) => void | Promise<void>)
    | ResponseInterception;
  start?: (request: Request, response: Response, target: URL) => void | Promise<void>;
  /** The response has been sent whole. */
  end?: (request: Request, response: Response) => void;
  /** The client has left. */
  econnreset?: (error: Error, request: Request, response: Response, target: URL) => void;
}

/** The options of http-proxy-middleware that are understood, with its defaults unless it is said otherwise. */
export interface CompatOptions<
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ServerResponse,
> {
  /** Required, unless `router` always names one. */
  target?: ProxyTarget;
  router?: Router<Request, Response, CompatOptions<Request, Response>>;
  pathFilter?: PathFilter<Request>;
  pathRewrite?: PathRewrite<Request, Response, CompatOptions<Request, Response>> | null;
  on?: ProxyEvents<Request, Response>;
  /** Takes WebSockets from the server of the first request. `upgrade` of the middleware needs none. Default false. */
  ws?: boolean;
  /** The `Host` of the target in place of the client's. Default false. */
  changeOrigin?: boolean;
  /** `X-Forwarded-*`: sent unless this is false, since a client's own are never passed on unchecked. Default true. */
  xfwd?: boolean;
  /** Certificates are verified: only true is understood. */
  secure?: true;
  prependPath?: boolean;
  ignorePath?: boolean;
  /** `user:password` for `Authorization`. */
  auth?: string;
  /** Fields of all requests. `host` takes the place of the client's `Host`, unless `changeOrigin` is set. */
  headers?: Readonly<Record<string, string | readonly string[]>>;
  cookieDomainRewrite?: false | string | Readonly<Record<string, string>>;
  cookiePathRewrite?: false | string | Readonly<Record<string, string>>;
  /** In a Location of the target: its host becomes this. */
  hostRewrite?: string;
  /** In a Location of the target: its host becomes the one that the client asked for. */
  autoRewrite?: boolean;
  /** In a Location of the target: its scheme becomes this. */
  protocolRewrite?: 'http' | 'https';
  /** True stands for 5. */
  followRedirects?: boolean | number;
  /** Milliseconds for the response head, and between two pieces of content. Default 60 s. */
  proxyTimeout?: number;
  /**
   * Milliseconds in which nothing passes between the client and this server, also while the target is waited for.
   * Default: 10 min while the client is waited for, and `proxyTimeout` while the target is.
   */
  timeout?: number;
  /** Needs `on.proxyRes: responseInterceptor(…)`. */
  selfHandleResponse?: boolean;
  /** The case of names is always kept. */
  preserveHeaderKeyCase?: boolean;
  logger?: { info(message: string): void; error(message: string): void };
  /** As of the other adapters. `on.proxyReq: fixRequestBody` asks for it as well. Default false. */
  reuseParsedBody?: boolean;
  /**
   * The name in `Via` and `CDN-Loop`, by which a request that comes back is known as a loop (508): a token. Default: one
   * for each configuration, made when the process starts, so that middlewares of one process may stand in a row.
   */
  name?: string;
}

const BOOLEANS = [
  ...['ws', 'changeOrigin', 'xfwd', 'prependPath', 'ignorePath', 'autoRewrite', 'selfHandleResponse'],
  ...['preserveHeaderKeyCase', 'reuseParsedBody'],
] as const satisfies readonly (keyof CompatOptions)[];
const OPTIONS = [
  ...BOOLEANS,
  ...['target', 'router', 'pathFilter', 'pathRewrite', 'on', 'secure', 'auth', 'headers'],
  ...['cookieDomainRewrite', 'cookiePathRewrite', 'hostRewrite', 'protocolRewrite', 'followRedirects'],
  ...['proxyTimeout', 'timeout', 'logger', 'name'],
];
const EVENTS = ['error', 'proxyReq', 'proxyReqWs', 'proxyRes', 'start', 'end', 'econnreset'] as const;

/**
 * Checks all options at once. Throws an `OptionsError` that names what is not supported, and what to use instead. What
 * `createProxy` checks as well is checked by it.
 */
export function checkCompatOptions<Request extends IncomingMessage, Response extends ServerResponse>(
  options: CompatOptions<Request, Response>,
): void {
  const check = new Checker('createProxyMiddleware');
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    check.problem(
      '',
      'must be an object of options: of an older version, the path is now the option pathFilter',
    );
    check.throwIfAny();
  }
  refuseUnsupported(check, '', options, UNSUPPORTED);
  check.unknownKeys('', options, [...OPTIONS, ...Object.keys(UNSUPPORTED)]);
  if (options.target === undefined && options.router === undefined) check.required('target', undefined);
  check.parsed('target', options.target, null, toTargetUrl);
  check.parsed('pathFilter', options.pathFilter, null, compilePathFilter);
  check.parsed('pathRewrite', options.pathRewrite ?? undefined, null, compilePathRewrite);
  if (typeof options.router !== 'function')
    check.record('router', options.router, (path, _, target) =>
      check.parsed(path, target as ProxyTarget, null, toTargetUrl),
    );
  checkEvents(check, options);
  checkValues(check, options);
  check.throwIfAny();
}

function checkEvents(check: Checker, options: Pick<CompatOptions, 'selfHandleResponse'>): void {
  const { on: given, selfHandleResponse } = options as CompatOptions;
  if (!check.unknownKeys('on', given, [...EVENTS, ...Object.keys(UNSUPPORTED_EVENTS)])) return;
  const on = given ?? {};
  refuseUnsupported(check, 'on', on, UNSUPPORTED_EVENTS);
  for (const event of EVENTS) {
    const handler = on[event];
    if (!(handler instanceof ResponseInterception)) check.func(`on.${event}`, handler, undefined);
  }
  if (selfHandleResponse === true && !(on.proxyRes instanceof ResponseInterception))
    check.problem(
      'selfHandleResponse',
      'needs on.proxyRes: responseInterceptor(…); use onUpstreamResponse or transform',
    );
  if (selfHandleResponse !== true && on.proxyRes instanceof ResponseInterception)
    check.problem('on.proxyRes', 'responseInterceptor() needs selfHandleResponse: true');
}

function checkValues(check: Checker, options: object): void {
  const given: Readonly<Record<string, unknown>> = { ...options };
  const { secure, followRedirects, logger } = given;
  for (const name of BOOLEANS) check.boolean(name, given[name], undefined);
  if (secure === false)
    check.problem('secure', 'must not be false: trust the certificate of the target by target.ca');
  else check.boolean('secure', secure, true);
  for (const name of ['auth', 'hostRewrite']) check.string(name, given[name], undefined);
  check.oneOf('protocolRewrite', given['protocolRewrite'], ['http', 'https'], undefined);
  if (typeof followRedirects !== 'boolean')
    check.integer('followRedirects', followRedirects, 0, { max: 100 });
  check.record('headers', given['headers'], (path, name, value) => {
    if (name.toLowerCase() === 'host') check.parsed(path, value, null, checkHost);
  });
  if (logger === undefined) return;
  const { info, error }: { info?: unknown; error?: unknown } = { ...bound(logger) };
  if (typeof info !== 'function' || typeof error !== 'function')
    check.problem('logger', 'must have the methods info and error');
}

function checkHost(host: unknown): void {
  if (typeof host !== 'string' || !isHostValue(host))
    throw new TypeError('must be a host, with or without a port');
}

/** Methods of a logger may be those of its class. */
function bound(logger: unknown): { info?: unknown; error?: unknown } {
  if (typeof logger !== 'object' || logger === null) return {};
  const { info, error }: { info?: unknown; error?: unknown } = logger;
  return { info, error };
}
