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
 * Event handlers. If `proxyReq`, `proxyReqWs`, `proxyRes` or `start` throws, the request fails. Errors of the others
 * are reported as process warnings.
 */
export interface ProxyEvents<
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ServerResponse,
> {
  /**
   * A failure before the response. For an upgrade, there is a socket instead of a response. The handler may answer and
   * may be async. If it does not answer, the error is passed to `next`, or answered with its status.
   */
  error?: (error: Error, request: Request, response: Response | Socket, target?: URL) => void | Promise<void>;
  proxyReq?: (proxyRequest: ProxyRequest, request: Request, response: Response) => void | Promise<void>;
  proxyReqWs?: (proxyRequest: ProxyRequest, request: Request, socket: Socket) => void | Promise<void>;
  proxyRes?:
    | ((proxyResponse: ProxyResponse, request: Request, response: Response) => void | Promise<void>)
    | ResponseInterception;
  start?: (request: Request, response: Response, target: URL) => void | Promise<void>;
  /** The whole response has been sent. */
  end?: (request: Request, response: Response) => void;
  /** The client has disconnected. */
  econnreset?: (error: Error, request: Request, response: Response, target: URL) => void;
}

/** The supported options of http-proxy-middleware, with its defaults unless stated otherwise. */
export interface CompatOptions<
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ServerResponse,
> {
  /** Required, unless `router` always returns one. */
  target?: ProxyTarget;
  router?: Router<Request, Response, CompatOptions<Request, Response>>;
  pathFilter?: PathFilter<Request>;
  pathRewrite?: PathRewrite<Request, Response, CompatOptions<Request, Response>> | null;
  on?: ProxyEvents<Request, Response>;
  /**
   * Handles WebSockets on the server of the first request. Not needed with the middleware's `upgrade`. Default false.
   */
  ws?: boolean;
  /** Sends the target's `Host` instead of the client's. Default false. */
  changeOrigin?: boolean;
  /** Sends `X-Forwarded-*`. A client's own are never forwarded unchecked. Default true. */
  xfwd?: boolean;
  /** Certificates are always verified: only true is accepted. */
  secure?: true;
  prependPath?: boolean;
  ignorePath?: boolean;
  /** `user:password` for `Authorization`. */
  auth?: string;
  /** Fields of all requests. `host` replaces the client's `Host`, unless `changeOrigin` is set. */
  headers?: Readonly<Record<string, string | readonly string[]>>;
  cookieDomainRewrite?: false | string | Readonly<Record<string, string>>;
  cookiePathRewrite?: false | string | Readonly<Record<string, string>>;
  /** Replaces the host in a Location of the target. */
  hostRewrite?: string;
  /** Replaces the host in a Location of the target by the host that the client requested. */
  autoRewrite?: boolean;
  /** Replaces the scheme in a Location of the target. */
  protocolRewrite?: 'http' | 'https';
  /** True means 5 redirects. */
  followRedirects?: boolean | number;
  /** Milliseconds for the response head, and between two chunks of content. Default 60 s. */
  proxyTimeout?: number;
  /**
   * Milliseconds without data on the client's connection, also while waiting for the target. Default: 10 min while
   * waiting for the client, and `proxyTimeout` while waiting for the target.
   */
  timeout?: number;
  /** Requires `on.proxyRes: responseInterceptor(…)`. */
  selfHandleResponse?: boolean;
  /** Field names always keep their case. */
  preserveHeaderKeyCase?: boolean;
  logger?: { info(message: string): void; error(message: string): void };
  /** As in the other adapters. `on.proxyReq: fixRequestBody` enables it too. Default false. */
  reuseParsedBody?: boolean;
  /**
   * The name in `Via` and `CDN-Loop`, a token. A request that already has it is a loop and gets 508. Default: a random
   * name for each configuration in this process, so that several middlewares of one process can be chained.
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
 * Checks all options. Throws an `OptionsError` that names unsupported options and their alternatives. `createProxy`
 * checks its own options.
 */
export function checkCompatOptions<Request extends IncomingMessage, Response extends ServerResponse>(
  options: CompatOptions<Request, Response>,
): void {
  const check = new Checker('createProxyMiddleware');
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    check.problem(
      '',
      'must be an options object; the path argument of older versions is now the option pathFilter',
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
      'requires on.proxyRes: responseInterceptor(…); use onUpstreamResponse or transform',
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

/** A logger's methods can be methods of its class. */
function bound(logger: unknown): { info?: unknown; error?: unknown } {
  if (typeof logger !== 'object' || logger === null) return {};
  const { info, error }: { info?: unknown; error?: unknown } = logger;
  return { info, error };
}
