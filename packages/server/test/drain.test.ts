import { describe, expect } from 'vitest';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { Gate } from '../../sluiceway/test/support/gate.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { measureProgress } from '../src/server/drain-progress.js';
import { sluiceway, sluicewayProxy, sluicewayServe } from './support/program.js';

const anyPort = { address: '127.0.0.1:0' };

async function ask(net: Network, port: number, target: string) {
  const client = await net.client(port);
  await client.get(target);
  const response = await client.readResponse();
  client.close();
  return [response.head.status, response.content.toString()];
}

const health = (action: 'live' | 'ready') => ({ path: `/${action}`, health: action });

describe('drainDelay', () => {
  test('keeps listeners open while health: ready answers 503, until it is over [Kubernetes]', async ({
    net,
  }) => {
    const program = await sluicewayServe(net, {
      listeners: [anyPort],
      admin: anyPort,
      drainDelay: '5s',
      routes: [health('live'), health('ready'), { respond: { content: 'served' } }],
    });
    const [, adminPort] = await program.match('stdout', /admin listener on \S+:(\d+)\n/);
    expect(await ask(net, program.port, '/live')).toEqual([200, '{"status":"ok"}\n']);
    expect(await ask(net, program.port, '/ready')).toEqual([200, '{"status":"ready"}\n']);
    program.signal('SIGTERM');
    await program.match('stdout', /SIGTERM: not ready, accepting connections for another 5s\n/);
    expect(await ask(net, program.port, '/ready')).toEqual([503, '{"status":"not ready"}\n']);
    expect(await ask(net, program.port, '/live')).toEqual([200, '{"status":"ok"}\n']);
    expect(await ask(net, program.port, '/a')).toEqual([200, 'served']);
    expect((await fetch(`http://127.0.0.1:${adminPort}/readyz`)).status).toBe(503);
    expect(await program.exited).toBe(0);
    expect(program.stdout).toContain('SIGTERM: stopping, no transfer is running');
  });

  test('ends with a second signal', async ({ net }) => {
    const program = await sluicewayProxy(net, 'http://127.0.0.1:9', '--drain-delay', '1h');
    program.signal('SIGTERM');
    await program.match('stdout', /accepting connections for another 1h\n/);
    program.signal('SIGTERM');
    expect(await program.exited).toBe(143);
  });

  test('is checked, and the flag is named', async ({ net }) => {
    const program = sluiceway(net, 'proxy', 'http://127.0.0.1:9', '--drain-delay', 'soon');
    expect(await program.exited).toBe(2);
    expect(program.stderr).toContain('--drain-delay: must be a duration');
  });
});

describe('the log of a drain', () => {
  test('says every few seconds what is left [HAProxy]', async ({ net }) => {
    const [asked, release] = [new Gate(), new Gate()];
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write(sized('x'.repeat(100)).subarray(0, -60));
      asked.open();
      await release.opened;
      await connection.write('x'.repeat(60));
    });
    const program = await sluicewayProxy(net, origin.url);
    const client = await net.client(program);
    await client.get('/');
    const head = await client.readHead();
    await asked.opened;
    expect((await client.readExactly(40)).length).toBe(40);
    program.signal('SIGTERM');
    await program.match('stdout', /stopping: 1 transfer running, 60 bytes left, cut off in 2\ds\n/);
    release.open();
    expect((await client.readExactly(60)).length).toBe(60);
    expect(head.status).toBe(200);
    expect(await program.exited).toBe(0);
  });

  test('counts what is known to be left, both ways', () => {
    const transfer = { requestLength: null, bytesUp: 0, responseLength: null, bytesDown: 0 };
    const transfers = [
      { ...transfer, responseLength: 100, bytesDown: 30 },
      { ...transfer, requestLength: 50, bytesUp: 10 },
      { ...transfer, bytesDown: 99 },
      // An origin server that has sent more than it announced is not a debt.
      { ...transfer, responseLength: 1, bytesDown: 2 },
    ];
    expect(measureProgress(transfers)).toEqual({ transfers: 4, bytesLeft: 110, unknown: 1 });
    expect(measureProgress([])).toEqual({ transfers: 0, bytesLeft: 0, unknown: 0 });
  });
});

describe('a route with health', () => {
  test('is the only way to public health, and can have access of its own [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(respondWith(() => sized('from the origin server')));
    const program = await sluicewayServe(net, {
      listeners: [anyPort],
      routes: [
        { proxy: { upstream: origin.url } },
        { path: '/ready', health: 'ready', access: { addresses: { deny: ['127.0.0.0/8'] } } },
      ],
    });
    expect(await ask(net, program.port, '/readyz')).toEqual([200, 'from the origin server']);
    expect((await ask(net, program.port, '/ready'))[0]).toBe(403);
  });

  test('must be live or ready, and is the only action', async ({ net }) => {
    const wrong = await sluicewayServe(net, { listeners: [anyPort], routes: [{ health: 'live' }] });
    expect(await wrong.reload({ listeners: [anyPort], routes: [{ health: 'good' }] })).toContain(
      "routes[0].health must be one of 'live', 'ready'",
    );
    expect(await wrong.reload({ listeners: [anyPort], routes: [{ health: 'live', respond: {} }] })).toMatch(
      /routes\[0\]/,
    );
  });
});
