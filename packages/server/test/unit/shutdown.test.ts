import { EventEmitter, once } from 'node:events';
import type { RequestListener, Server } from 'node:http';
import type { Socket } from 'node:net';
import { describe, expect } from 'vitest';
import { loopbackCertificate } from '../../../sluiceway/test/support/certificates.js';
import { type Network, test } from '../../../sluiceway/test/support/fixture.js';
import { Gate } from '../../../sluiceway/test/support/gate.js';
import type { ClientOptions } from '../../../sluiceway/test/support/raw-client.js';
import { until } from '../../../sluiceway/test/support/until.js';
import { Connections } from '../../src/server/connections.js';
import { createListener, listen } from '../../src/server/listen.js';
import { drain, type Running, waitForStopSignal } from '../../src/server/shutdown.js';

const longTime = 20_000;

/** A proxy that only counts: the requests of these tests are answered by the test. */
function fakeProxy() {
  const done = new Gate();
  const state = { active: 0, destroyed: false };
  const proxy: Running['proxy'] = {
    get active() {
      return state.active;
    },
    close: () => done.opened,
    destroy: () => {
      state.destroyed = true;
    },
  };
  return { proxy, state, done };
}

async function start(net: Network, listener: RequestListener, secure = false) {
  const certificate = secure ? await loopbackCertificate() : null;
  const server = createListener(certificate);
  const connections = new Connections(server);
  (server as Server).on('request', listener);
  await listen(server, { host: '127.0.0.1', port: 0 }, () => {});
  net.cleanup(() => {
    server.close();
    connections.destroy();
  });
  const { port } = server.address() as { port: number };
  const options: ClientOptions = certificate === null ? {} : { tls: { ca: certificate.ca } };
  const fake = fakeProxy();
  return {
    ...fake,
    running: { listeners: [{ server, connections }], proxy: fake.proxy },
    server,
    port,
    client: () => net.client(port, options),
  };
}

describe.each([
  ['HTTP', false],
  ['HTTPS', true],
] as const)('drain over %s', (_name, secure) => {
  test('ends with 0 when the proxy is done and every connection closed', async ({ net }) => {
    const held = new Gate();
    let requests = 0;
    const listener: RequestListener = (_request, response) => {
      requests += 1;
      void held.opened.then(() => response.end('ok'));
    };
    const { running, client, done } = await start(net, listener, secure);
    const [busy, another] = [await client(), await client()];
    for (const each of [busy, another]) await each.get('/');
    await until(() => requests === 2, 'both requests had come');

    const drained = drain(running, longTime);
    done.open();
    held.open();
    for (const each of [busy, another]) {
      const response = await each.readResponse();
      expect(response).toMatchObject({ complete: true });
      expect(await each.closed).toBe('fin');
    }
    expect(await drained).toBe(0);
  });

  test('closes idle and unused connections at once', async ({ net }) => {
    const { running, client, done } = await start(net, (_request, response) => response.end('ok'), secure);
    const idle = await client();
    await idle.get('/');
    await idle.readResponse();
    const unused = await client();
    done.open();
    expect(await drain(running, longTime)).toBe(0);
    await idle.closed;
    await unused.closed;
  });

  test('closes a connection whose head was sent before, once its response has ended [RFC 9112 9.6; nginx]', async ({
    net,
  }) => {
    const held = new Gate();
    const { running, client, done } = await start(
      net,
      (_request, response) => {
        response.writeHead(200, { 'Content-Length': 2 }).write('o');
        void held.opened.then(() => response.end('k'));
      },
      secure,
    );
    const busy = await client();
    await busy.get('/');
    const head = await busy.readHead();
    const drained = drain(running, longTime);
    done.open();
    held.open();
    expect(await busy.readContent(head)).toMatchObject({ complete: true });
    expect(await drained).toBe(0);
    await busy.closed;
  });

  test('waits for a tunnel like for any transfer [Caddy]', async ({ net }) => {
    const { running, client, done, server } = await start(net, () => {}, secure);
    const upgraded = once(server, 'upgrade') as Promise<[unknown, Socket]>;
    const tunnel = await client();
    await tunnel.get('/', ['Connection: upgrade', 'Upgrade: echo']);
    const [, socket] = await upgraded;
    const drained = drain(running, longTime);
    socket.write('still here');
    expect((await tunnel.readExactly(10)).toString()).toBe('still here');
    socket.end();
    done.open();
    tunnel.end();
    expect(await drained).toBe(0);
  });

  test('cuts off what is left when the time is over, and counts it', async ({ net }) => {
    const { running, client, state } = await start(
      net,
      (_request, response) => response.write('begin'),
      secure,
    );
    const busy = await client();
    await busy.get('/');
    await busy.readHead();
    state.active = 1;
    expect(await drain(running, 50)).toBe(1);
    expect(state.destroyed).toBe(true);
    expect(await busy.closed).toBe(secure ? 'reset' : 'fin');
  });
});

test('a server that stops does not wait for a TLS handshake [nginx]', async ({ net }) => {
  const { running, port, done, server } = await start(net, () => {}, true);
  const connected = once(server, 'connection');
  const silent = await net.client(port);
  await connected;
  done.open();
  expect(await drain(running, longTime)).toBe(0);
  await silent.closed;
});

describe('waitForStopSignal', () => {
  test.for([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('resolves at the first, and exits at a second %s with %i', async ([signal, code]) => {
    const source = new EventEmitter();
    const codes: number[] = [];
    const first = waitForStopSignal(source, (exitCode) => void codes.push(exitCode));
    source.emit('SIGTERM');
    expect(await first).toBe('SIGTERM');
    expect(codes).toEqual([]);
    source.emit(signal);
    expect(codes).toEqual([code]);
  });
});
