import type { EventEmitter } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, vi } from 'vitest';
import { loopbackCertificate } from '../support/certificates.js';
import { test } from '../support/fixture.js';
import type { ProxyListenOptions } from '../support/servers.js';
import { until } from '../support/until.js';

test.for([
  ['HTTP/1.1', async () => ({})],
  ['HTTP/1.1 over TLS', async () => ({ tls: await loopbackCertificate() })],
  ['HTTP/2', async () => ({ http2: 'h2c' })],
  ['HTTP/2 over TLS', async () => ({ http2: 'tls' })],
] satisfies [string, () => Promise<ProxyListenOptions>][])(
  'a connection of a client has TCP keep-alive, with %s [Go; HAProxy]',
  async ([, listen], { net }) => {
    const running = await net.proxy({ upstream: 'http://127.0.0.1:9' }, await listen());
    const calls: unknown[][] = [];
    const server: EventEmitter = running.server;
    server.prependListener('connection', (socket: Socket) => {
      vi.spyOn(socket, 'setKeepAlive').mockImplementation((...given) => {
        calls.push(given);
        return socket;
      });
    });
    const socket = connect(running.port, '127.0.0.1');
    net.cleanup(() => socket.destroy());
    await until(() => running.open === 1, 'the connection was accepted');
    expect(calls).toEqual([[true, 60_000]]);
  },
);
