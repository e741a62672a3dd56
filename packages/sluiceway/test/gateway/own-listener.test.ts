import { randomBytes } from 'node:crypto';
import type { EventEmitter } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from 'node:net';
import { describe, expect } from 'vitest';
import { type FetchHandler, toFetch } from '../../src/fetch.js';
import { createDownloadGateway, type Gateway, type GatewayOptions } from '../../src/gateway.js';
import type { NodeServer } from '../../src/index.js';
import { startFetchHost } from '../adapters/fetch-host.js';
import { loopbackCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';

/** A gateway that no `attach` tells anything, and an origin server that redirects to `place()`. */
async function redirecting(
  net: Network,
  place: () => string,
  options: Partial<GatewayOptions> = {},
): Promise<{ gateway: Gateway; asked: () => number; link: string }> {
  let requests = 0;
  const origin = await net.origin(
    respondWith(() => {
      requests += 1;
      return sized('', [`Location: ${place()}`], 'HTTP/1.1 302 Found');
    }),
  );
  const gateway = createDownloadGateway({
    keys: [{ id: 'k', secret: randomBytes(32).toString('base64url') }],
    guard: { allowAddresses: ['127.0.0.0/8', '::1'], allowPorts: 'any' },
    ...options,
  });
  net.cleanup(() => gateway.destroy());
  return {
    gateway,
    asked: () => requests,
    link: gateway.sign({ url: `${origin.url}/start`, expires: '1h' }),
  };
}

/** Listens until the test ends. */
async function listen(net: Network, server: NodeServer | Server, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>();
  const events: EventEmitter = server;
  events.on('connection', (socket: Socket) => void sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  net.cleanup(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

const handling =
  (handler: () => Gateway): RequestListener =>
  (request, response) =>
    void handler().handle(request, response);

/** What a client of that port gets for a link. */
async function statusOf(net: Network, port: number, link: string): Promise<number> {
  const client = await net.client(port);
  await client.get(link);
  return (await client.readResponse()).head.status;
}

describe('a gateway without attach', () => {
  test.for([
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.5'],
    ['::', '127.0.0.5'],
    ['::', '[::1]'],
    ['127.0.0.1', '[::ffff:127.0.0.1]'],
  ] as const)(
    'behind a server at %s does not follow a redirect to it as %s [smokescreen]',
    async ([bound, host], { net }) => {
      let port = 0;
      const requests: string[] = [];
      const server = createServer((request, response) => {
        requests.push(request.url ?? '');
        handling(() => line.gateway)(request, response);
      });
      port = await listen(net, server, bound);
      const line = await redirecting(net, () => `http://${host}:${port}${line.link}`);
      expect(await statusOf(net, port, line.link)).toBe(403);
      expect([requests.length, line.asked()]).toEqual([1, 1]);
    },
  );

  test('does not fetch from its own server, whoever has signed the link [smokescreen]', async ({ net }) => {
    const { gateway } = await redirecting(net, () => '');
    const port = await listen(net, createServer(handling(() => gateway)));
    const link = gateway.sign({ url: `http://127.0.0.1:${port}/download?x`, expires: '1h' });
    expect(await statusOf(net, port, link)).toBe(403);
  });

  test('behind a server of node:https does not follow a redirect to it [smokescreen]', async ({ net }) => {
    const certificate = await loopbackCertificate();
    let port = 0;
    const line = await redirecting(net, () => `https://127.0.0.1:${port}/download?x`, {
      tls: { ca: certificate.ca },
    });
    const { cert, key } = certificate;
    port = await listen(
      net,
      createTlsServer(
        { cert, key },
        handling(() => line.gateway),
      ),
    );
    const client = await net.client(port, { tls: { ca: certificate.ca } });
    await client.get(line.link);
    expect((await client.readResponse()).head.status).toBe(403);
  });

  test('behind a server of node:http2 does not follow a redirect to it [smokescreen]', async ({ net }) => {
    let port = 0;
    const line = await redirecting(net, () => `http://127.0.0.1:${port}/download?x`);
    const server = createHttp2Server((request, response) => void line.gateway.handle(request, response));
    port = await listen(net, server);
    const client = await net.http2({ port, ca: undefined });
    expect((await client.get(line.link)).status).toBe(403);
  });

  test('counts a socket whose server is not known for all addresses of the machine [Sluiceway]', async ({
    net,
  }) => {
    const { gateway } = await redirecting(net, () => '');
    const http = createServer(handling(() => gateway));
    const port = await listen(
      net,
      createTcpServer((socket) => {
        Object.assign(socket, { server: null });
        http.emit('connection', socket);
      }),
    );
    const link = gateway.sign({ url: `http://127.0.0.9:${port}/`, expires: '1h' });
    expect(await statusOf(net, port, link)).toBe(403);
  });

  test('behind an address that is not its own machine’s learns from CDN-Loop that a redirect has led to it [RFC 8586 2]', async ({
    net,
  }) => {
    let outside = 0;
    const line = await redirecting(net, () => `http://127.0.0.1:${outside}${line.link}`);
    const inside = await listen(net, createServer(handling(() => line.gateway)));
    // As a router or a load balancer would forward it.
    outside = await listen(
      net,
      createTcpServer((socket) => {
        const on = connect(inside, '127.0.0.1');
        socket.on('error', () => on.destroy()).pipe(on);
        on.on('error', () => socket.destroy()).pipe(socket);
      }),
    );
    expect(await statusOf(net, outside, line.link)).toBe(502);
    expect(line.asked()).toBe(2);
  });
});

describe('a gateway on a host of Request and Response', () => {
  test('that shows the connection does not follow a redirect to itself [smokescreen]', async ({ net }) => {
    const line = await redirecting(net, () => `http://127.0.0.1:${host.port}${line.link}`);
    const handler = toFetch(line.gateway);
    const host = await startFetchHost(handler, 'destroys', 'shows the connection');
    net.cleanup(() => host.close());
    expect(await statusOf(net, host.port, line.link)).toBe(403);
    expect(line.asked()).toBe(1);
  });

  test.for([
    ['the context of Hono', (incoming: unknown) => ({ env: { incoming } })],
    ['an event of h3', (req: unknown) => ({ node: { req } })],
    ['an event of SvelteKit', (req: unknown) => ({ platform: { req } })],
  ] as const)('finds the connection in %s [smokescreen]', async ([, toHost], { net }) => {
    const line = await redirecting(net, () => '');
    const handler = toFetch(line.gateway);
    const wrapped: FetchHandler = (request, host) =>
      handler(request, toHost((host as { incoming: unknown }).incoming));
    const host = await startFetchHost(wrapped, 'destroys', 'shows the connection');
    net.cleanup(() => host.close());
    const link = line.gateway.sign({ url: `http://127.0.0.1:${host.port}/`, expires: '1h' });
    expect(await statusOf(net, host.port, link)).toBe(403);
  });

  test('that does not show it ends a loop of redirects at the second request [RFC 8586 2]', async ({
    net,
  }) => {
    const line = await redirecting(net, () => `http://127.0.0.1:${host.port}${line.link}`);
    const host = await startFetchHost(toFetch(line.gateway));
    net.cleanup(() => host.close());
    expect(await statusOf(net, host.port, line.link)).toBe(502);
    expect(line.asked()).toBe(2);
  });

  test('that does not show it ends a loop without a redirect once a request names the host that it goes to [RFC 8586 2]', async ({
    net,
  }) => {
    const gateway = createDownloadGateway({
      unsigned: true,
      guard: { allowHosts: ['*'], allowAddresses: ['127.0.0.1'], allowPorts: 'any' },
    });
    net.cleanup(() => gateway.destroy());
    let requests = 0;
    const handler = toFetch(gateway);
    const host = await startFetchHost((request) => {
      requests += 1;
      const here = `http://127.0.0.1:${host.port}/`;
      return handler(new Request(`${here}download?url=${encodeURIComponent(here)}`, request));
    });
    net.cleanup(() => host.close());
    const client = await net.client(host.port);
    await client.send(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${host.port}\r\n\r\n`);
    expect((await client.readResponse()).head.status).toBe(502);
    expect(requests).toBe(2);
  });
});
