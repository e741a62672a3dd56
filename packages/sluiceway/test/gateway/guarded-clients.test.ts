import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { GuardedAgent, type GuardedConnectOptions, guardedConnect } from '../../src/guard.js';
import { OptionsError } from '../../src/options/checker.js';
import { makeCertificate, type TestCertificate } from '../support/certificates.js';
import { type ConnectSpy, watchConnects } from '../support/connect-spy.js';
import { test } from '../support/fixture.js';
import { answering, type GuardedClient, guardedClients } from '../support/guarded-clients.js';
import { respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { sized } from '../support/through.js';

let spy: ConnectSpy;
beforeAll(async () => {
  spy = await watchConnects((place) => place.startsWith('127.0.0.1 '));
});
beforeEach(() => {
  spy.seen.length = 0;
});
afterAll(() => spy.stop());

const clients: GuardedClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

const prohibited = { code: 'destination_ip_prohibited' };
const loopback = { allowAddresses: ['127.0.0.1'], allowPorts: 'any' } as const;
const echo = respondWith((head) => sized(`${head.target} for ${head.get('host')}`));

describe.each(Object.entries(guardedClients))('%s behind the guard', (_, make) => {
  const start = (options?: GuardedConnectOptions): GuardedClient => {
    const client = make(options);
    clients.push(client);
    return client;
  };

  test('gets a file from an address that a rule allows, over one connection for several [Sluiceway]', async ({
    net,
  }) => {
    const origin = await net.origin(echo);
    const client = start(loopback);
    for (const path of ['/a', '/b?c'])
      expect(await client.get(`${origin.url}${path}`)).toBe(`${path} for 127.0.0.1:${origin.port}`);
    expect(spy.seen).toEqual([`127.0.0.1 ${origin.port}`]);
  });

  test.for([
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[64:ff9b::7f00:1]',
    '169.254.169.254',
    '10.0.0.1',
    '[fd00:ec2::254]',
    'localhost',
    'LOCALHOST.',
    'private.example',
    '8.8.8.8:22',
  ])('connects to nothing for %s [smokescreen]', async (host) => {
    const resolver = answering({
      localhost: [['127.0.0.1', '::1']],
      'localhost.': [['127.0.0.1']],
      'private.example': [['10.0.0.1', '::ffff:192.168.0.1']],
    });
    const client = start({ resolver });
    for (const scheme of ['http', 'https'])
      await expect(client.get(`${scheme}://${host}/`)).rejects.toMatchObject(prohibited);
    expect(spy.seen).toEqual([]);
  });

  test('dials the address that was judged, and judges anew what a name server says later [smokescreen]', async () => {
    const resolver = answering({
      'rebinding.example': [['93.184.216.34'], ['127.0.0.1'], ['169.254.169.254']],
    });
    const client = start({ resolver });
    await expect(client.get('http://rebinding.example/')).rejects.toMatchObject({
      code: 'connection_refused',
    });
    expect(spy.seen).toEqual(['93.184.216.34 80']);
    for (const path of ['again', 'and/again'])
      await expect(client.get(`http://rebinding.example/${path}`)).rejects.toMatchObject(prohibited);
    expect(spy.seen).toHaveLength(1);
    expect(resolver.asked).toHaveLength(3);
  });

  test('dials of several addresses those that are allowed [smokescreen]', async ({ net }) => {
    const origin = await net.origin(echo);
    const resolver = answering({ 'mixed.example': [['10.0.0.1', '::1', '127.0.0.1', '169.254.169.254']] });
    const client = start({ ...loopback, resolver });
    const url = `http://mixed.example:${origin.port}/`;
    expect(await client.get(url)).toBe(`/ for mixed.example:${origin.port}`);
    expect(spy.seen).toEqual([`127.0.0.1 ${origin.port}`]);
  });

  test('asks only hosts that are allowed, however they are spelled [smokescreen]', async () => {
    const resolver = answering({});
    const client = start({ resolver, allowHosts: ['*.example'], denyHosts: ['evil.example'] });
    for (const host of ['evil.example', 'EVIL.example', 'evil.example.', 'other.test'])
      await expect(client.get(`http://${host}/`)).rejects.toMatchObject(prohibited);
    expect(resolver.asked).toEqual([]);
    await expect(client.get('http://good.example/')).rejects.toMatchObject({ code: 'dns_error' });
  });

  describe('over TLS', () => {
    let certificate: TestCertificate;
    beforeAll(async () => {
      certificate = await makeCertificate(['files.example', '127.0.0.1']);
    });

    const secure = async (cleanup: (stop: () => unknown) => void) => {
      const names: unknown[] = [];
      const server = await startServer(
        (request, response) => {
          names.push((request.socket as TLSSocket & { servername?: unknown }).servername);
          response.end('secure');
        },
        { tls: certificate },
      );
      cleanup(() => server.stop());
      return { names, port: server.port };
    };
    const resolver = answering({ 'files.example': [['127.0.0.1']], 'other.example': [['127.0.0.1']] });

    test('verifies the certificate by the name, and asks for it by the name [RFC 9110 4.3.4]', async ({
      net,
    }) => {
      const { names, port } = await secure(net.cleanup);
      const client = start({ ...loopback, resolver, tls: { ca: certificate.ca } });
      expect(await client.get(`https://files.example:${port}/`)).toBe('secure');
      expect(await client.get(`https://127.0.0.1:${port}/`)).toBe('secure');
      expect(names).toEqual(['files.example', false]);
      await expect(client.get(`https://other.example:${port}/`)).rejects.toMatchObject({
        code: 'tls_certificate_error',
      });
    });

    test('trusts nobody else, whatever a request says [RFC 9110 4.3.4]', async ({ net }) => {
      const { names, port } = await secure(net.cleanup);
      const client = start({ ...loopback, resolver });
      const lax = { rejectUnauthorized: false, ca: certificate.ca, checkServerIdentity: () => undefined };
      await expect(client.get(`https://files.example:${port}/`, lax)).rejects.toMatchObject({
        code: 'tls_certificate_error',
      });
      expect(names).toEqual([]);
    });
  });
});

describe('what a request says of how to connect', () => {
  test('leads http.request past nothing [Sluiceway]', async () => {
    const client = guardedClients['http.request and https.request']?.();
    if (client === undefined) throw new Error('There is no such client');
    clients.push(client);
    const lookup = (_name: string, _options: object, done: (...result: unknown[]) => void): void =>
      done(null, [{ address: '127.0.0.1', family: 4 }]);
    for (const more of [
      { socketPath: '/var/run/docker.sock' },
      { hostname: '127.0.0.1' },
      { hostname: '[::1]' },
      { hostname: '::1' },
      { lookup, hostname: 'localhost' },
    ])
      await expect(client.get('http://8.8.8.8/', more)).rejects.toMatchObject(prohibited);
    for (const more of [
      { hostname: '8.8.8.8/x' },
      { hostname: 'user@8.8.8.8' },
      { hostname: 'a b' },
      { port: 65_536 },
    ])
      await expect(client.get('http://8.8.8.8/', more)).rejects.toMatchObject({ code: 'http_request_error' });
    expect(spy.seen).toEqual([]);
  });

  test.for([
    ['a Unix socket', { socketPath: '/var/run/docker.sock' }],
    ['a socket of somebody else', { httpSocket: {} }],
    ['an address in brackets', { hostname: '[::1]' }],
  ] as const)('leads undici to %s in no case [Sluiceway]', async ([, more]) => {
    const connect = guardedConnect();
    const error = await new Promise((resolve) => {
      connect({ hostname: '8.8.8.8', protocol: 'https:', port: '', ...more }, (...[failed]) =>
        resolve(failed),
      );
    });
    expect(error).toMatchObject(prohibited);
    expect(spy.seen).toEqual([]);
  });
});

test('mistakes in the options of a guard for other clients are told all at once', () => {
  const wrong = {
    allowHosts: ['https://a.example/public/*', 'b.example'],
    denyHosts: 'x',
    allowAddresses: ['x'],
    connectTimeout: 0,
    tls: { ca: 'x' },
    egressProxy: 'http://proxy.example',
  };
  const problems = [
    /guardedConnect: /,
    /allowHosts\[0\] must not have a path/,
    /\n {2}denyHosts /,
    /\n {2}allowAddresses\[0\] /,
    /connectTimeout /,
    /tls\.ca /,
    /egressProxy is not an option/,
  ];
  for (const problem of problems) expect(() => guardedConnect(wrong as never)).toThrow(problem);
  expect(() => new GuardedAgent(wrong as never)).toThrow(OptionsError);
});
