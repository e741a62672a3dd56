import { resolve } from 'node:path';
import type { Observer } from 'sluiceway';
import { Checker } from 'sluiceway/options';
import { findRules } from '../access/access-option.js';
import { isObject } from '../config/library-options.js';
import { type ConfigValues, resolveConfig } from '../config/options.js';
import type { ConfigSource } from '../config/source.js';
import type { LogSettings } from '../log/logs.js';
import type { ReadinessSource } from '../routes/answers.js';
import type { ObservedRoute } from '../routes/observed-route.js';
import { buildRoutes, type Routes } from '../routes/routes.js';
import { type AdminPlan, planAdmin } from './admin-plan.js';
import { type ListenerPlan, planListeners } from './listener-plan.js';
import { planLog } from './log-plan.js';
import { type OpenStore, writtenStore } from './open-store.js';

/** A checked configuration that is ready to serve. */
export interface Plan {
  values: ConfigValues;
  listeners: readonly ListenerPlan[];
  routes: Routes;
  /** Null without an admin listener. */
  admin: AdminPlan | null;
  log: LogSettings;
  /** For errors that appear only later, such as a port that is in use. */
  source: ConfigSource;
}

/** Returns the observers for the transfers of a route. */
export type ObserversOf = (route: ObservedRoute) => readonly Observer[];

/** What a configuration needs of the process that serves it. */
export interface CompileContext {
  observersOf: ObserversOf;
  readiness: ReadinessSource;
  /** The store of this process. Null if it has none, or does not serve. */
  store: OpenStore | null;
}

/** For configurations that are only checked. */
export const checkOnly: CompileContext = {
  observersOf: () => [],
  readiness: () => ({ ready: false }),
  store: null,
};

/**
 * Checks a configuration and all files that it names, and creates its routes. Keeps routes of `previous` that have not
 * changed. Does not open listeners. Throws the error that the source creates from all problems.
 */
export function compile(
  source: ConfigSource,
  { observersOf, readiness, store }: CompileContext,
  previous: Routes | null = null,
): Plan {
  const check = new Checker('configuration');
  const values = resolveConfig(source.value, check);
  const written: Readonly<Record<string, unknown>> = isObject(source.value) ? source.value : {};
  if (values.listeners?.length === 0) check.problem('listeners', 'must have at least one');
  if (values.routes?.length === 0) check.problem('routes', 'must have at least one');
  const fileOf = (path: string): string => resolve(source.directory, path);
  const listeners = planListeners(check, values.listeners ?? [], values.tls, fileOf, source.directory);
  const admin = planAdmin(check, values.admin, listeners, fileOf, source.directory);
  checkCertificateRules(check, values, listeners);
  if (values.workers !== 1) checkSticky(check, written);
  if (previous !== null && writtenStore(source) !== (store?.written ?? ''))
    check.problem('store', 'cannot change by a reload: restart the program');
  const log = planLog(check, values.log, fileOf);
  const routes = buildRoutes(
    values.routes ?? [],
    Array.isArray(written['routes']) ? written['routes'] : [],
    {
      check,
      fileOf,
      defaults: values.defaults,
      upstreams: isObject(written['upstreams']) ? written['upstreams'] : {},
      observersOf,
      readiness,
      store: store?.store ?? null,
    },
    previous,
  );
  if (routes === null) throw source.toError(distinct(check.problems));
  return { values, listeners, routes, admin, log, source };
}

/** Reports sticky cookies of groups that only the worker that made them would know. */
function checkSticky(check: Checker, written: Readonly<Record<string, unknown>>): void {
  const judge = (upstream: unknown, path: string): void => {
    const sticky = isObject(upstream) ? upstream['sticky'] : undefined;
    if (sticky === undefined || (isObject(sticky) && sticky['secret'] !== undefined)) return;
    check.problem(
      `${path}.sticky`,
      'needs a secret with workers: each would take the cookies of others for none',
    );
  };
  const { upstreams, routes } = written;
  for (const [name, upstream] of Object.entries(isObject(upstreams) ? upstreams : {}))
    judge(upstream, `upstreams.${name}`);
  for (const [i, route] of (Array.isArray(routes) ? routes : []).entries()) {
    const proxy: unknown = isObject(route) ? route['proxy'] : undefined;
    if (isObject(proxy)) judge(proxy['upstream'], `routes[${i}].proxy.upstream`);
  }
}

/** Reports rules about client certificates that no client can meet, because no listener asks for one. */
function checkCertificateRules(
  check: Checker,
  { defaults, routes = [] }: ConfigValues,
  listeners: readonly ListenerPlan[],
): void {
  if (listeners.some(({ tls }) => (tls?.settings.clients ?? null) !== null)) return;
  const rules = [
    { rule: defaults['access'], path: 'defaults.access' },
    ...routes.map(({ access }, i) => ({ rule: access, path: `routes[${i}].access` })),
  ];
  for (const at of rules.flatMap(({ rule, path }) => findRules(rule, 'clientCertificate', path)))
    check.problem(at, 'needs a listener with tls.clientCertificates');
}

/** Reports an error in a part that several routes share only once. */
function distinct(problems: Checker['problems']): Checker['problems'] {
  const seen = new Set<string>();
  return problems.filter(({ path, message }) => {
    const key = `${path} ${message}`;
    return !seen.has(key) && seen.add(key);
  });
}
