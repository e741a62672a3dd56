import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import tls from 'node:tls';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { SluicewayError } from '../../src/errors.js';
import { type AddressPolicy, anyAddress, publicAddresses } from '../../src/net/address-policy.js';
import type { Dialling, DialOptions } from '../../src/net/dial-attempt.js';
import { dial } from '../../src/net/dialer.js';
import type { Resolver } from '../../src/net/resolver.js';
import { makeCertificate, type TestCertificate } from '../support/certificates.js';
import { nowhere } from '../support/nowhere.js';
import { until } from '../support/until.js';

const NAME = 'origin.test';
/** A second loopback address: IPv6 where the machine has it, as a container may not. */
const SILENT = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.address === '::1')
  ? '::1'
  : '127.0.0.2';

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await makeCertificate([NAME, '127.0.0.1']);
});

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

interface Listening {
  server: net.Server;
  port: number;
  /** Connections accepted so far. */
  accepted: net.Socket[];
}

async function listen(server: net.Server, host = '127.0.0.1', port = 0): Promise<Listening> {
  const accepted: net.Socket[] = [];
  server.on('connection', (socket: net.Socket) => {
    accepted.push(socket);
    socket.on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  server.listen(port, host);
  await once(server, 'listening');
  stops.push(() => {
    for (const socket of accepted) socket.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return { server, port: (server.address() as AddressInfo).port, accepted };
}

/** Sends back what it gets. */
const echo = (socket: net.Socket): void => {
  socket.on('error', () => {});
  socket.pipe(socket);
};

const startEcho = (protocol: 'http:' | 'https:', port = 0): Promise<Listening> =>
  listen(
    protocol === 'http:' ? net.createServer(echo) : tls.createServer({ ...certificate, ca: undefined }, echo),
    '127.0.0.1',
    port,
  );

/** Accepts nothing and answers no SYN: a listener whose thread is blocked and whose queue is full. */
async function startHanging(host: string): Promise<number> {
  const code = `
    const { parentPort } = require('node:worker_threads');
    const server = require('node:net').createServer();
    server.listen({ host: ${JSON.stringify(host)}, port: 0, backlog: 1, ipv6Only: ${net.isIPv6(host)} }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });
    parentPort.on('message', () => {});`;
  const worker = new Worker(code, { eval: true });
  const [port] = (await once(worker, 'message')) as [number];
  const fillers = Array.from({ length: 6 }, () => net.connect({ host, port }).on('error', () => {}));
  stops.push(() => {
    for (const filler of fillers) filler.destroy();
    return worker.terminate();
  });
  await until(() => fillers.filter((filler) => !filler.connecting).length >= 2, 'the queue is full');
  return port;
}

const resolveTo = (...addresses: string[]): Resolver => ({
  resolve: () =>
    Promise.resolve(addresses.map((address) => ({ address, family: net.isIPv6(address) ? 6 : 4 }))),
});

interface Dialled {
  dialling: Dialling;
  /** Resolves with the socket or the error. */
  told: Promise<net.Socket | SluicewayError>;
  calls: number;
  received: Buffer[];
  /** Every buffer that the socket asked for. */
  lent: Uint8Array[];
  /** The first TLS session. */
  session: Promise<Buffer>;
}

function start(protocol: 'http:' | 'https:', port: number, options: Partial<DialOptions> = {}): Dialled {
  const received: Buffer[] = [];
  const lent: Uint8Array[] = [];
  let tell: (result: net.Socket | SluicewayError) => void;
  const told = new Promise<net.Socket | SluicewayError>((resolve) => {
    tell = resolve;
  });
  let keepSession: (session: Buffer) => void;
  const session = new Promise<Buffer>((resolve) => {
    keepSession = resolve;
  });
  const dialled: Omit<Dialled, 'dialling'> = { told, calls: 0, received, lent, session };
  const dialling = dial(
    {
      destination: { protocol, hostname: NAME, port },
      policy: anyAddress,
      resolver: resolveTo('127.0.0.1'),
      connectTimeoutMs: 15_000,
      tls: { ca: certificate.ca },
      onread: {
        buffer: () => {
          const buffer = new Uint8Array(1024);
          lent.push(buffer);
          return buffer;
        },
        callback: (bytesRead, buffer) => {
          received.push(Buffer.from(buffer.subarray(0, bytesRead)));
          return true;
        },
      },
      ...options,
    },
    {
      connected(socket) {
        dialled.calls++;
        stops.push(() => socket.destroy());
        tell(socket);
      },
      failed(error) {
        dialled.calls++;
        tell(error);
      },
      session: (each) => keepSession(each),
    },
  );
  return Object.assign(dialled, { dialling });
}

async function connect(dialled: Dialled): Promise<net.Socket> {
  const told = await dialled.told;
  if (!(told instanceof net.Socket)) throw told;
  return told;
}

async function fail(dialled: Dialled): Promise<SluicewayError> {
  const told = await dialled.told;
  if (told instanceof net.Socket) throw new Error('connected');
  return told;
}

const literal = (protocol: 'http:' | 'https:', hostname: string, port: number): Partial<DialOptions> => ({
  destination: { protocol, hostname, port },
});

/** Sends a word through the echo and waits until all of it is back, through `onread`. */
async function expectEcho(dialled: Dialled, socket: net.Socket): Promise<void> {
  let dataEvents = 0;
  socket.on('data', () => dataEvents++);
  const word = 'x'.repeat(5000);
  socket.write(word);
  await until(() => Buffer.concat(dialled.received).length >= word.length, 'the echo is back');
  expect(Buffer.concat(dialled.received).toString()).toBe(word);
  // The bytes went straight to our buffers and nowhere else.
  expect(dataEvents).toBe(0);
  expect(dialled.lent.length).toBeGreaterThan(4);
}

describe.each(['http:', 'https:'] as const)('%s', (protocol) => {
  test('a name is looked up, connected and read through onread', async () => {
    const { port } = await startEcho(protocol);
    const dialled = start(protocol, port);
    const socket = await connect(dialled);
    await expectEcho(dialled, socket);
    expect(dialled.calls).toBe(1);
  });

  test('an address needs no lookup', async () => {
    const { port } = await startEcho(protocol);
    const resolver = { resolve: () => Promise.reject(new Error('asked')) };
    const dialled = start(protocol, port, { ...literal(protocol, '127.0.0.1', port), resolver });
    const socket = await connect(dialled);
    expect(socket.remoteAddress).toBe('127.0.0.1');
    await expectEcho(dialled, socket);
  });

  test('a refusing address is passed over, and onread works on the next', async () => {
    const { port } = await startEcho(protocol);
    const dialled = start(protocol, port, { resolver: resolveTo(SILENT, '127.0.0.1') });
    const socket = await connect(dialled);
    expect(socket.remoteAddress).toBe('127.0.0.1');
    await expectEcho(dialled, socket);
  });

  test('a silent address is passed over in time, and onread works on the next', async () => {
    const port = await startHanging(SILENT);
    await startEcho(protocol, port);
    const began = performance.now();
    const dialled = start(protocol, port, { resolver: resolveTo(SILENT, '127.0.0.1') });
    const socket = await connect(dialled);
    expect(performance.now() - began).toBeLessThan(3000);
    expect(socket.remoteAddress).toBe('127.0.0.1');
    await expectEcho(dialled, socket);
  });

  test('a prohibited address is not contacted', async () => {
    const { port, accepted } = await startEcho(protocol);
    const dialled = start(protocol, port, {
      ...literal(protocol, '127.0.0.1', port),
      policy: publicAddresses,
    });
    expect(dialled.calls).toBe(0);
    const error = await fail(dialled);
    expect(error.code).toBe('destination_ip_prohibited');
    expect(error.message).toContain('loopback');
    expect(error.publicMessage).not.toContain('127');
    expect(error.retryable).toBe(false);
    await expectEcho(...(await probe(protocol, port)));
    expect(accepted.length).toBe(1);
  });

  test('a name with prohibited addresses only is not contacted', async () => {
    const { port, accepted } = await startEcho(protocol);
    const resolver = resolveTo('127.0.0.1', '10.0.0.1');
    const error = await fail(start(protocol, port, { policy: publicAddresses, resolver }));
    expect(error.code).toBe('destination_ip_prohibited');
    expect(error.message).toBe('origin.test: 127.0.0.1 is in a loopback range');
    await expectEcho(...(await probe(protocol, port)));
    expect(accepted.length).toBe(1);
  });

  test('of several addresses only allowed ones are dialled', async () => {
    const { port } = await startEcho(protocol);
    const asked: string[] = [];
    const policy: AddressPolicy = {
      decide: (address) => {
        asked.push(address);
        return { allowed: address === '127.0.0.1', reason: 'test' };
      },
    };
    const socket = await connect(start(protocol, port, { policy, resolver: resolveTo(SILENT, '127.0.0.1') }));
    expect(socket.remoteAddress).toBe('127.0.0.1');
    // The peer was judged once more.
    expect(asked).toEqual([SILENT, '127.0.0.1', '127.0.0.1']);
  });

  test('a peer that is not the one that was allowed gets nothing', async () => {
    const { port, accepted } = await startEcho(protocol);
    let answers = 0;
    const policy: AddressPolicy = { decide: () => ({ allowed: answers++ === 0, reason: 'changed' }) };
    const error = await fail(start(protocol, port, { policy }));
    expect(error.code).toBe('destination_ip_prohibited');
    await until(() => accepted[0]?.destroyed === true, 'the connection is closed');
    expect(accepted[0]?.bytesRead).toBe(0);
  });

  test('a refused connection is retryable', async () => {
    const { server, port } = await startEcho(protocol);
    await new Promise((resolve) => server.close(resolve));
    const error = await fail(start(protocol, port));
    expect(error).toMatchObject({ code: 'connection_refused', retryable: true });
    const both = await fail(start(protocol, port, { resolver: resolveTo(SILENT, '127.0.0.1') }));
    expect(both).toMatchObject({ code: 'connection_refused', retryable: true });
  });

  test('a silent address ends in connection_timeout', async () => {
    const port = await startHanging(SILENT);
    const options = { ...literal(protocol, SILENT, port), connectTimeoutMs: 100 };
    expect(await fail(start(protocol, port, options))).toMatchObject({
      code: 'connection_timeout',
      retryable: true,
    });
  });

  test('a silent resolver ends in dns_timeout', async () => {
    const resolver = { resolve: () => new Promise<never>(() => {}) };
    expect(await fail(start(protocol, 1, { resolver, connectTimeoutMs: 50 }))).toMatchObject({
      code: 'dns_timeout',
      retryable: true,
    });
  });

  test.each([
    ['fails', { resolve: () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })) }],
    [
      'throws',
      {
        resolve: () => {
          throw Object.assign(new Error('no'), { code: 'EAI_AGAIN' });
        },
      },
    ],
    ['finds nothing', resolveTo()],
    ['returns a name', resolveTo('localhost')],
  ] satisfies [string, Resolver][])('a resolver that %s ends in dns_error', async (_, resolver) => {
    expect(await fail(start(protocol, 1, { resolver }))).toMatchObject({
      code: 'dns_error',
      retryable: true,
    });
  });

  test('a name that the system cannot resolve ends in dns_error', async () => {
    const { systemResolver } = await import('../../src/net/system-resolver.js');
    const options = {
      destination: { protocol, hostname: nowhere, port: 1 },
      resolver: systemResolver,
    };
    expect(await fail(start(protocol, 1, options))).toMatchObject({ code: 'dns_error', retryable: true });
  });

  test('an impossible port fails without a throw', async () => {
    const dialled = start(protocol, 70_000);
    expect(dialled.calls).toBe(0);
    expect((await fail(dialled)).code).toBe('proxy_configuration_error');
  });

  test.each(['while resolving', 'while connecting'])('cancel %s is silent', async (when) => {
    const port = await startHanging(SILENT);
    let answer: (() => void) | undefined;
    const resolver: Resolver = {
      resolve: () =>
        new Promise((resolve) => {
          answer = () => resolve([{ address: SILENT, family: net.isIPv6(SILENT) ? 6 : 4 }]);
        }),
    };
    const dialled = start(
      protocol,
      port,
      when === 'while resolving' ? { resolver } : literal(protocol, SILENT, port),
    );
    dialled.dialling.cancel();
    answer?.();
    dialled.dialling.cancel();
    // What comes after a later dial on the same loop would have come by then.
    const { port: other } = await startEcho(protocol);
    await connect(start(protocol, other));
    expect(dialled.calls).toBe(0);
  });

  test('cancel between two attempts stops the next one', async () => {
    const port = await startHanging(SILENT);
    const { accepted } = await startEcho(protocol, port);
    const resolver = resolveTo(SILENT, '127.0.0.1');
    const cancelled = start(protocol, port, { resolver });
    // Passes over the silent address later than the first one would.
    const second = start(protocol, port, { resolver });
    await new Promise((resolve) => setImmediate(resolve));
    cancelled.dialling.cancel();
    await connect(second);
    expect(cancelled.calls).toBe(0);
    expect(accepted.length).toBe(1);
  });

  test('cancel after the connection stands leaves it alone', async () => {
    const { port } = await startEcho(protocol);
    const dialled = start(protocol, port);
    const socket = await connect(dialled);
    dialled.dialling.cancel();
    await expectEcho(dialled, socket);
    expect(socket.destroyed).toBe(false);
  });

  test('a reset that nobody listens for is not thrown', async () => {
    const { port, accepted } = await startEcho(protocol);
    const socket = await connect(start(protocol, port));
    accepted[0]?.resetAndDestroy();
    // `once` would listen for the error too.
    await new Promise((resolve) => socket.on('close', resolve));
    expect(socket.listenerCount('error')).toBeGreaterThan(0);
  });

  test('half-open connections can be asked for', async () => {
    const origin = await listen(
      protocol === 'http:'
        ? net.createServer({ allowHalfOpen: true })
        : tls.createServer({ cert: certificate.cert, key: certificate.key, allowHalfOpen: true }),
    );
    const event = protocol === 'http:' ? 'connection' : 'secureConnection';
    const accepted = once(origin.server, event) as Promise<[net.Socket]>;
    const socket = await connect(start(protocol, origin.port, { allowHalfOpen: true }));
    const [peer] = await accepted;
    peer.end('bye');
    await once(socket, 'end');
    socket.end('still here');
    peer.setEncoding('utf8');
    expect(await once(peer, 'data')).toEqual(['still here']);
  });
});

async function probe(protocol: 'http:' | 'https:', port: number): Promise<[Dialled, net.Socket]> {
  const dialled = start(protocol, port);
  return [dialled, await connect(dialled)];
}

describe('TLS', () => {
  const startTls = (options: tls.TlsOptions = {}): Promise<Listening> =>
    listen(tls.createServer({ cert: certificate.cert, key: certificate.key, ...options }, echo));

  test('an untrusted certificate is refused', async () => {
    const { port } = await startTls();
    expect(await fail(start('https:', port, { tls: {} }))).toMatchObject({
      code: 'tls_certificate_error',
      retryable: true,
    });
  });

  test('a certificate for another name is refused', async () => {
    const { port } = await startTls();
    const options = {
      destination: { protocol: 'https:' as const, hostname: 'other.test', port },
      resolver: resolveTo('127.0.0.1'),
    };
    expect((await fail(start('https:', port, options))).code).toBe('tls_certificate_error');
    const expected = { ca: certificate.ca, servername: NAME };
    await connect(start('https:', port, { ...options, tls: expected }));
  });

  test('an expired certificate is refused', async () => {
    const expired = await makeCertificate([NAME], {
      notBefore: new Date('2020-01-01'),
      notAfter: new Date('2021-01-01'),
    });
    const { port } = await startTls({ cert: expired.cert, key: expired.key });
    expect((await fail(start('https:', port, { tls: { ca: expired.ca } }))).code).toBe(
      'tls_certificate_error',
    );
  });

  test('neither the environment nor a stray option turns verification off', async () => {
    const { port } = await startTls();
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const stray = { servername: NAME, rejectUnauthorized: false, checkServerIdentity: () => undefined };
      expect((await fail(start('https:', port, { tls: stray }))).code).toBe('tls_certificate_error');
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
  });

  test.each([
    ['a name', NAME, NAME],
    ['a name with a trailing dot', `${NAME}.`, NAME],
    ['an address', '127.0.0.1', false],
  ])('the server name asked for is right for %s', async (_, hostname, expected) => {
    const { server, port } = await startTls();
    const secured = once(server, 'secureConnection') as Promise<[tls.TLSSocket]>;
    await connect(start('https:', port, { destination: { protocol: 'https:', hostname, port } }));
    const [peer] = await secured;
    expect(peer.servername).toBe(expected);
  });

  test('http/1.1 is asked for by ALPN', async () => {
    const { server, port } = await startTls({ ALPNProtocols: ['h2', 'http/1.1'] });
    const secured = once(server, 'secureConnection') as Promise<[tls.TLSSocket]>;
    await connect(start('https:', port));
    const [peer] = await secured;
    expect(peer.alpnProtocol).toBe('http/1.1');
  });

  test.each(['TLSv1.2', 'TLSv1.3'] as const)('a session of %s is resumed', async (version) => {
    const { port } = await startTls({ minVersion: version, maxVersion: version });
    const first = start('https:', port);
    await connect(first);
    const session = await first.session;
    expect(first.calls).toBe(1);
    const dialled = start('https:', port, { tls: { ca: certificate.ca, session } });
    const second = (await connect(dialled)) as tls.TLSSocket;
    expect(second.isSessionReused()).toBe(true);
    await expectEcho(dialled, second);
  });

  test('a secure context made once serves many connections', async () => {
    const { port } = await startTls();
    const secureContext = tls.createSecureContext({ ca: certificate.ca });
    const first = await connect(start('https:', port, { tls: { secureContext } }));
    const second = await connect(start('https:', port, { tls: { secureContext } }));
    expect([first, second]).toEqual([expect.any(tls.TLSSocket), expect.any(tls.TLSSocket)]);
  });

  test('a client certificate is presented', async () => {
    const { server, port } = await startTls({ requestCert: true, ca: certificate.ca });
    const secured = once(server, 'secureConnection') as Promise<[tls.TLSSocket]>;
    const { ca, cert, key } = certificate;
    await connect(start('https:', port, { tls: { ca: [ca], cert, key } }));
    const [peer] = await secured;
    expect(peer.authorized).toBe(true);
  });

  test('a server that speaks no TLS ends in tls_protocol_error', async () => {
    const { port } = await listen(
      net.createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    const { code, message } = await fail(start('https:', port));
    expect(code).toBe('tls_protocol_error');
    expect(message).toBe('The TLS handshake failed: wrong version number (ERR_SSL_WRONG_VERSION_NUMBER)');
  });

  test('a version that is too old ends in tls_protocol_error', async () => {
    const { port } = await startTls({ maxVersion: 'TLSv1.2' });
    const options = { tls: { ca: certificate.ca, minVersion: 'TLSv1.3' as const } };
    expect((await fail(start('https:', port, options))).code).toBe('tls_protocol_error');
  });

  test.each([
    ['ends', (socket: net.Socket) => socket.end()],
    ['resets', (socket: net.Socket) => socket.resetAndDestroy()],
  ])('a server that %s during the handshake ends in connection_terminated', async (_, leave) => {
    const { port } = await listen(net.createServer((socket) => socket.once('data', () => leave(socket))));
    expect(await fail(start('https:', port))).toMatchObject({
      code: 'connection_terminated',
      retryable: true,
    });
  });

  test('a server that is silent in the handshake ends in connection_timeout', async () => {
    const { port, accepted } = await listen(net.createServer((socket) => socket.resume()));
    expect((await fail(start('https:', port, { connectTimeoutMs: 100 }))).code).toBe('connection_timeout');
    await until(() => accepted[0]?.destroyed === true, 'the connection is closed');
  });

  test('cancel during the handshake is silent and closes the connection', async () => {
    const { server, port, accepted } = await listen(net.createServer((socket) => socket.resume()));
    const dialled = start('https:', port);
    await once(server, 'connection');
    dialled.dialling.cancel();
    await until(() => accepted[0]?.destroyed === true, 'the connection is closed');
    expect(dialled.calls).toBe(0);
  });

  test('an unreadable certificate fails without a throw', async () => {
    const dialled = start('https:', 1, { tls: { cert: 'nonsense', key: 'nonsense' } });
    expect((await fail(dialled)).code).toBe('proxy_configuration_error');
  });
});
