import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { expect } from 'vitest';
import { attach, type ConnectionError, createProxy, type NodeServer, OptionsError } from '../../src/index.js';
import { loopbackCertificate, type TestCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import { until } from '../support/until.js';

/** A proxy on a server, and the errors that it reports. */
async function listen(net: Network, server: NodeServer) {
  const errors: ConnectionError[] = [];
  const proxy = createProxy({ onRequest: () => ({ status: 204 }) });
  attach(server, proxy, { onConnectionError: (error) => void errors.push(error) });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  net.cleanup(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  return { port, errors };
}

/** Sends bytes on a TCP connection, and waits until it is closed. */
function sendRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => void socket.end(bytes));
    socket.setEncoding('latin1').on('data', (chunk: string) => void (text += chunk));
    socket.on('error', () => {}).on('close', () => resolve(text));
  });
}

test('requests that Node cannot parse are reported with the client, and still answered [nginx]', async ({
  net,
}) => {
  const { port, errors } = await listen(net, createServer());
  expect(await sendRaw(port, 'not HTTP\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  expect(await sendRaw(port, `GET / HTTP/1.1\r\nA: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 431 /,
  );
  expect(errors).toMatchObject([
    { kind: 'http1', code: expect.stringMatching(/^HPE_/) as string, clientAddress: '127.0.0.1' },
    { kind: 'http1', code: 'HPE_HEADER_OVERFLOW', clientAddress: '127.0.0.1' },
  ]);
  for (const { message } of errors) expect(message).not.toContain('\n');
});

test('a head that does not arrive in time is reported [nginx]', async ({ net }) => {
  const server = createServer({ connectionsCheckingInterval: 10 });
  const { port, errors } = await listen(net, server);
  server.headersTimeout = 20;
  const socket = connect(port, '127.0.0.1', () => void socket.write('GET / HTTP/1.1\r\n'));
  net.cleanup(() => socket.destroy());
  await until(() => errors.length > 0, 'the error was reported');
  expect(errors).toMatchObject([{ kind: 'http1', code: 'ERR_HTTP_REQUEST_TIMEOUT' }]);
});

test.for<[string, (options: TestCertificate) => NodeServer]>([
  ['https', (options) => createTlsServer(options)],
  ['HTTP/2', (options) => createSecureServer(options)],
])(
  'over %s a handshake that fails is reported, with the reason only [nginx]',
  async ([, create], { net }) => {
    const { port, errors } = await listen(net, create(await loopbackCertificate()));
    await sendRaw(port, 'GET / HTTP/1.1\r\nHost: test\r\n\r\n');
    await until(() => errors.length === 1, 'the error was reported');
    expect(errors).toEqual([
      {
        kind: 'tls',
        code: 'ERR_SSL_HTTP_REQUEST',
        message: 'http request',
        clientAddress: '127.0.0.1',
      },
    ]);
  },
);

test('an HTTP/2 session that breaks the protocol is reported [nghttp2]', async ({ net }) => {
  const { ca, ...certificate } = await loopbackCertificate();
  const { port, errors } = await listen(net, createSecureServer(certificate));
  const socket = connectTls({ port, host: '127.0.0.1', ca, ALPNProtocols: ['h2'] }, () =>
    socket.end('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nthis is no frame at all, whatever it is taken for'),
  );
  socket.on('error', () => {}).resume();
  await until(() => errors.length > 0, 'the error was reported');
  expect(errors[0]).toMatchObject({ kind: 'http2', clientAddress: '127.0.0.1' });
});

test('clients that only connect and leave are not reported [Sluiceway]', async ({ net }) => {
  const { port, errors } = await listen(net, createServer());
  await sendRaw(port, '');
  expect(await sendRaw(port, 'GET / HTTP/1.1\r\nHost: test\r\n\r\n')).toMatch(/^HTTP\/1\.1 204 /);
  const socket = connect(port, '127.0.0.1', () => void socket.resetAndDestroy());
  await new Promise((resolve) => socket.once('close', resolve));
  await sendRaw(port, 'GET / HTTP/1.1\r\nHost: test\r\n\r\n');
  expect(errors).toEqual([]);
});

test('an error of the listener is a warning, and the client is answered [Sluiceway]', async ({ net }) => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error): void => void warnings.push(warning);
  process.on('warning', onWarning);
  net.cleanup(() => process.off('warning', onWarning));
  const server = createServer();
  attach(server, createProxy({ onRequest: () => ({ status: 204 }) }), {
    onConnectionError: () => {
      throw new Error('the log is broken');
    },
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  net.cleanup(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  expect(await sendRaw(port, 'not HTTP\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  await until(() => warnings.length > 0, 'the warning was emitted');
  expect(warnings[0]?.message).toBe('the log is broken');
});

test('unknown options of attach are refused [Sluiceway]', () => {
  const proxy = createProxy({ upstream: 'http://127.0.0.1:1' });
  const mount = (options: object) => () => attach(createServer(), proxy, options);
  expect(mount({ onError: () => {} })).toThrow(OptionsError);
  expect(mount({ onConnectionError: 'log' })).toThrow('options.onConnectionError');
});
