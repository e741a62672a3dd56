import { createServer } from 'node:net';
import { expect } from 'vitest';
import { loopbackCertificate, makeCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import { nowhere } from '../support/nowhere.js';
import { respondWith } from '../support/raw-origin.js';
import type { ProxyOptions, RunningProxy } from '../support/servers.js';
import { sized } from '../support/through.js';

const statusOf = async (
  net: Network,
  options: ProxyOptions,
): Promise<{ status: number; running: RunningProxy }> => {
  const running = await net.proxy(options);
  const client = await net.client(running);
  await client.get('/');
  const response = await client.readResponse();
  expect(response.complete).toBe(true);
  return { status: response.head.status, running };
};

test('a port that nobody listens on is answered 502, for an upload as well [Go ReverseProxy; nginx]', async ({
  net,
}) => {
  const origin = await net.origin(() => {});
  await origin.stop();
  const { status, running } = await statusOf(net, { upstream: origin.url });
  expect(status).toBe(502);
  expect(await running.record()).toMatchObject({ outcome: 'upstream_refused', error: 'connection_refused' });
  const client = await net.client(running);
  await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000\r\n\r\n');
  void client.send(Buffer.alloc(10_000_000));
  const response = await client.readResponse();
  expect(response.head.status).toBe(502);
  expect(response.complete).toBe(true);
});

test('a name that does not resolve is answered 502 [Go ReverseProxy]', async ({ net }) => {
  const { status, running } = await statusOf(net, { upstream: `http://${nowhere}` });
  expect(status).toBe(502);
  expect(await running.record()).toMatchObject({ outcome: 'upstream_refused', error: 'dns_error' });
});

test('a handshake that never comes is answered 504 after the connect timeout [RFC 9110 15.6.5; Caddy]', async ({
  net,
}) => {
  const sockets: { destroy(): void }[] = [];
  const silent = createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  net.cleanup(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as { port: number };
  const { status, running } = await statusOf(net, {
    upstream: `https://127.0.0.1:${port}`,
    timeouts: { connect: 150 },
  });
  expect(status).toBe(504);
  expect(await running.record()).toMatchObject({ outcome: 'upstream_timeout', error: 'connection_timeout' });
});

test('a server that speaks no TLS is answered 502 [RFC 9110 15.6.3]', async ({ net }) => {
  const origin = await net.origin(async (connection) => {
    await connection.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
  });
  const { status, running } = await statusOf(net, { upstream: origin.url.replace('http:', 'https:') });
  expect(status).toBe(502);
  expect((await running.record()).error).toBe('tls_protocol_error');
});

test('a server that speaks TLS where HTTP was asked for is answered 502 [RFC 9110 15.6.3]', async ({
  net,
}) => {
  const origin = await net.origin(respondWith(sized('x')), { tls: await loopbackCertificate() });
  const { status } = await statusOf(net, { upstream: `http://127.0.0.1:${origin.port}` });
  expect(status).toBe(502);
});

test('a certificate of somebody else is answered 502, and no request is sent [RFC 9110 4.3.4]', async ({
  net,
}) => {
  const other = await makeCertificate(['elsewhere.example']);
  let requests = 0;
  const origin = await net.origin(
    async (connection) => {
      await connection.readHead();
      requests += 1;
    },
    { tls: other },
  );
  for (const tls of [undefined, { ca: other.ca }]) {
    const { status, running } = await statusOf(net, { upstream: { url: origin.url, ...(tls && { tls }) } });
    expect(status).toBe(502);
    expect((await running.record()).error).toBe('tls_certificate_error');
  }
  expect(requests).toBe(0);
});

test('more requests than connections and places in line are answered 503 [RFC 9110 15.6.4; Caddy]', async ({
  net,
}) => {
  const origin = await net.origin(async (connection) => {
    await connection.readAll();
  });
  const running = await net.proxy({
    upstream: { url: origin.url, connections: { max: 1, maxQueued: 1 } },
    timeouts: { connect: 200 },
  });
  const clients = await Promise.all([1, 2, 3].map(() => net.client(running)));
  for (const client of clients) await client.get('/');
  const statuses = await Promise.all(
    clients.slice(1).map(async (client) => (await client.readResponse()).head.status),
  );
  expect(statuses).toEqual([503, 503]);
  expect(origin.total).toBe(1);
  expect(await running.record()).toMatchObject({ outcome: 'limited', error: 'connection_limit_reached' });
});
