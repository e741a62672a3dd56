import type { FastifyContextConfig, FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { type PathPrefix, parsePathPrefix } from '../../http/prefix.js';
import { parseBaseTarget } from '../../http/target.js';
import { Checker } from '../../options/checker.js';
import { createProxy } from '../../proxy/create-proxy.js';
import type { Handler } from '../../proxy/messages/handler.js';
import { checkHandler } from '../../proxy/mount/handler.js';
import type { ProxyOptions } from '../../proxy/options/proxy-options.js';
import type { UpstreamOptions } from '../../proxy/options/upstream-options.js';
import { UpstreamGroup } from '../../upstream/group/group.js';
import type { AdapterOptions } from '../shared/adapter.js';
import { MountPlace } from './fastify-place.js';

/** How the plugin `sluiceway` is mounted. Most options have the names of `@fastify/http-proxy`. */
export interface FastifyMountOptions extends Pick<AdapterOptions, 'errors'> {
  /**
   * Replaces the prefix in the path that the handler sees. It may contain parameters of the prefix (`/:id`). Default:
   * the prefix is removed, and the upstream's path, if any, comes before the rest.
   */
  rewritePrefix?: string;
  /** Methods of the routes. Default: all that the instance supports. */
  httpMethods?: readonly string[];
  /** Routes under the prefix. Default `['/', '/*']`. */
  routes?: readonly string[];
  preValidation?: NonNullable<RouteOptions['preValidation']>;
  preHandler?: NonNullable<RouteOptions['preHandler']>;
  /** The route's config, available as `request.routeOptions.config`. */
  config?: FastifyContextConfig;
  /** The route's constraints. */
  constraints?: NonNullable<RouteOptions['constraints']>;
  /**
   * Serves upgrades: WebSockets and other protocols that both sides support. Fastify's hooks run first. Default false.
   */
  websocket?: boolean;
}

/**
 * What to mount, or the options of `createProxy` for a proxy that the plugin creates. The default of `headers.location`
 * is then `'rewrite'`.
 */
export type FastifySluicewayOptions = FastifyMountOptions &
  ({ handler: Handler<FastifyRequest> } | ({ handler?: undefined } & ProxyOptions<FastifyRequest>));

/** Checked values of `FastifySluicewayOptions`. */
export interface Mount {
  handler: Handler<FastifyRequest>;
  place: MountPlace;
  routes: readonly string[];
  httpMethods: readonly string[];
  websocket: boolean;
  errors: 'throw' | 'answer';
  /** Passed to each route. */
  route: Pick<RouteOptions, 'preValidation' | 'preHandler' | 'config' | 'constraints'>;
}

/** Members that `register` adds to the options of a plugin. */
interface Registration {
  prefix?: unknown;
  logLevel?: unknown;
  logSerializers?: unknown;
}

/** Checks all options. Throws an `OptionsError`. */
export function resolveMount(app: FastifyInstance, options: FastifySluicewayOptions & Registration): Mount {
  const check = new Checker('sluiceway');
  const { prefix: _, logLevel: __, logSerializers: ___, ...given } = options;
  const { rewritePrefix, httpMethods, routes, preValidation, preHandler, config, constraints, ...rest } =
    given;
  const { handler, websocket: upgrades, ...others } = rest;
  const proxyOptions: ProxyOptions<FastifyRequest> = others;
  const websocket = check.boolean('websocket', upgrades, false);
  const errors = check.oneOf('errors', proxyOptions.errors, ['throw', 'answer'], 'throw');
  const rewritten = check.parsed('rewritePrefix', rewritePrefix, undefined, parsePathPrefix);
  const segments = app.prefix.split('/');
  for (const name of rewritten?.match(/:\w+/g) ?? []) {
    if (!segments.includes(name))
      check.problem('rewritePrefix', `contains ${name}, which is not a segment of the prefix`);
  }
  if (handler !== undefined) {
    checkHandler(check, 'handler', handler);
    check.unknownKeys('', proxyOptions, ['errors']);
  }
  // Becomes part of the upstream's path, so that URLs under it can be recognized in responses.
  const aimed =
    rewritten === undefined || rewritten.includes(':') ? null : aimAt(check, proxyOptions, rewritten);
  check.throwIfAny();
  const { routerOptions, ignoreDuplicateSlashes } = app.initialConfig;
  return {
    handler:
      handler ??
      createProxy<FastifyRequest>({
        ...proxyOptions,
        ...(aimed !== null && { upstream: aimed }),
        headers: { location: 'rewrite', ...proxyOptions.headers },
      }),
    place: new MountPlace({
      prefix: app.prefix,
      rewritePrefix: aimed === null ? rewritten : undefined,
      collapses: routerOptions?.ignoreDuplicateSlashes ?? ignoreDuplicateSlashes ?? false,
    }),
    routes: routes ?? ['/', '/*'],
    httpMethods: httpMethods ?? app.supportedMethods,
    websocket,
    errors,
    route: {
      ...(preValidation !== undefined && { preValidation }),
      ...(preHandler !== undefined && { preHandler }),
      ...(config !== undefined && { config }),
      ...(constraints !== undefined && { constraints }),
    },
  };
}

/** Sets the path of the upstream. Returns it unchanged if it is missing or invalid, which `createProxy` reports. */
function aimAt(
  check: Checker,
  { upstream }: Pick<ProxyOptions, 'upstream'>,
  path: PathPrefix,
): UpstreamOptions | null {
  if (upstream === undefined) return null;
  if (upstream instanceof UpstreamGroup) {
    check.problem('rewritePrefix', 'needs an upstream with URLs, not a group');
    return null;
  }
  const options = typeof upstream === 'string' || upstream instanceof URL ? { url: upstream } : upstream;
  try {
    if (options.servers === undefined)
      return options.url === undefined ? null : { ...options, url: withPath(check, options.url, path) };
    const servers = options.servers.map((server) =>
      typeof server === 'string' || server instanceof URL
        ? withPath(check, server, path)
        : { ...server, url: withPath(check, server.url, path) },
    );
    return { ...options, servers };
  } catch {
    return null;
  }
}

/** The URL with another path. Throws if it is not valid. */
function withPath(check: Checker, url: string | URL, path: PathPrefix): string {
  const { protocol, host, path: own, query } = parseBaseTarget(url);
  if (own !== '' && own !== '/')
    check.problem('rewritePrefix', 'replaces the path of the upstream: only one of them may have a path');
  return `${protocol}//${host}${path}${query === '' ? '' : `?${query}`}`;
}
