import type { ReloadChanges } from '../admin/control.js';
import type { Plan } from './compile.js';

/** A changed route has another handler, and is both removed and added. */
export function compareRoutes(before: Plan, after: Plan): ReloadChanges['routes'] {
  const old = before.routes.routes;
  const fresh = after.routes.routes;
  const without = (routes: Built, others: Built): string[] => {
    const handlers = new Set(others.map(({ handler }) => handler));
    return routes.filter(({ handler }) => !handlers.has(handler)).map(({ name }) => name);
  };
  const added = without(fresh, old);
  return { added, removed: without(old, fresh), kept: fresh.length - added.length };
}

type Built = Plan['routes']['routes'];
