import { expect } from 'vitest';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { node } from '../../sluiceway/test/support/requirements.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { until } from '../../sluiceway/test/support/until.js';
import { sluicewayServe } from './support/process.js';

const CONNECTIONS = 16;
const REQUESTS = 1500;
/** For a machine that is busy with other work. Reaching it is a failure. */
const DEADLINE_MS = 90_000;

/** Collects the whole heap at SIGUSR2, and small young spaces often, and prints each collection. */
const start = {
  tool: node,
  args: [
    '--expose-gc',
    '--trace-gc-nvp',
    '--max-semi-space-size=4',
    // With so small a space, V8 would take the objects of the first requests for long-lived ones, in some runs only.
    '--no-allocation-site-pretenuring',
    '--import=data:text/javascript,process.on("SIGUSR2",()=>gc())',
  ],
};

/**
 * Bytes per small request that move to the old generation, after a collection of the whole heap in the midst of requests.
 * Counts requests and bytes, and no time: a slow machine gets the same result.
 */
async function promotedPerRequest(net: Network, config: object): Promise<number> {
  const program = await sluicewayServe(
    net,
    { listeners: [{ address: '127.0.0.1:0' }], log: { format: 'none' }, ...config },
    { start },
  );
  let count = 0;
  const load = { isOver: false };
  const clients = Array.from({ length: CONNECTIONS }, async () => {
    const client = await net.client(program);
    while (!load.isOver) {
      await client.get('/');
      expect((await client.readResponse()).head.status).toBe(200);
      count += 1;
    }
  });
  await until(() => count >= 300, 'it was warm', DEADLINE_MS);
  const before = program.stdout.length;
  program.signal('SIGUSR2');
  // The form of the trace depends on the version of Node.js.
  await until(
    () => /\bgc"?[=:]"?mc/.test(program.stdout.slice(before)),
    'the whole heap was collected',
    DEADLINE_MS,
  );
  const [first, from] = [count, program.stdout.length];
  await until(() => count >= first + REQUESTS, 'the requests were served', DEADLINE_MS);
  load.isOver = true;
  await Promise.all(clients);
  await program.kill();
  const promoted = [...program.stdout.slice(from).matchAll(/\bpromoted"?[=:](\d+)/g)];
  expect(promoted.length).toBeGreaterThan(5);
  return promoted.reduce((sum, [, bytes]) => sum + Number(bytes), 0) / (count - first);
}

const rules = [
  {
    by: 'all',
    transfers: 1000,
    download: '10GB',
    requests: { count: 1_000_000, per: '1h' },
    bytes: { count: '1TB', per: 'day' },
  },
  { by: 'client', transfers: 1000, download: '10GB', upload: '10GB' },
];

const SLOW = { timeout: 2 * DEADLINE_MS };

/** At most 0.9 kB as it should be, and 7 kB or more if something keeps ended requests alive. */
const MOST = 3000;

test(
  'an ended request does not survive in the old generation: with metrics [Sluiceway]',
  SLOW,
  async ({ net }) => {
    const { url } = await net.origin(respondWith(sized(Buffer.alloc(1024))));
    const admin = { address: '127.0.0.1:0' };
    expect(await promotedPerRequest(net, { admin, routes: [{ proxy: { upstream: url } }] })).toBeLessThan(
      MOST,
    );
  },
);

test(
  'an ended request does not survive in the old generation: with limits [Sluiceway]',
  SLOW,
  async ({ net }) => {
    const { url } = await net.origin(respondWith(sized(Buffer.alloc(1024))));
    const routes = [{ proxy: { upstream: url, limits: { rules } } }];
    expect(await promotedPerRequest(net, { routes })).toBeLessThan(MOST);
  },
);

test(
  'an ended request does not survive in the old generation: with a group of servers [Sluiceway]',
  SLOW,
  async ({ net }) => {
    const origins = await Promise.all([1, 2].map(() => net.origin(respondWith(sized(Buffer.alloc(1024))))));
    const servers = origins.map(({ url }) => url);
    const routes = [{ proxy: { upstream: { servers }, limits: { rules } } }];
    expect(await promotedPerRequest(net, { routes })).toBeLessThan(MOST);
  },
);
