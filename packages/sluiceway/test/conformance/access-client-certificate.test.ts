import { once } from 'node:events';
import { connect as connectHttp2, createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';
import { beforeAll, describe, expect } from 'vitest';
import { type AccessPolicy, anyOf, attach, bearer, clientCertificate } from '../../src/index.js';
import type { ClientCertificate } from '../../src/net/client-certificate.js';
import { accessRequest } from '../support/access.js';
import {
  loopbackCertificate,
  makeAuthority,
  makeCertificate,
  type TestCertificate,
} from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import { openHttp2 } from '../support/http2-client.js';
import type { RequestHead } from '../support/message-head.js';
import { problemsOf } from '../support/problems.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';

let authority: TestCertificate;
let server: TestCertificate;
let client: TestCertificate;
let stranger: TestCertificate;

beforeAll(async () => {
  authority = await makeAuthority();
  [server, client, stranger] = await Promise.all([
    loopbackCertificate(),
    makeClient('backup', authority),
    makeCertificate(['backup'], { issuer: await makeAuthority('Other Authority') }),
  ]);
});

/** A client certificate with a name of every type. */
async function makeClient(name: string, issuer: TestCertificate): Promise<TestCertificate> {
  const made = await generate(
    [
      { name: 'countryName', value: 'CH' },
      { name: 'organizationName', value: 'Example\\, Inc.' },
      { name: 'commonName', value: name },
    ],
    {
      algorithm: 'sha256',
      keyType: 'ec',
      ca: { key: issuer.key, cert: issuer.cert },
      extensions: [
        { name: 'basicConstraints', cA: false },
        {
          name: 'subjectAltName',
          altNames: [
            { type: 2, value: `${name}.Client.test` },
            { type: 6, value: `spiffe://example.test/${name}` },
            { type: 1, value: `${name}@example.test` },
          ],
        },
      ],
    },
  );
  return { cert: made.cert, key: made.private, ca: issuer.ca };
}

/** A proxy over TLS that asks clients for certificates, and does not refuse those without one. */
async function listen(net: Network, access: AccessPolicy, kind: 'http1' | 'http2' = 'http1') {
  const seen: RequestHead[] = [];
  const origin = await net.origin(
    respondWith((head) => {
      seen.push(head);
      return sized('secret');
    }),
  );
  const running = await net.proxy({ upstream: origin.url, access, headers: { identity: 'X-User' } });
  const options = {
    cert: server.cert,
    key: server.key,
    ca: authority.cert,
    requestCert: true,
    rejectUnauthorized: false,
  };
  const listener =
    kind === 'http2' ? createSecureServer({ ...options, allowHTTP1: true }) : createServer(options);
  attach(listener, running.proxy);
  await once(listener.listen(0, '127.0.0.1'), 'listening');
  net.cleanup(() => listener.close());
  return { port: (listener.address() as AddressInfo).port, seen, running, origin };
}

interface Asked {
  status: number;
  session: Buffer | undefined;
  reused: boolean;
}

/** Sends one request on a connection of its own. */
async function ask(port: number, options: ConnectionOptions, lines = ''): Promise<Asked> {
  const socket: TLSSocket = connect({
    port,
    host: '127.0.0.1',
    servername: 'localhost',
    ca: server.ca,
    ...options,
  });
  let session: Buffer | undefined;
  socket.on('session', (given) => {
    session = given;
  });
  await once(socket, 'secureConnect');
  const reused = socket.isSessionReused();
  let text = '';
  socket.setEncoding('latin1').on('data', (data: string) => {
    text += data;
  });
  socket.write(`GET / HTTP/1.1\r\nHost: a\r\n${lines}Connection: close\r\n\r\n`);
  await once(socket, 'close');
  return { status: Number(text.split(' ')[1]), session, reused };
}

const pair = ({ cert, key }: TestCertificate): ConnectionOptions => ({ cert, key });

describe('a client certificate', () => {
  test('gives access and the identity, and is told to the origin server [RFC 8446 4.4.2]', async ({
    net,
  }) => {
    const { port, seen, running } = await listen(net, clientCertificate());
    expect((await ask(port, pair(client), 'X-User: root\r\n')).status).toBe(200);
    expect(seen[0]?.getAll('x-user')).toEqual(['backup']);
    expect((await running.record()).identity).toBe('backup');
  });

  test.for<[string, () => ConnectionOptions]>([
    ['there is none', () => ({})],
    ['it is of another authority', () => pair(stranger)],
  ])('refuses with 403 if %s [RFC 9110 15.5.4]', async ([, options], { net }) => {
    const { port, origin } = await listen(net, clientCertificate());
    expect((await ask(port, options())).status).toBe(403);
    expect(origin.total).toBe(0);
  });

  test.for(['TLSv1.2', 'TLSv1.3'] as const)(
    'is that of the first handshake on a resumed connection of %s [RFC 8446 2.2; RFC 5077]',
    async (version, { net }) => {
      const { port, running } = await listen(net, clientCertificate());
      const options = { ...pair(client), minVersion: version, maxVersion: version };
      const first = await ask(port, options);
      expect(first.session).toBeDefined();
      const { session } = first;
      const { minVersion, maxVersion } = options;
      // The second connection has no certificate of its own.
      const second = await ask(port, { minVersion, maxVersion, ...(session && { session }) });
      expect([second.reused, second.status]).toEqual([true, 200]);
      expect((await running.record(1)).identity).toBe('backup');
    },
  );

  test.for(['TLSv1.2', 'TLSv1.3'] as const)(
    'of a stranger stays untrusted on a resumed connection of %s [CVE-2025-23419]',
    async (version, { net }) => {
      const { port } = await listen(net, clientCertificate());
      const options = { ...pair(stranger), minVersion: version, maxVersion: version };
      const { session } = await ask(port, options);
      const second = await ask(port, { ...options, ...(session && { session }) });
      expect(second.status).toBe(403);
    },
  );

  test('counts for every request of an HTTP/2 connection [RFC 9113 9.2]', async ({ net }) => {
    const { port, running } = await listen(net, clientCertificate(), 'http2');
    const session = connectHttp2(`https://localhost:${port}`, {
      ca: server.ca,
      cert: client.cert,
      key: client.key,
      lookup: (_name, _options, callback) =>
        callback(null, [{ address: '127.0.0.1', family: 4 }] as never, 4),
    });
    net.cleanup(() => session.close());
    for (const path of ['/a', '/b']) {
      const stream = session.request({ ':path': path });
      const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
      stream.resume();
      await once(stream, 'close');
      expect(headers[':status']).toBe(200);
    }
    expect((await running.record(1)).identity).toBe('backup');
    const without = await openHttp2(port, { ca: server.ca });
    expect((await without.get('/')).status).toBe(403);
    without.close();
  });

  test('is no certificate on a connection without TLS [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('')));
    const running = await net.proxy({ upstream: origin.url, access: clientCertificate() });
    const plain = await net.client(running);
    await plain.get('/');
    expect((await plain.readResponse()).head.status).toBe(403);
  });

  test('or other credentials can give access [Sluiceway]', async ({ net }) => {
    const { port } = await listen(net, anyOf(clientCertificate(), bearer(['aaaaaaaaaaaaaaaa'])));
    expect((await ask(port, {})).status).toBe(401);
    expect((await ask(port, {}, 'Authorization: Bearer aaaaaaaaaaaaaaaa\r\n')).status).toBe(200);
    expect((await ask(port, pair(client))).status).toBe(200);
  });
});

