import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { test } from '../../../sluiceway/test/support/fixture.js';
import { scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { ConfigError } from '../../src/config/config-error.js';
import { ConfigFile } from '../../src/config/file.js';
import { configMembers } from '../../src/config/options.js';
import { ProcessView } from '../../src/live/process-view.js';
import { Logs } from '../../src/log/logs.js';
import { ServerMetrics } from '../../src/metrics/server-metrics.js';
import { Server } from '../../src/server/server.js';

test('an error of the program itself during a reload changes nothing, and is reported', async ({ net }) => {
  const file = join(scratchFolder(net), 'sluiceway.yaml');
  writeFileSync(file, JSON.stringify({ listeners: [{ address: '127.0.0.1:0' }], routes: [{ respond: {} }] }));
  let isBroken = false;
  const server = new Server({
    read: () => {
      if (isBroken) throw new TypeError('a bug');
      return new ConfigFile(file, configMembers);
    },
    isExpected: (error): error is Error => error instanceof ConfigError,
    observersOf: () => [],
    onConnectionFailure: () => {},
    logs: new Logs(() => {}),
    view: new ProcessView(),
    metrics: new ServerMetrics('0.0.0'),
    startWorkers: () => Promise.reject(new Error('there are no workers')),
    onCertificate: () => {},
    onDrainProgress: () => {},
    onReload: () => {},
  });
  await server.start();
  net.cleanup(async () => void (await server.drain()));
  isBroken = true;
  const result = await server.reload('test');
  expect(result).toMatchObject({ reloaded: false, isBusy: false });
  expect('message' in result && result.message).toMatch(/^an error of the program itself: TypeError: a bug/);
  isBroken = false;
  expect(await server.reload('test')).toMatchObject({ reloaded: true });
});
