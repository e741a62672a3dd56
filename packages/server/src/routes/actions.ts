import {
  type AccessPolicy,
  createProxy,
  type LimitRuleOptions,
  type Observer,
  OptionsError,
  type ProxyOptions,
  stripPrefix,
} from 'sluiceway';
import { createDownloadGateway, createLinks, type KeyOptions } from 'sluiceway/gateway';
import { Checker } from 'sluiceway/options';
import type { LimitStore } from 'sluiceway/store';
import { absoluteFile, type FileOf } from '../access/access-kinds.js';
import {
  fileGatewayOptions,
  fileProxyOptions,
  isObject,
  serverDefaults,
  type WrittenOptions,
  withDefaults,
} from '../config/library-options.js';
import type { RouteValues } from '../config/route-options.js';
import { createHealth, createRedirect, createRespond, type ReadinessSource } from './answers.js';
import { GatewayHandler } from './gateway-handler.js';
import { type Lifetime, RouteHandler } from './route-handler.js';
import { type SharedGroup, type SharedGroups, toParts } from './shared-groups.js';
import { withTracing } from './tracing.js';

export interface ActionContext {
  check: Checker;
  /** The path of the route, such as `routes[0]`. */
  path: string;
  defaults: WrittenOptions;
  /** The named upstreams, as written. */
  upstreams: WrittenOptions;
  access: AccessPolicy | undefined;
  observers: readonly Observer[];
  fileOf: FileOf;
  /** The name of the route. */
  name: string;
  groups: SharedGroups;
  readiness: ReadinessSource;
  /** Null for limits of this process alone. */
  store: LimitStore | null;
}

/** The action of a route. Its handler is created only if needed: a route that has not changed keeps its handler. */
export interface Action {
  /** Everything that the handler depends on. */
  facts: unknown;
  /** Returns undefined after adding a problem to `check`. */
  create(): RouteHandler | undefined;
  /** The keys of a gateway from a file or a variable, for a handler that is kept. */
  keys: KeyOptions | null;
  /** The rules of `limits`, for a handler that is kept, and the path of the options that have them. */
  limits: { rules: unknown; path: string } | null;
}

/** The action of a route; undefined if there is a problem. */
export function describeAction(route: RouteValues, context: ActionContext): Action | undefined {
  if (route.proxy !== undefined) return describeProxy(route, route.proxy, context);
  if (route.gateway !== undefined) return describeGateway(route, route.gateway, context);
  const { redirect, respond, health } = route;
  const { defaults } = context;
  const prefix = route.pattern === undefined ? route.path.replace(/\/$/, '') : '';
  if (redirect !== undefined)
    return simple('redirect', { redirect, prefix, defaults }, context, () =>
      createRedirect(redirect, prefix, context),
    );
  if (respond !== undefined)
    return simple('respond', { respond, defaults }, context, () => createRespond(respond, context));
  if (health !== undefined)
    return simple('health', { health, defaults }, context, () =>
      createHealth(health, context.readiness, context),
    );
  return undefined;
}

function simple(
  name: string,
  facts: unknown,
  context: ActionContext,
  make: () => ReturnType<typeof createProxy>,
): Action {
  return {
    facts,
    keys: null,
    limits: null,
    create: () =>
      attempt(
        context,
        (path) => under(`${context.path}.${name}`, path),
        () => {
          const proxy = make();
          return new RouteHandler(proxy, proxy, context.name);
        },
      ),
  };
}

function describeProxy(
  route: RouteValues,
  written: WrittenOptions,
  context: ActionContext,
): Action | undefined {
  const { stripPrefix: strips, ...own } = written;
  const at = `${context.path}.proxy`;
  const merged = withDefaults(fileProxyOptions, { ...serverDefaults, ...context.defaults }, own);
  const found = findUpstream(merged['upstream'], at, context);
  if (found === null) return undefined;
  const { upstream, place, name } = found;
  const parts = toParts(upstream);
  const id = parts === null ? null : JSON.stringify([place, parts.balancing]);
  const remaining = parts === null ? upstream : parts.rest;
  const options = { ...merged, ...(remaining !== undefined && { upstream: remaining }) };
  const prefix = strips === true ? route.path : '';
  const toPath = (path: string): string =>
    path === 'upstream' || path.startsWith('upstream.') || path.startsWith('upstream[')
      ? place + path.slice('upstream'.length).replace(/^\.group$/, '.servers')
      : under(at, path);
  const { access, observers } = context;
  const shared =
    parts === null || id === null
      ? null
      : findGroup(context, place, () => context.groups.get(name ?? context.name, id, parts));
  return {
    facts: { options: withoutRules(options), prefix, ...(id !== null && { group: id }) },
    keys: null,
    limits: { rules: rulesOf(options), path: at },
    create: () =>
      attempt(context, toPath, () => {
        // The library checks all options.
        const traced = withTracing(withStore(options, context.store));
        const given = {
          ...traced,
          ...(shared !== null && { upstream: { ...parts?.rest, group: shared.group } }),
          // The problems of the group are reported already.
          ...(shared === null &&
            parts !== null && { upstream: { ...parts.rest, servers: ['http://127.0.0.1'] } }),
          ...(access !== undefined && { access }),
          observers,
        } as ProxyOptions;
        const proxy = createProxy(given);
        const lifetime = shared === null ? proxy : usingGroup(proxy, shared);
        const handler = prefix === '' ? proxy : stripPrefix(prefix, proxy, { observers });
        return new RouteHandler(handler, lifetime, context.name);
      }),
  };
}