const certificate: ClientCertificate = {
  subject: 'CN=backup,O=Example\\, Inc.,C=CH',
  commonName: 'backup',
  dnsNames: ['backup.client.test'],
  uris: ['spiffe://example.test/backup'],
  emails: ['backup@example.test'],
  issuer: 'CN=Test Authority',
  serialNumber: '01',
  fingerprint: 'ab'.repeat(32),
  validTo: Number.POSITIVE_INFINITY,
};

describe('the names of a certificate', () => {
  test('are read as they were signed [RFC 4514 2; RFC 5280 4.2.1.6]', async ({ net }) => {
    let found: ClientCertificate | null = null;
    const { port } = await listen(net, (request) => {
      found = request.clientCertificate;
      return { allowed: true };
    });
    await ask(port, pair(client));
    expect(found).toMatchObject({
      subject: certificate.subject,
      commonName: 'backup',
      dnsNames: certificate.dnsNames,
      uris: certificate.uris,
      emails: certificate.emails,
      fingerprint: expect.stringMatching(/^[\da-f]{64}$/) as string,
    });
  });

  test('cannot be made up inside of another name [CVE-2021-44532]', async ({ net }) => {
    const forged = await generate([{ name: 'commonName', value: 'a' }], {
      algorithm: 'sha256',
      keyType: 'ec',
      ca: { key: authority.key, cert: authority.cert },
      extensions: [
        {
          name: 'subjectAltName',
          altNames: [{ type: 6, value: 'urn:a, DNS:root.client.test, URI:spiffe://example.test/root' }],
        },
      ],
    });
    let found: ClientCertificate | null = null;
    const { port } = await listen(net, (request) => {
      found = request.clientCertificate;
      return { allowed: true };
    });
    await ask(port, { cert: forged.cert, key: forged.private });
    expect(found).toMatchObject({
      dnsNames: [],
      uris: ['urn:a, DNS:root.client.test, URI:spiffe://example.test/root'],
    });
  });

  test.for<[string, Parameters<typeof clientCertificate>[0], boolean]>([
    ['any', {}, true],
    ['the subject', { subjects: [certificate.subject] }, true],
    ['another subject', { subjects: ['CN=backup'] }, false],
    ['a DNS name in capitals', { dnsNames: ['BACKUP.client.test'] }, true],
    ['another DNS name', { dnsNames: ['client.test'] }, false],
    ['a URI', { uris: ['spiffe://example.test/backup'] }, true],
    ['the beginning of a URI', { uris: ['spiffe://example.test/'] }, false],
    ['an e-mail address', { emails: ['backup@example.test'] }, true],
    ['the fingerprint with colons', { fingerprints: [`AB${':AB'.repeat(31)}`] }, true],
    ['another fingerprint', { fingerprints: ['00'.repeat(32)] }, false],
    ['one name of several lists', { uris: ['urn:a'], emails: ['backup@example.test'] }, true],
  ])('decide: %s [Sluiceway]', async ([, given, allowed]) => {
    expect(
      await clientCertificate(given)(accessRequest([], { clientCertificate: certificate })),
    ).toMatchObject({
      allowed,
    });
  });

  test.for([
    ['commonName', 'backup'],
    ['subject', certificate.subject],
    ['dnsName', 'backup.client.test'],
    ['uri', 'spiffe://example.test/backup'],
    ['email', 'backup@example.test'],
    ['fingerprint', certificate.fingerprint],
  ] as const)('%s can be the identity [Sluiceway]', async ([identity, name]) => {
    const policy = clientCertificate({ identity });
    expect(await policy(accessRequest([], { clientCertificate: certificate }))).toMatchObject({
      identity: name,
    });
    const nameless = { ...certificate, subject: '', commonName: null, dnsNames: [], uris: [], emails: [] };
    expect(await policy(accessRequest([], { clientCertificate: nameless }))).toMatchObject({
      identity: certificate.fingerprint,
    });
  });

  test('do not count after it has expired, on a connection that was opened before [RFC 5280 4.1.2.5]', async () => {
    const expired = { ...certificate, validTo: Date.now() - 1 };
    expect(await clientCertificate()(accessRequest([], { clientCertificate: expired }))).toMatchObject({
      allowed: false,
      status: 403,
    });
  });

  test('wrong options are reported with their paths [Sluiceway]', () => {
    expect(
      problemsOf(() =>
        clientCertificate({
          subjects: ['backup'],
          dnsNames: ['*.a.test'],
          uris: [],
          fingerprints: ['ab'],
          identity: 'name',
          names: [],
        } as never),
      ).map((problem) => problem.split(' ')[0]),
    ).toEqual(['names', 'subjects[0]', 'dnsNames[0]', 'fingerprints[0]', 'identity', 'uris']);
  });
});
