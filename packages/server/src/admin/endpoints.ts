import { METRICS_TYPE } from 'sluiceway/metrics';
import type { Control } from './control.js';
import { dashboardEndpoints } from './dashboard-endpoints.js';
import { count, list, object, oneOf, ref, string } from './describe.js';
import { type Endpoint, json, text } from './endpoint.js';
import { limitEndpoints } from './limit-endpoints.js';
import { linkEndpoints } from './link-endpoints.js';
import { describeApi } from './openapi.js';
import { serverEndpoints } from './server-endpoints.js';
import type { AdminSession } from './session.js';
import { transferEndpoints } from './transfer-endpoints.js';

/** Everything that the admin listener serves. To add an endpoint, add it here, and what it needs to `Control`. */
export function adminEndpoints(control: Control, session: AdminSession): readonly Endpoint[] {
  const endpoints: Endpoint[] = [
    ...dashboardEndpoints(),
    ...healthEndpoints(control),
    ...operationEndpoints(control),
    ...transferEndpoints(control),
    ...serverEndpoints(control),
    ...limitEndpoints(control),
    ...linkEndpoints(control),
    {
      method: 'GET',
      path: '/api/session',
      description: {
        summary: 'The token that changes from a browser need, in the field X-Sluiceway-Token',
        answers: {
          200: {
            description: 'The token. It is another one after a restart.',
            schema: object({ token: string }),
          },
        },
      },
      answer: () => json(200, { token: session.token }),
    },
  ];
  const description = describeApi(endpoints);
  return [...endpoints, { method: 'GET', path: '/api/openapi.json', answer: () => json(200, description) }];
}

const healthEndpoints = (control: Control): readonly Endpoint[] => [
  {
    method: 'GET',
    path: '/healthz',
    description: {
      summary: 'Whether the process lives',
      answers: { 200: { description: 'It does.', schema: object({ status: oneOf(['ok']) }) } },
    },
    answer: () => json(200, { status: 'ok' }),
  },
  {
    method: 'GET',
    path: '/readyz',
    description: {
      summary: 'Whether the server takes requests',
      answers: {
        200: { description: 'It does.', schema: readiness },
        503: { description: 'It starts or drains.', schema: readiness },
      },
    },
    answer: () => answerReadiness(control),
  },
  {
    method: 'GET',
    path: '/metrics',
    description: {
      summary: 'Metrics in the text format of Prometheus',
      answers: { 200: { description: 'The metrics.', type: 'text/plain', schema: string } },
    },
    answer: async () => text(200, METRICS_TYPE, await control.metrics()),
  },
];

const readiness = object(
  {
    status: oneOf(['ready', 'not ready']),
    phase: oneOf(['starting', 'serving', 'draining']),
    reason: string,
  },
  ['reason'],
);

const operationEndpoints = (control: Control): readonly Endpoint[] => [
  {
    method: 'GET',
    path: '/api/config',
    description: {
      summary: 'The configuration as it takes effect, without secrets',
      answers: { 200: { description: 'The configuration.', schema: { type: 'object' } } },
    },
    answer: () => json(200, control.config()),
  },
  {
    method: 'POST',
    path: '/api/reload',
    description: {
      summary: 'Read the configuration again',
      answers: {
        200: {
          description: 'What has changed.',
          schema: object({
            reloaded: { const: true },
            listeners: object({ opened: list(string), closed: list(string) }),
            routes: object({ added: list(string), removed: list(string), kept: count }),
          }),
        },
        409: { description: 'The server starts or stops.', schema: refusedReload },
        422: { description: 'The configuration is not valid. Nothing has changed.', schema: refusedReload },
      },
    },
    answer: () => reload(control),
  },
  {
    method: 'POST',
    path: '/api/restart',
    description: {
      summary: 'Replace the workers one after the other',
      answers: {
        200: { description: 'All have been replaced.', schema: object({ restarted: { const: true } }) },
        409: {
          description: 'There are none, or one could not start.',
          schema: object({ restarted: { const: false }, message: string }),
        },
      },
    },
    answer: () => restart(control),
  },
];

const refusedReload = object({
  reloaded: { const: false },
  message: string,
  problems: list(ref('ReloadProblem')),
});

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
