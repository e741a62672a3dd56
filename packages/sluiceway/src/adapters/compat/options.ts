import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Checker } from '../../check.js';
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

/** Handlers of events. One that throws fails the request. */
export interface ProxyEvents<
  Request extends IncomingMessage = IncomingMessage,
  Response extends ServerResponse = ServerResponse,
> {
  /** A failure before the response. May answer; what it leaves unanswered goes to `next`, or is answered. */
  error?: (error: Error, request: Request, response: Response | Socket, target?: URL) => void;
  proxyReq?: (proxyRequest: ProxyRequest, request: Request, response: Response) => void | Promise<void>;
  proxyReqWs?: (proxyRequest: ProxyRequest, request: Request, socket: Socket) => void | Promise<void>;
  proxyRes?:
    | ((proxyResponse: ProxyResponse, request: Request, response: Response) => void | Promise<void>)
    | ResponseInterception;
  start?: (request: Request, response: Response, target: URL) => void;
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
  router?: Router<Request>;
  pathFilter?: PathFilter<Request>;
  pathRewrite?: PathRewrite<Request>;
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
  /** Milliseconds in which a client neither sends nor takes anything. Default 10 min. */
  timeout?: number;
  /** Needs `on.proxyRes: responseInterceptor(…)`. */
  selfHandleResponse?: boolean;
  /** The case of names is always kept. */
  preserveHeaderKeyCase?: boolean;
  logger?: { info(message: string): void; error(message: string): void };
  /** As of the other adapters. `on.proxyReq: fixRequestBody` asks for it as well. Default false. */
  reuseParsedBody?: boolean;
}

const OPTIONS = [
  ...['target', 'router', 'pathFilter', 'pathRewrite', 'on', 'ws', 'changeOrigin', 'xfwd', 'secure'],
  ...['prependPath', 'ignorePath', 'auth', 'headers', 'cookieDomainRewrite', 'cookiePathRewrite'],
  ...['hostRewrite', 'autoRewrite', 'protocolRewrite', 'followRedirects', 'proxyTimeout', 'timeout'],
  ...['selfHandleResponse', 'preserveHeaderKeyCase', 'logger', 'reuseParsedBody'],
];
const EVENTS = ['error', 'proxyReq', 'proxyReqWs', 'proxyRes', 'start', 'end', 'econnreset'] as const;

/** What http-proxy-middleware has, and this has not, with what to use. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  forward: 'use an observer with onResponseContent, or send the request yourself',
  agent: 'use createProxy with upstream.connections, upstream.proxy or transport',
  ssl: 'use attach with a server of node:https',
  toProxy: 'use createProxy with upstream.proxy',
  localAddress: 'use createProxy with transport',
  buffer: 'use reuseParsedBody, or handle() with content',
  http2: 'use createProxy with upstream.protocol',
  upgradeTimeout: 'proxyTimeout holds for upgrades as well',
  plugins: 'use the hooks and observers of createProxy',
  ejectPlugins: 'use on.error',
  onError: 'use on.error',
  onProxyReq: 'use on.proxyReq',
  onProxyReqWs: 'use on.proxyReqWs',
  onProxyRes: 'use on.proxyRes',
  onOpen: 'use onUpstreamResponse of createProxy, with the status 101',
  onClose: 'use an observer of createProxy',
  logLevel: 'use logger',
  logProvider: 'use logger',
  proxyTable: 'use router',
  proxyHost: 'use changeOrigin',
};
const UNSUPPORTED_EVENTS: Readonly<Record<string, string>> = {
  open: 'use onUpstreamResponse of createProxy, with the status 101',
  close: 'use an observer of createProxy',
  proxySocket: 'use onUpstreamResponse of createProxy, with the status 101',
};

/** Checks all options at once. Throws an `OptionsError` that names what is not supported, and what to use instead. */
export function checkCompatOptions<Request extends IncomingMessage, Response extends ServerResponse>(
  options: CompatOptions<Request, Response>,
): void {
  const check = new Checker('createProxyMiddleware');
  if (typeof options !== 'object' || options === null) {
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
  check.parsed('pathRewrite', options.pathRewrite, null, compilePathRewrite);
  if (typeof options.router === 'object')
    check.record('router', options.router, (path, _, target) =>
      check.parsed(path, target as ProxyTarget, null, toTargetUrl),
    );
  const on = options.on ?? {};
  refuseUnsupported(check, 'on', on, UNSUPPORTED_EVENTS);
  check.unknownKeys('on', on, [...EVENTS, ...Object.keys(UNSUPPORTED_EVENTS)]);
  for (const event of EVENTS) {
    const handler = on[event];
    if (!(handler instanceof ResponseInterception)) check.func(`on.${event}`, handler, undefined);
  }
  if ((options.secure as unknown) === false)
    check.problem('secure', 'must not be false: trust the certificate of the target by target.ca');
  if (options.selfHandleResponse === true && !(on.proxyRes instanceof ResponseInterception))
    check.problem(
      'selfHandleResponse',
      'needs on.proxyRes: responseInterceptor(…); use onUpstreamResponse or transform',
    );
  if (options.selfHandleResponse !== true && on.proxyRes instanceof ResponseInterception)
    check.problem('on.proxyRes', 'responseInterceptor() needs selfHandleResponse: true');
  check.throwIfAny();
}

function refuseUnsupported(
  check: Checker,
  group: string,
  options: object,
  hints: Readonly<Record<string, string>>,
): void {
  for (const [name, instead] of Object.entries(hints))
    if (name in options)
      check.problem(group === '' ? name : `${group}.${name}`, `is not supported: ${instead}`);
}
