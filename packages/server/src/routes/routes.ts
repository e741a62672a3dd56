import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AccessPolicy, Observer } from 'sluiceway';
import type { Checker } from 'sluiceway/options';
import type { LimitStore } from 'sluiceway/store';
import { type FileOf, filesOf } from '../access/access-kinds.js';
import { createPolicy } from '../access/access-option.js';
import { isObject, type WrittenOptions } from '../config/library-options.js';
import type { RouteValues } from '../config/route-options.js';
import { type ActionContext, checkKeys, checkRules, describeAction } from './actions.js';
import { createUnrouted, type ReadinessSource } from './answers.js';
import { checkDuplicates, describeMatch, readMatch } from './check-routes.js';
import { GatewayHandler } from './gateway-handler.js';
import { type ObservedRoute, unnamedRoute } from './observed-route.js';
import { RouteHandler } from './route-handler.js';
import { RouteTable } from './route-table.js';
import { type Route, Router } from './router.js';
import { SharedGroups } from './shared-groups.js';
import { upstreamsOf } from './upstreams-of.js';

/** The name of what serves requests that no route matches. */
const UNROUTED = 'none';

/** A route with its handler. */
interface BuiltRoute extends Route {
  /** For logs and metrics. */
  name: string;
  /** Equal for routes that do the same: an old one is kept instead of a new one. */
  fingerprint: string;
}

/** All routes of a configuration. */
export interface Routes {
  routes: readonly BuiltRoute[];
  router: Router;
  /** Serves requests that no route matches. */
  unrouted: RouteHandler;
  /** The order in which routes are tried. */
  table: RouteTable<BuiltRoute>;
  /** The groups of servers. */
  groups: SharedGroups;
  /** Passes changes, such as new keys and servers, to the handlers that are kept. Called when this configuration takes effect. */
  adopt(): void;
}

export interface RoutesContext {
  check: Checker;
  fileOf: FileOf;
  defaults: WrittenOptions;
  upstreams: WrittenOptions;
  /** Observers of the transfers of a route. */
  observersOf: (route: ObservedRoute) => readonly Observer[];
  readiness: ReadinessSource;
  /** Null for limits of this process alone. */
  store: LimitStore | null;
}

/**
 * Creates the routes of a configuration, and keeps those of `previous` that have not changed. Adds problems to `check`. If
 * there are any, destroys the new routes and returns null.
 */
export function buildRoutes(
  values: readonly RouteValues[],
  written: readonly unknown[],
  context: RoutesContext,
  previous: Routes | null,
): Routes | null {
  const { check, defaults } = context;
  const matches = values.map((route, i) => readMatch(check, `routes[${i}]`, route, written[i]));
  checkDuplicates(check, matches);
  const old = new Map(previous?.routes.map((route) => [route.fingerprint, route.handler]));
  const groups = new SharedGroups(previous?.groups ?? null);
  const made: RouteHandler[] = [];
  const reloads: (() => void)[] = [];
  const routes: BuiltRoute[] = [];
  for (const [i, route] of values.entries()) {
    const match = matches[i] ?? null;
    const rule =
      isObject(written[i]) && written[i]['access'] !== undefined ? route.access : defaults['access'];
    const at = `routes[${i}]`;
    const rulePath = rule === route.access ? `${at}.access` : 'defaults.access';
    const before = check.problems.length;
    const policy = createPolicy(check, rulePath, rule, context.fileOf);
    const isFit = check.problems.length === before;
    // Continue with a placeholder, to find further problems.
    const access = isFit ? policy : refuseAll;
    const name = route.name ?? (match === null ? at : describeMatch(match));
    const action = describeAction(
      route,
      actionContext(
        context,
        at,
        access,
        {
          name,
          log: route.log,
          upstreams: upstreamsOf(written[i], context),
        },
        route.cors,
        groups,
      ),
    );
    if (match === null || action === undefined) continue;
    const fingerprint = isFit ? fingerprintOf([name, route.log, action.facts], rule, context.fileOf) : '';
    const kept = old.get(fingerprint);
    // Keep each old route only once: two routes that do the same have their own limits.
    old.delete(fingerprint);
    if (kept instanceof GatewayHandler && action.keys !== null) {
      checkKeys(action.keys, `${at}.gateway`, context);
      reloads.push(() => kept.reloadKeys());
    }
    if (kept !== undefined && action.limits !== null) {
      const rules = checkRules(action.limits, context);
      if (rules !== null) reloads.push(() => kept.setLimits(rules));
    }
    const handler = kept ?? action.create();
    if (handler === undefined) continue;
    if (kept === undefined) made.push(handler);
    const accessKey = rule === undefined ? '' : JSON.stringify(rule);
    routes.push({
      name,
      match,
      accessKey: accessKey === '"everyone"' ? '' : accessKey,
      answersPreflights: isObject(corsOf(route, defaults)),
      fingerprint,
      handler,
    });
  }
  if (check.problems.length > 0) {
    for (const handler of made) handler.destroy();
    groups.discard();
    return null;
  }
  return complete(routes, context, groups, reloads);
}

const refuseAll: AccessPolicy = () => ({ allowed: false, status: 403, reason: 'the rule is not valid' });

function complete(
  routes: readonly BuiltRoute[],
  context: RoutesContext,
  groups: SharedGroups,
  reloads: readonly (() => void)[],
): Routes {
  const { defaults, observersOf } = context;
  const proxy = createUnrouted({
    defaults,
    access: undefined,
    observers: observersOf(unnamedRoute(UNROUTED)),
  });
  const unrouted = new RouteHandler(proxy, proxy, UNROUTED);
  const table = new RouteTable(routes);
  return {
    routes,
    router: new Router(table, unrouted),
    unrouted,
    table,
    groups,
    adopt: () => {
      groups.adopt();
      for (const reload of reloads) reload();
    },
  };
}

function actionContext(
  { check, defaults, upstreams, fileOf, observersOf, readiness, store }: RoutesContext,
  path: string,
  access: AccessPolicy | undefined,
  observed: ObservedRoute,
  cors: unknown,
  groups: SharedGroups,
): ActionContext {
  const { access: _access, ...rest } = defaults;
  const options = { ...rest, ...(cors !== undefined && { cors }) };
  return {
    check,
    path,
    defaults: options,
    upstreams,
    access,
    observers: observersOf(observed),
    name: observed.name,
    fileOf,
    groups,
    readiness,
    store,
  };
}

/** The `cors` that applies to a route, as written. */
const corsOf = ({ cors, proxy, gateway }: RouteValues, defaults: WrittenOptions): unknown =>
  (proxy ?? gateway)?.['cors'] ?? cors ?? defaults['cors'];

/** The hash of everything that a handler depends on, including the content of files, except keys, which it rereads. */
function fingerprintOf(facts: unknown, rule: unknown, fileOf: FileOf): string {
  const hash = createHash('sha256').update(JSON.stringify([facts, rule ?? null]));
  for (const file of filesOf(rule, fileOf)) hash.update('\0').update(readFileSync(file));
  return hash.digest('base64');
}