/** Limits of all routes share one store. */
function withStore(options: WrittenOptions, store: LimitStore | null): WrittenOptions {
  if (store === null) return options;
  const { limits } = options;
  return { ...options, limits: { ...(isObject(limits) && limits), store } };
}

/** Null if there is a problem, which is reported. */
function findGroup({ check }: ActionContext, place: string, find: () => SharedGroup): SharedGroup | null {
  try {
    return find();
  } catch (error) {
    report(check, error, (path) => under(place, path));
    return null;
  }
}

/** The group is needed until the proxy is closed. */
function usingGroup(proxy: Lifetime, shared: SharedGroup): Lifetime {
  const release = shared.use();
  return {
    transfers: () => proxy.transfers(),
    limits: proxy.limits,
    setLimits: (rules) => proxy.setLimits?.(rules),
    close: () => proxy.close().finally(release),
    destroy: () => {
      proxy.destroy();
      release();
    },
  };
}

/** Finds the options of an upstream, their path, and its name if it has one. */
function findUpstream(
  upstream: unknown,
  at: string,
  { check, upstreams }: ActionContext,
): { upstream: unknown; place: string; name: string | null } | null {
  const place = `${at}.upstream`;
  if (typeof upstream !== 'string' || upstream.includes('://')) return { upstream, place, name: null };
  if (Object.hasOwn(upstreams, upstream))
    return { upstream: upstreams[upstream], place: `upstreams.${upstream}`, name: upstream };
  const similar = new Checker('');
  similar.unknownKeys('', { [upstream]: null }, Object.keys(upstreams));
  const hint = similar.problems[0]?.message.replace('is not an option', '') ?? '';
  check.problem(place, `must be a URL or the name of an upstream, not ${JSON.stringify(upstream)}${hint}`);
  return null;
}

function describeGateway(route: RouteValues, written: WrittenOptions, context: ActionContext): Action {
  const at = `${context.path}.gateway`;
  const { access, observers, fileOf } = context;
  const ownPath =
    route.pattern === undefined && route.path !== '/' ? { path: route.path.replace(/\/$/, '') } : {};
  const merged = withDefaults(
    fileGatewayOptions,
    { ...serverDefaults, ...context.defaults },
    { ...ownPath, ...written },
  );
  const keys = absoluteFile(merged['keys'], fileOf) as KeyOptions | undefined;
  const options = { ...merged, ...(keys !== undefined && { keys }) };
  const toPath = (path: string): string => under(at, path);
  return {
    facts: { options: withoutRules(options) },
    keys: keys !== undefined && isObject(keys) ? keys : null,
    limits: { rules: rulesOf(options), path: at },
    create: () =>
      attempt(context, toPath, () => {
        const gateway = createDownloadGateway({
          ...withTracing(withStore(options, context.store)),
          ...(access !== undefined && { access }),
          observers,
        });
        return new GatewayHandler(gateway, context.name);
      }),
  };
}

/** Adds problems with the keys of a gateway that is kept. */
export function checkKeys(keys: KeyOptions, path: string, context: Pick<ActionContext, 'check'>): void {
  try {
    createLinks({ keys });
  } catch (error) {
    report(context.check, error, (inner) => under(path, inner));
  }
}

const rulesOf = ({ limits }: WrittenOptions): unknown =>
  (isObject(limits) ? limits['rules'] : undefined) ?? [];

/** A handler is kept if only its rules have changed: running transfers get the new ones. */
function withoutRules(options: WrittenOptions): WrittenOptions {
  const { limits } = options;
  if (!isObject(limits)) return options;
  const { rules: _, ...others } = limits;
  return { ...options, limits: others };
}

/** Returns the rules for a handler that is kept. Adds their problems, and returns null, if they are not valid. */
export function checkRules(
  { rules, path }: NonNullable<Action['limits']>,
  { check }: Pick<ActionContext, 'check'>,
): readonly LimitRuleOptions[] | null {
  try {
    // The library checks them.
    const checked = rules as readonly LimitRuleOptions[];
    createProxy({ upstream: 'http://127.0.0.1', limits: { rules: checked } }).destroy();
    return checked;
  } catch (error) {
    report(check, error, (inner) => under(path, inner));
    return null;
  }
}

function attempt(
  { check }: ActionContext,
  toPath: (path: string) => string,
  create: () => RouteHandler,
): RouteHandler | undefined {
  try {
    return create();
  } catch (error) {
    report(check, error, toPath);
    return undefined;
  }
}

function report(check: Checker, error: unknown, toPath: (path: string) => string): void {
  if (!(error instanceof OptionsError)) throw error;
  for (const { path, message } of error.problems) check.problem(toPath(path), message);
}

/** `inner` is empty for the options as a whole. */
const under = (path: string, inner: string): string => (inner === '' ? path : `${path}.${inner}`);
