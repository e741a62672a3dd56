import type { LiveSource } from '../live/process-view.js';
import type { Service } from './service.js';

/** What the live view sees of a service. Null: the service has not started. */
export const toLiveSource = (service: Pick<Service, 'handlers' | 'plan'> | null): LiveSource => ({
  *running() {
    for (const handler of service?.handlers() ?? [])
      for (const transfer of handler.transfers()) yield { route: handler.route, transfer };
  },
  get groups() {
    return service?.plan.routes.groups.all ?? [];
  },
  get limits() {
    return (service?.handlers() ?? []).map(({ route, limits }) => ({ route, limits }));
  },
  get gateways() {
    return (service?.handlers() ?? []).flatMap((handler) => (handler.hasLinks ? [handler.route] : []));
  },
  revoke: (link) => {
    const aborted = (service?.handlers() ?? []).flatMap((handler) => handler.revoke(link) ?? []);
    return aborted.length === 0 ? null : aborted.reduce((sum, each) => sum + each, 0);
  },
});
