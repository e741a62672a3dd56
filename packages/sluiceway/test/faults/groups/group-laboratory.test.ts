import { describe, expect } from 'vitest';
import { createUpstreamGroup, type UpstreamGroup } from '../../../src/index.js';
import { Dice } from '../../support/dice.js';
import { type Network, test } from '../../support/fixture.js';
import type { RunningProxy } from '../../support/servers.js';
import { until } from '../../support/until.js';
import { type ClientProtocol, type Got, type LabClient, openClient } from './clients.js';
import { type FarmServer, file, type OriginProtocol, otherFile, startFarm } from './farm.js';
import { blackHole } from './gate.js';

/** A fault of one of three servers. */
interface Fault {
  name: string;
  /** Breaks the server. Returns its URL if that is another one. */
  set(server: FarmServer, net: Network): Promise<string | void> | string | void;
  /** The server works now and then, and is not ejected for certain. */
  isPartial?: boolean;
}

const faults: readonly Fault[] = [
  { name: 'refuses connections', set: ({ gate }) => gate.close() },
  {
    name: 'is a black hole',
    set: async (_server, net) => `http://127.0.0.1:${await blackHole(net)}`,
  },
  {
    name: 'accepts and is silent',
    set: ({ gate }) => {
      gate.mode = 'silent';
    },
  },
  {
    name: 'answers 503',
    set: (server) => {
      server.answers = 'busy';
    },
  },
  {
    name: 'resets at random bytes',
    isPartial: true,
    set: ({ gate }) => {
      gate.mode = { resets: new Dice(7) };
    },
  },
  {
    name: 'trickles',
    isPartial: true,
    set: ({ gate }) => {
      gate.mode = 'trickle';
    },
  },
  {
    name: 'has another version of the file',
    isPartial: true,
    set: (server) => {
      server.answers = 'other version';
    },
  },
];

const protocols: readonly (readonly [client: ClientProtocol, origin: OriginProtocol])[] = [
  ['http1', 'http1'],
  ['http1', 'http2'],
  ['http2', 'http1'],
  ['http2', 'http2'],
];

/** Times that only faults run into. */
const timeouts = { connect: 400, responseHead: 600 } as const;

interface Lab {
  client: LabClient;
  group: UpstreamGroup;
  servers: FarmServer[];
  running: RunningProxy;
}

async function open(
  net: Network,
  [over, origin]: readonly [ClientProtocol, OriginProtocol],
  { fault, ejectFor = '1h' }: { fault?: Fault; ejectFor?: string | number } = {},
): Promise<Lab> {
  const servers = await startFarm(net, origin);
  const [broken] = servers;
  const urls = servers.map(({ url }) => url);
  if (fault !== undefined && broken !== undefined) urls[0] = (await fault.set(broken, net)) ?? broken.url;
  const group = createUpstreamGroup({ servers: urls, passive: { ejectFor }, move: { after: 150 } });
  const running = await net.proxy(
    { upstream: { group, protocol: origin }, timeouts },
    over === 'http2' ? { http2: 'h2c' } : {},
  );
  return { client: await openClient(net, over, running), group, servers, running };
}

/** Does something several times, a few at a time. */
async function repeat<T>(count: number, atATime: number, run: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) results[index] = await run(index);
  };
  await Promise.all(Array.from({ length: atATime }, work));
  return results;
}

/** What is wrong with a response to GET or HEAD. Null: nothing. */
function faultOf(method: string, { status, etag, content, isComplete }: Got): string | null {
  if (status !== 200 || !isComplete) return `${method}: ${status}, ${content.length} bytes, ${isComplete}`;
  if (method === 'HEAD') return null;
  const whole = etag === '"v1"' ? file : otherFile;
  return content.equals(whole) ? null : `${method}: the content does not match ${etag}`;
}

const reads = async (client: LabClient, count: number): Promise<string[]> =>
  (
    await repeat(count, 4, async (index) => {
      const method = index % 3 === 2 ? 'HEAD' : 'GET';
      return faultOf(method, await client.request(method, '/file'));
    })
  ).filter((each) => each !== null);

