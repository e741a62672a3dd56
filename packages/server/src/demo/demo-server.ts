import { fileURLToPath } from 'node:url';
import { dashboardEndpoints } from '../admin/dashboard-endpoints.js';
import { json } from '../admin/endpoint.js';
import { ConfigError } from '../config/config-error.js';
import { ConfigFile } from '../config/file.js';
import { configMembers } from '../config/options.js';
import { ProcessView } from '../live/process-view.js';
import { Logs } from '../log/logs.js';
import { ServerMetrics } from '../metrics/server-metrics.js';
import { Server } from '../server/server.js';
import { makeTraffic, type OriginProcess } from './origin-process.js';
import { TRAFFIC_AT_ONCE } from './traffic.js';

const configuration = fileURLToPath(new URL('../../demo/sluiceway.yaml', import.meta.url));

/** Creates the server of the demonstration: that of `sluiceway serve`, without logs and with a dashboard that makes traffic. */
export function createDemoServer(origin: OriginProcess): Server {
  const view = new ProcessView();
  const metrics = new ServerMetrics('demo');
  const complain = (message: string): void => console.error(`demo: ${message}`);
  const server: Server = new Server({
    read: () => new ConfigFile(configuration, configMembers),
    isExpected: (error): error is Error => error instanceof ConfigError,
    logs: new Logs(complain),
    metrics,
    view,
    observersOf: ({ name, upstreams }) => [
      metrics.transfers.observer({ route: name, upstreams }),
      view.observer(name),
    ],
    endpoints: [
      ...dashboardEndpoints({ demo: '' }),
      {
        method: 'POST',
        path: '/api/demo/traffic',
        answer: () => {
          makeTraffic(origin, 'more', server.urls[0] ?? '');
          return json(200, { started: TRAFFIC_AT_ONCE });
        },
      },
    ],
    // Its own clients break off now and then.
    onConnectionFailure: () => {},
    startWorkers: () => Promise.reject(new Error('The demonstration has no workers')),
    onCertificate: () => {},
    onDrainProgress: () => {},
    onReload: (trigger, { reloaded }) => complain(`${trigger}: ${reloaded ? 'reloaded' : 'not reloaded'}`),
  });
  return server;
}
