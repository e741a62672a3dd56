import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type Server } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { beforeAll, describe, expect } from 'vitest';
import { attach, createProxy } from '../../src/index.js';
import { loopbackCertificate, type TestCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import { RawClient } from '../support/raw-client.js';
import { type RawOrigin, respondWith } from '../support/raw-origin.js';
import { requireAddress, testWith } from '../support/requirements.js';
import type { ProxyOptions } from '../support/servers.js';
import { sized, through } from '../support/through.js';

const ipv6 = requireAddress('::1');

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await loopbackCertificate();
});

/** Answers with the forwarding fields of the request, one a line. */
const answerForwarding = respondWith((head) =>
  sized(head.lines.filter((line) => /^(x-forwarded-|forwarded:|x-real-ip)/i.test(line)).join('\n')),
);

const CLAIMS = [
  'X-Forwarded-For: 192.0.2.1',
  'X-Forwarded-Host: claimed.example',
  'X-Forwarded-Proto: https',
  'Forwarded: for=192.0.2.1',
];

/** What the origin server is told of a client that asks for the host `test`, and claims what `lines` say. */
async function told(client: RawClient, lines: readonly string[] = CLAIMS): Promise<string[]> {
  await client.get('/', lines);
  const { content } = await client.readResponse();
  return content.length === 0 ? [] : content.toString().split('\n');
}

/** A proxy on a server that listens nowhere yet. */
async function unbound(
  net: Network,
  options: Omit<ProxyOptions, 'upstream'> = {},
): Promise<{ server: Server; origin: RawOrigin }> {
  const origin = await net.origin(answerForwarding);
  const proxy = createProxy({ upstream: origin.url, ...options });
  const server = createHttpServer();
  attach(server, proxy);
  net.cleanup(async () => {
    server.closeAllConnections();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
    await proxy.close();
  });
  return { server, origin };
}

async function connected(net: Network, socket: Socket): Promise<RawClient> {
  await once(socket, 'connect');
  const client = new RawClient(socket);
  net.cleanup(() => client.close());
  return client;
}

test('a client over TLS has https in X-Forwarded-Proto [Go ReverseProxy]', async ({ net }) => {
  const origin = await net.origin(answerForwarding);
  const running = await net.proxy({ upstream: origin.url }, { tls: certificate });
  const client = await net.client(running, { tls: { ca: certificate.ca } });
  expect(await told(client, ['X-Forwarded-Proto: http'])).toEqual([
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-Host: test',
    'X-Forwarded-Proto: https',
  ]);
});

testWith(ipv6)(
  'a client over IPv6 is named without brackets and without a port [Go ReverseProxy]',
  async ({ net }) => {
    const { server } = await unbound(net);
    await once(server.listen(0, '::1'), 'listening');
    const client = await net.client((server.address() as AddressInfo).port, { host: '::1' });
    expect(await told(client)).toEqual([
      'X-Forwarded-For: ::1',
      'X-Forwarded-Host: test',
      'X-Forwarded-Proto: http',
    ]);
  },
);

testWith(ipv6)(
  'a trusted proxy over IPv6 is added to Forwarded in brackets and quotes [RFC 7239 6]',
  async ({ net }) => {
    const { server } = await unbound(net, { trustedProxies: ['::1'] });
    await once(server.listen(0, '::1'), 'listening');
    const client = await net.client((server.address() as AddressInfo).port, { host: '::1' });
    expect(await told(client, ['Forwarded: for=192.0.2.1'])).toContain(
      'Forwarded: for=192.0.2.1, for="[::1]";host=test;proto=http',
    );
  },
);

describe('a client without an address', () => {
  test.skipIf(process.platform === 'win32')(
    'on a Unix socket has its forwarding fields removed, and gets none [Caddy]',
    async ({ net }) => {
      const folder = mkdtempSync(join(tmpdir(), 'sluiceway-socket-'));
      net.cleanup(() => rmSync(folder, { recursive: true }));
      const { server } = await unbound(net);
      const path = join(folder, 'proxy');
      await once(server.listen(path), 'listening');
      expect(await told(await connected(net, connect(path)))).toEqual([]);
    },
  );

  test('on a stream that is no socket is served like one on a Unix socket [Caddy; Node]', async ({ net }) => {
    const { server } = await unbound(net);
    const tcp = createServer((socket) => void server.emit('connection', toStream(socket)));
    await once(tcp.listen(0, '127.0.0.1'), 'listening');
    const client = await net.client((tcp.address() as AddressInfo).port);
    net.cleanup(() => new Promise((resolve) => tcp.close(resolve)));
    expect(await told(client)).toEqual([]);
    expect(await told(client, [])).toEqual([]);
    client.close();
  });
});

/** What a socket carries, without anything else that a socket has. */
function toStream(socket: Socket): Duplex {
  const stream = new Duplex({
    read: () => void socket.resume(),
    write: (bytes: Buffer, _encoding, done) => void socket.write(bytes, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (bytes) => {
    if (!stream.push(bytes)) socket.pause();
  });
  socket.on('end', () => stream.push(null));
  socket.on('error', (error) => stream.destroy(error));
  socket.on('close', () => stream.destroy());
  return stream;
}

describe('the forwarding fields', () => {
  test('are left out where a hook removes them [Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(net, answerForwarding, {
      onUpstreamRequest: ({ upstreamRequest }) => void upstreamRequest.headers.delete('X-Forwarded-For'),
    });
    expect(await told(client)).toEqual(['X-Forwarded-Host: test', 'X-Forwarded-Proto: http']);
  });

  test('of the client reach the origin server where a hook puts them back [Go ReverseProxy]', async ({
    net,
  }) => {
    const { client } = await through(net, answerForwarding, {
      onUpstreamRequest: ({ request, upstreamRequest }) =>
        void upstreamRequest.headers.set('X-Forwarded-For', request.headers.getAll('x-forwarded-for')),
    });
    expect(await told(client)).toContain('X-Forwarded-For: 192.0.2.1');
  });

  test('are neither passed on nor made under the thirdParty profile [Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(net, answerForwarding, { profile: 'thirdParty', addresses: 'any' });
    expect(await told(client)).toEqual([]);
  });

  test('are made where a hook asks for them under the thirdParty profile [Go ReverseProxy]', async ({
    net,
  }) => {
    const { client } = await through(net, answerForwarding, {
      profile: 'thirdParty',
      addresses: 'any',
      onUpstreamRequest: ({ upstreamRequest }) => upstreamRequest.setForwarded(),
    });
    expect(await told(client)).toEqual([
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Host: test',
      'X-Forwarded-Proto: http',
    ]);
  });

  test('are the same where a hook asks for them twice [Go ReverseProxy]', async ({ net }) => {
    const { client } = await through(net, answerForwarding, {
      onUpstreamRequest: ({ upstreamRequest }) => upstreamRequest.setForwarded(),
    });
    expect(await told(client)).toEqual([
      'X-Forwarded-For: 127.0.0.1',
      'X-Forwarded-Host: test',
      'X-Forwarded-Proto: http',
    ]);
  });
});
