import { readFileSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { Gate } from '../../sluiceway/test/support/gate.js';
import { until } from '../../sluiceway/test/support/until.js';
import { adminOf } from './support/admin.js';
import { type ProgramProcess, sluicewayServe } from './support/process.js';

const isLinux = process.platform === 'linux';

/** Two workers, and an origin server that sends half of ten bytes, and the rest when the gate opens. */
async function serveWorkers(net: Network) {
  const more = new Gate();
  const origin = await net.origin(async (connection) => {
    for (;;) {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345');
      await more.opened;
      await connection.write('67890');
    }
  });
  const program = await sluicewayServe(net, {
    listeners: [{ address: '127.0.0.1:0' }],
    admin: { address: '127.0.0.1:0' },
    workers: 2,
    log: { format: 'json' },
    routes: [{ name: 'files', proxy: { upstream: origin.url } }],
  });
  const admin = await adminOf(net, program);
  await until(async () => (await admin.get('/readyz')).status === 200, 'all workers served');
  const download = async (path: string) => {
    const client = await net.client(program.port);
    await client.get(path);
    await client.readHead();
    await client.readExactly(5);
    return client;
  };
  return { program, more, admin, download };
}

/** The processes of the workers; only Linux shows them. */
const workersOf = ({ child: { pid } }: ProgramProcess): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);

describe('with workers, the admin listener', () => {
  test('lists the transfers of all, and aborts any of them [Sluiceway]', async ({ net }) => {
    const { program, more, admin, download } = await serveWorkers(net);
    const clients = [];
    const isSpread = async (): Promise<boolean> =>
      new Set((await admin.transfers()).map(({ worker }) => worker)).size === 2;
    // The kernel chooses the worker of a connection.
    while (!(await isSpread())) clients.push(await download(`/${clients.length}`));
    const transfers = await admin.transfers('?sort=path');
    expect(transfers).toHaveLength(clients.length);
    for (const { id } of transfers) {
      expect((await admin.get(`/api/transfers/${String(id)}`)).value).toMatchObject({ id });
      expect((await admin.post(`/api/transfers/${String(id)}/abort`)).status).toBe(200);
    }
    for (const client of clients) await client.closed;
    const records = await program.records(clients.length);
    expect(records.map(({ error }) => error)).toEqual(clients.map(() => 'aborted_by_operator'));
    const events = await admin.events();
    const totals = await events.find('totals', ({ requests }) => requests === clients.length);
    expect(totals).toMatchObject({ running: 0, outcomes: { shutdown: clients.length } });
    more.open();
  });

  test.runIf(isLinux)(
    'tells the end of the transfers of a worker that was killed [Sluiceway]',
    async ({ net }) => {
      const { program, more, admin, download } = await serveWorkers(net);
      await download('/a');
      const events = await admin.events();
      await events.find('snapshot', ({ transfers }) => (transfers as unknown[]).length === 1);
      const before = workersOf(program);
      for (const pid of before) process.kill(pid, 'SIGKILL');
      const delta = await events.find('delta', ({ ended }) => (ended as unknown[]).length === 1);
      expect(delta['ended']).toMatchObject([{ outcome: 'internal', bytesDown: 5 }]);
      await until(async () => (await admin.get('/readyz')).status === 200, 'other workers served');
      await download('/b');
      await events.find('delta', ({ started }) =>
        (started as { path: string }[]).some(({ path }) => path === '/b'),
      );
      more.open();
    },
  );
});
