import { METRICS_TYPE } from 'sluiceway/metrics';
import type { Control } from './control.js';
import { dashboardEndpoints } from './dashboard-endpoints.js';
import { type Endpoint, json, text } from './endpoint.js';

/** Everything that the admin listener serves. To add an endpoint, add it here, and what it needs to `Control`. */
export const adminEndpoints = (control: Control): readonly Endpoint[] => [
  ...dashboardEndpoints(),
  { method: 'GET', path: '/healthz', answer: () => json(200, { status: 'ok' }) },
  { method: 'GET', path: '/readyz', answer: () => answerReadiness(control) },
  { method: 'GET', path: '/metrics', answer: async () => text(200, METRICS_TYPE, await control.metrics()) },
  { method: 'GET', path: '/api/config', answer: () => json(200, control.config()) },
  { method: 'POST', path: '/api/reload', answer: () => reload(control) },
  { method: 'POST', path: '/api/restart', answer: () => restart(control) },
];

function answerReadiness(control: Control) {
  const { ready, phase, reason } = control.readiness();
  return json(ready ? 200 : 503, {
    status: ready ? 'ready' : 'not ready',
    phase,
    ...(reason !== null && { reason }),
  });
}

async function reload(control: Control) {
  const result = await control.reload('admin');
  if (result.reloaded) return json(200, { reloaded: true, ...result.changes });
  const { isBusy, message, problems } = result;
  return json(isBusy ? 409 : 422, { reloaded: false, message, problems });
}

async function restart(control: Control) {
  const result = await control.restart();
  return json(result.restarted ? 200 : 409, result);
}