const SMALL = Buffer.alloc(20_000, 'x');
const LARGE = Buffer.alloc(300_000, 'y');

describe.each(protocols)('with a client over %s and servers over %s', (...over) => {
  describe.each(faults)('one of three servers $name', (fault) => {
    test('no GET or HEAD fails, and the server is left alone afterwards [Sluiceway; Envoy]', async ({
      net,
    }) => {
      const { client, group } = await open(net, over, { fault });
      expect(await reads(client, 24)).toEqual([]);
      if (fault.isPartial === true) return;
      const before = group.servers[0]?.requests ?? 0;
      expect(group.servers[0]?.state).toBe('ejected');
      expect(await reads(client, 9)).toEqual([]);
      expect(group.servers[0]?.requests).toBe(before);
    });

    test('an upload is stored if it succeeds, a short PUT always succeeds, and no other upload is sent twice [RFC 9110 9.2.2; Sluiceway]', async ({
      net,
    }) => {
      const { client, servers } = await open(net, over, { fault });
      const uploads = [
        ['PUT', SMALL],
        ['PUT', LARGE],
        ['POST', SMALL],
      ] as const;
      await repeat(18, 4, async (index) => {
        const [method, content] = uploads[index % uploads.length] ?? uploads[0];
        const { status } = await client.request(method, '/up', content, { 'X-Id': String(index) });
        const received = servers.flatMap((each) => each.received.filter(({ id }) => id === String(index)));
        if (status === 201) expect(received.some(({ isComplete }) => isComplete)).toBe(true);
        if (method === 'PUT' && content === SMALL) expect(status).toBe(201);
        else expect(received.filter(({ bytes }) => bytes > 0).length).toBeLessThan(2);
      });
    });

    // Sluiceway has no WebSockets to servers over HTTP/2.
    test.skipIf(over[1] === 'http2')('WebSockets open at the others [RFC 6455 4; Caddy]', async ({ net }) => {
      const { client } = await open(net, over, { fault });
      const bytes = Buffer.from('hello');
      const echoed = await repeat(9, 3, () => client.echo(bytes));
      expect(echoed.map(String)).toEqual(echoed.map(() => 'hello'));
    });
  });

  test('a server that dies and returns breaks no GET, and gets requests again [Sluiceway; Envoy]', async ({
    net,
  }) => {
    const { client, group, servers } = await open(net, over, { ejectFor: 30 });
    expect(await reads(client, 6)).toEqual([]);
    const running = reads(client, 30);
    await servers[0]?.gate.close();
    expect(await running).toEqual([]);
    expect(await reads(client, 20)).toEqual([]);
    await servers[0]?.gate.open();
    const before = group.servers[0]?.requests ?? 0;
    const served = async (): Promise<boolean> => {
      expect(await reads(client, 3)).toEqual([]);
      return group.servers[0]?.state === 'up' && group.servers[0].requests > before + 3;
    };
    await until(served, 'the server got requests again');
  });

  test('downloads that run while all servers die go on when they return, and new requests fail visibly meanwhile [Sluiceway]', async ({
    net,
  }) => {
    const { client, group, servers } = await open(net, over, { ejectFor: 30 });
    for (const { gate } of servers) gate.mode = 'trickle';
    const downloads = [0, 1, 2].map(() => client.request('GET', '/file'));
    await until(
      () => group.servers.every(({ bytesInFlight }) => bytesInFlight > 0),
      'the downloads had begun',
    );
    await Promise.all(servers.map(({ gate }) => gate.close()));
    const failed = await client.request('GET', '/file');
    expect([502, 503]).toContain(failed.status);
    for (const { gate } of servers) {
      gate.mode = 'pass';
      await gate.open();
    }
    for (const got of await Promise.all(downloads)) expect(faultOf('GET', got)).toBeNull();
    const works = async (): Promise<boolean> => (await client.request('GET', '/file')).status === 200;
    await until(works, 'requests were answered again');
    expect(await reads(client, 12)).toEqual([]);
  });
});
