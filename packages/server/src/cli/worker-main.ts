import { ProcessView } from '../live/process-view.js';
import { Logs } from '../log/logs.js';
import { ServerMetrics } from '../metrics/server-metrics.js';
import { toEntry } from '../server/failure-entry.js';
import { Worker } from '../workers/worker.js';
import { complain, keepRunningWithoutReader, tellStore } from './output.js';
import { tellCertificate } from './tell-certificate.js';
import { readVersion } from './version.js';

// What a worker process runs. The primary process, which starts it, tells it what to do.
keepRunningWithoutReader();
const logs = new Logs(complain);
const metrics = new ServerMetrics(readVersion());
const view = new ProcessView();
void new Worker({
  logs,
  metrics,
  view,
  observersOf: ({ name, log, upstreams }) => [
    metrics.transfers.observer({ route: name, upstreams }),
    view.observer(name, upstreams),
    ...(log ? [logs.observer(name)] : []),
  ],
  onStoreChange: tellStore,
  onCertificate: (event) => {
    metrics.onCertificate(event);
    tellCertificate(event);
  },
  onConnectionFailure: (failure) => {
    metrics.onConnectionFailure(failure);
    logs.report(toEntry(failure));
  },
});
