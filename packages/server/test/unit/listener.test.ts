import { X509Certificate } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { chmodSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { type RequestListener, type Server, request as send } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import type { Handler } from 'sluiceway';
import { describe, expect } from 'vitest';
import { loopbackCertificate, type TestCertificate } from '../../../sluiceway/test/support/certificates.js';
import { type Network, test } from '../../../sluiceway/test/support/fixture.js';
import { Gate } from '../../../sluiceway/test/support/gate.js';
import type { ClientOptions } from '../../../sluiceway/test/support/raw-client.js';
import { scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { until } from '../../../sluiceway/test/support/until.js';
import { type ListenAddress, parseListenAddress } from '../../src/listeners/address.js';
import type { ConnectionFailure } from '../../src/listeners/connection-failure.js';
import { Listener } from '../../src/listeners/listener.js';
import { ProtocolServer, type ProtocolSettings } from '../../src/listeners/protocol-server.js';
import { waitForStopSignal } from '../../src/server/signals.js';

const loopback: ListenAddress = { host: '127.0.0.1', port: 0 };

/** What answers requests without a proxy: these tests are about connections. */
function toHandler(listener: RequestListener, onUpgrade: (socket: Socket) => void = () => {}): Handler {
  return {
    handle: async (request, response) => {
      (listener as (...messages: unknown[]) => void)(request, response);
      await once(response, 'close');
      return 'completed';
    },
    upgrade: async (_request, socket) => {
      onUpgrade(socket as Socket);
      await once(socket, 'close');
      return 'completed';
    },
  };
}

const toTls = ({ cert, key }: TestCertificate): ProtocolSettings['tls'] => ({
  certificates: [{ cert, key, parsed: new X509Certificate(cert) }],
  minVersion: 'TLSv1.2',
  clients: null,
});

async function open(
  net: Network,
  settings: Omit<ProtocolSettings, 'protocol'> & { protocol?: ProtocolSettings['protocol'] },
  address: ListenAddress = loopback,
  mode: number | null = null,
) {
  const failures: ConnectionFailure[] = [];
  const listener = new Listener(
    { address, mode, onConnectionFailure: (failure) => void failures.push(failure) },
    { protocol: 'auto', proxyProtocol: null, ...settings },
  );
  await listener.open();
  net.cleanup(() => listener.destroy());
  return { listener, failures, port: listener.bound?.port ?? 0 };
}

/** A server without a listener, and a client's connection that has asked for something. */
async function takeOver(net: Network, settings: ProtocolSettings) {
  const server = new ProtocolServer(settings, () => {});
  const acceptor = createServer({ allowHalfOpen: true }, (socket) => server.take(socket)).listen(
    0,
    '127.0.0.1',
  );
  await once(acceptor, 'listening');
  const { port } = acceptor.address() as { port: number };
  const socket =
    settings.tls === null
      ? connect(port, '127.0.0.1')
      : connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  net.cleanup(() => {
    socket.destroy();
    acceptor.close();
    void server.close();
  });
  return { server, connections: [socket] };
}

async function start(net: Network, handler: Handler, secure: boolean) {
  const certificate = secure ? await loopbackCertificate() : null;
  const opened = await open(net, { tls: certificate && toTls(certificate), handler });
  const options: ClientOptions = certificate === null ? {} : { tls: { ca: certificate.ca } };
  return { ...opened, client: () => net.client(opened.port, options) };
}

describe.each([
  ['HTTP', false],
  ['HTTPS', true],
] as const)('a listener for %s that closes', (_name, secure) => {
  test('waits for responses, and closes their connections', async ({ net }) => {
    const held = new Gate();
    let requests = 0;
    const handler = toHandler((_request, response) => {
      requests += 1;
      void held.opened.then(() => response.end('ok'));
    });
    const { listener, client } = await start(net, handler, secure);
    const [busy, another] = [await client(), await client()];
    for (const each of [busy, another]) await each.get('/');
    await until(() => requests === 2, 'both requests had come');
    const closed = listener.close();
    held.open();
    for (const each of [busy, another]) {
      expect(await each.readResponse()).toMatchObject({ complete: true });
      expect(await each.closed).toBe('fin');
    }
    await closed;
    expect(listener.connections).toBe(0);
  });

  test('closes idle and unused connections at once', async ({ net }) => {
    const { listener, client } = await start(
      net,
      toHandler((_request, response) => response.end('ok')),
      secure,
    );
    const idle = await client();
    await idle.get('/');
    await idle.readResponse();
    const unused = await client();
    await listener.close();
    await idle.closed;
    await unused.closed;
  });

  test('closes a connection whose head was sent before, once its response has ended [RFC 9112 9.6; nginx]', async ({
    net,
  }) => {
    const held = new Gate();
    const handler = toHandler((_request, response) => {
      response.writeHead(200, { 'Content-Length': 2 }).write('o');
      void held.opened.then(() => response.end('k'));
    });
    const { listener, client } = await start(net, handler, secure);
    const busy = await client();
    await busy.get('/');
    const head = await busy.readHead();
    const closed = listener.close();
    held.open();
    expect(await busy.readContent(head)).toMatchObject({ complete: true });
    await closed;
    await busy.closed;
  });

  test('serves the first request of a connection that it has just accepted [nginx]', async ({ net }) => {
    const { listener, client } = await start(
      net,
      toHandler((_request, response) => response.end('served')),
      secure,
    );
    const fresh = await client();
    await until(() => listener.connections === 1, 'the connection was accepted');
    const closed = listener.close();
    await fresh.get('/');
    expect((await fresh.readResponse()).content.toString()).toBe('served');
    await closed;
  });

  test('waits for a tunnel like for any transfer [Caddy]', async ({ net }) => {
    const upgraded = new EventEmitter();
    const arrived = once(upgraded, 'socket') as Promise<[Socket]>;
    const { listener, client } = await start(
      net,
      toHandler(
        () => {},
        (socket) => void upgraded.emit('socket', socket),
      ),
      secure,
    );
    const tunnel = await client();
    await tunnel.get('/', ['Connection: upgrade', 'Upgrade: echo']);
    const [socket] = await arrived;
    const closed = listener.close();
    socket.write('still here');
    expect((await tunnel.readExactly(10)).toString()).toBe('still here');
    socket.end();
    tunnel.end();
    await closed;
  });

  test('cuts off what is left when it is destroyed', async ({ net }) => {
    const { listener, client } = await start(
      net,
      toHandler((_request, response) => response.write('begin')),
      secure,
    );
    const busy = await client();
    await busy.get('/');
    await busy.readHead();
    listener.destroy();
    expect(await busy.closed).toBe(secure ? 'reset' : 'fin');
  });
});

test.for([
  ['HTTP', false],
  ['HTTPS', true],
] as const)(
  'Node watches the connections of %s, although another server accepts them [Node]',
  async ([_name, secure], { net }) => {
    const tls = secure ? toTls(await loopbackCertificate()) : null;
    const handler = toHandler((_request, response) => response.end('ok'));
    const { server, connections } = await takeOver(net, { tls, protocol: 'auto', handler });
    const [socket] = connections;
    await once(socket as Socket, 'data');
    // It knows of no connection unless it watches them, and would not end a head that takes for ever either.
    (server.server as Server).closeIdleConnections();
    await once(socket as Socket, 'close');
  },
);

test('a listener that closes does not wait for a TLS handshake [nginx]', async ({ net }) => {
  const { listener, port } = await start(
    net,
    toHandler(() => {}),
    true,
  );
  const silent = await net.client(port);
  await until(() => listener.connections === 1, 'the connection was accepted');
  await listener.close();
  await silent.closed;
});

describe('a listener', () => {
  const ok = toHandler((_request, response) => response.end('ok'));

  test.for([
    ['127.0.0.1', false, 'http://127.0.0.1:'],
    ['localhost', true, 'https://localhost:'],
  ] as const)('on %s (TLS: %s) gives a URL with the real port', async ([host, secure, begin], { net }) => {
    const tls = secure ? toTls(await loopbackCertificate()) : null;
    const { listener, port } = await open(net, { tls, handler: ok }, { host, port: 0 });
    expect(listener.url).toBe(`${begin}${port}`);
  });

  test('on all addresses names the one that stands for all', async ({ net }) => {
    const { listener, port } = await open(net, { tls: null, handler: ok }, { host: '', port: 0 });
    // 0.0.0.0 where the machine has no IPv6.
    expect([`http://[::]:${port}`, `http://0.0.0.0:${port}`]).toContain(listener.url);
  });

  test.skipIf(process.getuid?.() === 0)('says what a privileged port needs [Node]', async ({ net }) => {
    await expect(open(net, { tls: null, handler: ok }, { host: '127.0.0.1', port: 81 })).rejects.toThrow(
      /cannot listen on 127\.0\.0\.1:81: permission denied: a port below 1024 needs/,
    );
  });

  test('goes from HTTP to HTTPS and back without refusing a connection or breaking a response [Sluiceway]', async ({
    net,
  }) => {
    const held = new Gate();
    const certificate = await loopbackCertificate();
    const slow = toHandler((_request, response) => {
      response.write('begin ');
      void held.opened.then(() => response.end('end'));
    });
    const { listener, port } = await open(net, { tls: null, handler: slow });
    const running = await net.client(port);
    await running.get('/');
    const head = await running.readHead();
    listener.update({ tls: toTls(certificate), protocol: 'auto', proxyProtocol: null, handler: ok }, null);
    const secure = await net.client(port, { tls: { ca: certificate.ca } });
    await secure.get('/');
    expect((await secure.readResponse()).content.toString()).toBe('ok');
    listener.update({ tls: null, protocol: 'auto', proxyProtocol: null, handler: ok }, null);
    const plain = await net.client(port);
    await plain.get('/');
    expect((await plain.readResponse()).content.toString()).toBe('ok');
    held.open();
    const { complete, content } = await running.readContent(head);
    expect([complete, content.toString()]).toEqual([true, 'begin end']);
    await running.closed;
  });
});

describe('a listener on a Unix socket', () => {
  const ok = toHandler((_request, response) => response.end('ok'));
  const ask = (socketPath: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      send({ socketPath, agent: false }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });

  test('serves, has the given permissions, and removes the socket at its end [nginx]', async ({ net }) => {
    const path = join(scratchFolder(net), 'a.sock');
    const { listener } = await open(
      net,
      { tls: null, handler: ok },
      parseListenAddress(`unix:${path}`),
      0o660,
    );
    expect(listener.url).toBe(`unix:${path}`);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    expect(await ask(path)).toBe(200);
    listener.update({ tls: null, protocol: 'auto', proxyProtocol: null, handler: ok }, 0o600);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await listener.close();
    expect(existsSync(path)).toBe(false);
  });

  test('takes the place of a socket that a killed process has left [HAProxy]', async ({ net }) => {
    const path = join(scratchFolder(net), 'stale.sock');
    const killed = createServer().listen(path);
    await once(killed, 'listening');
    // A process that is killed does not remove its socket.
    const { _handle: handle } = killed as unknown as { _handle: { close(): void } };
    renameSync(path, `${path}.kept`);
    handle.close();
    renameSync(`${path}.kept`, path);
    await open(net, { tls: null, handler: ok }, { path });
    expect(await ask(path)).toBe(200);
  });

  test('takes neither the socket of another process nor a file', async ({ net }) => {
    const folder = scratchFolder(net);
    const [used, file] = [join(folder, 'used.sock'), join(folder, 'file')];
    const other = createServer().listen(used);
    net.cleanup(() => other.close());
    await once(other, 'listening');
    writeFileSync(file, 'content');
    chmodSync(file, 0o600);
    for (const path of [used, file]) {
      await expect(open(net, { tls: null, handler: ok }, { path })).rejects.toThrow(
        `cannot listen on unix:${path}: another process listens on it, or it is not a socket`,
      );
    }
    expect(existsSync(file)).toBe(true);
  });

  test('says that its directory does not exist, and not that it may not be used', async ({ net }) => {
    const path = join(scratchFolder(net), 'missing', 'a.sock');
    await expect(open(net, { tls: null, handler: ok }, { path })).rejects.toThrow(
      `cannot listen on unix:${path}: there is no such directory`,
    );
  });
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
