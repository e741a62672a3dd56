import { X509Certificate } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls, type PeerCertificate } from 'node:tls';
import { expect } from 'vitest';
import { makeCertificate, type TestCertificate } from '../../sluiceway/test/support/certificates.js';
import { freePort } from '../../sluiceway/test/support/daemon.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { describeWith, requireTool } from '../../sluiceway/test/support/requirements.js';
import { scratchFolder } from '../../sluiceway/test/support/tool.js';
import { until } from '../../sluiceway/test/support/until.js';
import { type Pebble, startPebble } from './support/pebble.js';
import { sluicewayServe as serveProcess } from './support/process.js';
import { sluiceway, sluicewayServe } from './support/program.js';

const pebble = requireTool('pebble');

/** The certificate that a client gets for a name, or the code of the error. */
function certificateFor(port: number, servername: string): Promise<PeerCertificate | string> {
  return new Promise((resolve) => {
    const socket = connectTls({ port, host: '127.0.0.1', servername, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.on('error', ({ code = '' }: NodeJS.ErrnoException) => resolve(code));
  });
}

async function namesFor(port: number, name: string): Promise<string | undefined> {
  const certificate = await certificateFor(port, name);
  return typeof certificate === 'string' ? certificate : certificate.subjectaltname;
}

interface Site {
  httpPort: number;
  folder: string;
  storage: string;
}

async function prepare(net: Network): Promise<Site> {
  const folder = scratchFolder(net);
  return { httpPort: await freePort(), folder, storage: join(folder, 'acme') };
}

const configOf = ({ httpPort, storage }: Site, { directory, caFile }: Pebble, acme: object = {}) => ({
  listeners: [{ address: `127.0.0.1:${httpPort}` }, { address: '127.0.0.1:0', tls: true }],
  tls: {
    acme: { domains: ['files.example.org'], acceptTerms: true, storage, directory, ca: caFile, ...acme },
  },
  routes: [{ respond: { content: 'ok' } }],
});

/** The folder of the authority in the storage. */
const authorityFolder = ({ storage }: Site): string => join(storage, readdirSync(storage)[0] ?? '');

/** Stores a certificate as if it had been obtained before. */
function store(site: Site, { directory }: Pebble, name: string, { cert, key }: TestCertificate): void {
  const folder = join(site.storage, new URL(directory).host.replace(':', '_') + '_dir');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.pem`), cert + key, { mode: 0o600 });
}

const DAY_MS = 86_400_000;
const daysFromNow = (days: number): Date => new Date(Date.now() + days * DAY_MS);

describeWith(pebble)('with an ACME authority', () => {
  test('a server obtains a certificate for each domain, and stores them for its owner only [Caddy]', async ({
    net,
  }) => {
    const site = await prepare(net);
    const authority = await startPebble(net, pebble, { httpPort: site.httpPort });
    const config = configOf(site, authority, {
      domains: ['files.example.org', 'Bücher.example.org'],
      email: 'admin@example.org',
    });
    const program = await sluicewayServe(net, config, { folder: site.folder });
    const [, port = 0] = program.ports;
    for (const name of ['files.example.org', 'xn--bcher-kva.example.org']) {
      await program.match('stdout', new RegExp(`obtained a certificate for ${name}, valid until 20`));
      expect(await namesFor(port, name)).toBe(`DNS:${name}`);
    }
    const folder = authorityFolder(site);
    for (const file of readdirSync(folder, { withFileTypes: true })) {
      const { mode } = statSync(join(folder, file.name));
      expect([file.name, mode & 0o777]).toEqual([file.name, file.isDirectory() ? 0o700 : 0o600]);
    }
    expect(readdirSync(join(folder, 'challenges'))).toEqual([]);
    expect(readdirSync(folder).toSorted()).toEqual([
      'account.key',
      'challenges',
      'files.example.org.pem',
      'xn--bcher-kva.example.org.pem',
    ]);
  });

  test('handshakes fail until there is a certificate, and requests without TLS are served [Caddy]', async ({
    net,
  }) => {
    const site = await prepare(net);
    const authority = await startPebble(net, pebble, {
      httpPort: site.httpPort,
      resolve: () => 'nxdomain',
    });
    const program = await sluicewayServe(net, configOf(site, authority), { folder: site.folder });
    await program.match(
      'stderr',
      /no certificate for files\.example\.org: the authority could not validate the name: \S+: .*; next attempt in [56]m/,
    );
    expect(await certificateFor(program.ports[1] ?? 0, 'files.example.org')).toMatch(/ALERT|ECONNRESET/);
    const client = await net.client(site.httpPort);
    await client.get('/.well-known/acme-challenge/unknown');
    expect((await client.readResponse()).content.toString()).toBe('ok');
  });

  test('a stored certificate is used at start, and is not obtained again [Caddy]', async ({ net }) => {
    const site = await prepare(net);
    const authority = await startPebble(net, pebble, { httpPort: site.httpPort });
    const stored = await makeCertificate(['files.example.org'], {
      notBefore: daysFromNow(-10),
      notAfter: daysFromNow(80),
    });
    store(site, authority, 'files.example.org', stored);
    const program = await sluicewayServe(net, configOf(site, authority), { folder: site.folder });
    const certificate = (await certificateFor(program.ports[1] ?? 0, 'files.example.org')) as PeerCertificate;
    expect(certificate.fingerprint256).toBe(new X509Certificate(stored.cert).fingerprint256);
    await program.reload();
    expect(authority.log()).not.toContain('GET /dir');
  });

  test('a certificate is renewed after two thirds of its life, while the server serves it [Caddy]', async ({
    net,
  }) => {
    const site = await prepare(net);
    const authority = await startPebble(net, pebble, { httpPort: site.httpPort });
    const stored = await makeCertificate(['files.example.org'], {
      notBefore: daysFromNow(-70),
      notAfter: daysFromNow(20),
    });
    store(site, authority, 'files.example.org', stored);
    const program = await sluicewayServe(net, configOf(site, authority), { folder: site.folder });
    const [, port = 0] = program.ports;
    const before = new X509Certificate(stored.cert).fingerprint256;
    await program.match('stdout', /obtained a certificate/);
    const certificate = (await certificateFor(port, 'files.example.org')) as PeerCertificate;
    expect(certificate.fingerprint256).not.toBe(before);
    expect(certificate.subjectaltname).toBe('DNS:files.example.org');
  });

  test('requests whose nonce is not accepted are sent again [RFC 8555 6.5]', async ({ net }) => {
    const site = await prepare(net);
    const authority = await startPebble(net, pebble, {
      httpPort: site.httpPort,
      env: { PEBBLE_WFE_NONCEREJECT: '50' },
    });
    const program = await sluicewayServe(net, configOf(site, authority), { folder: site.folder });
    await program.match('stdout', /obtained a certificate/);
  });

  test('the account is bound to an external one if the authority asks for it [RFC 8555 7.3.4]', async ({
    net,
  }) => {
    const site = await prepare(net);
    const key = Buffer.alloc(32, 7).toString('base64url');
    const authority = await startPebble(net, pebble, {
      httpPort: site.httpPort,
      externalAccounts: { 'kid-1': key },
    });
    const program = await sluicewayServe(net, configOf(site, authority), { folder: site.folder });
    await program.match('stderr', /the authority requires an account of its own: set externalAccount/);
    program.write(configOf(site, authority, { externalAccount: { keyId: 'kid-1', key } }));
    await program.reload();
    await program.match('stdout', /obtained a certificate/);
  });

  test('a reload adds and removes domains, and keeps the others [Caddy]', async ({ net }) => {
    const site = await prepare(net);
    const authority = await startPebble(net, pebble, { httpPort: site.httpPort });
    const program = await sluicewayServe(net, configOf(site, authority), { folder: site.folder });
    const [, port = 0] = program.ports;
    await program.match('stdout', /obtained a certificate for files/);
    const first = (await certificateFor(port, 'files.example.org')) as PeerCertificate;
    await program.reload(configOf(site, authority, { domains: ['files.example.org', 'more.example.org'] }));
    await program.match('stdout', /obtained a certificate for more/);
    expect(await namesFor(port, 'more.example.org')).toBe('DNS:more.example.org');
    const kept = (await certificateFor(port, 'files.example.org')) as PeerCertificate;
    expect(kept.fingerprint256).toBe(first.fingerprint256);
    await program.reload(configOf(site, authority, { domains: ['more.example.org'] }));
    expect(await namesFor(port, 'more.example.org')).toBe('DNS:more.example.org');
  });

  test('a redirect to HTTPS does not redirect challenges [Caddy]', async ({ net }) => {
    const site = await prepare(net);
    const authority = await startPebble(net, pebble, { httpPort: site.httpPort });
    const config = configOf(site, authority);
    const listeners = [{ ...config.listeners[0], redirectToHttps: true }, config.listeners[1]];
    const program = await sluicewayServe(net, { ...config, listeners }, { folder: site.folder });
    await program.match('stdout', /obtained a certificate/);
  });

  test('the authority can ask over TLS, and other clients are served meanwhile and afterwards [RFC 8737 3]', async ({
    net,
  }) => {
    const site = await prepare(net);
    const tlsPort = await freePort();
    const authority = await startPebble(net, pebble, { httpPort: 9, tlsPort });
    const config = {
      ...configOf(site, authority, { challenge: 'tls-alpn-01', domains: ['a.example.org', 'b.example.org'] }),
      listeners: [{ address: `127.0.0.1:${tlsPort}`, tls: true }],
    };
    const program = await sluicewayServe(net, config, { folder: site.folder });
    for (const name of ['a', 'b'])
      await program.match('stdout', new RegExp(`obtained a certificate for ${name}\\.example\\.org`));
    expect(await namesFor(tlsPort, 'b.example.org')).toBe('DNS:b.example.org');
    const client = connectTls({
      port: tlsPort,
      host: '127.0.0.1',
      servername: 'a.example.org',
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
    });
    net.cleanup(() => client.destroy());
    client.write('GET / HTTP/1.1\r\nHost: a.example.org\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const chunk of client as AsyncIterable<Buffer>) text += chunk.toString();
    expect(text).toMatch(/^HTTP\/1\.1 200 OK[^]*ok$/);
    expect(readdirSync(join(authorityFolder(site), 'challenges'))).toEqual([]);
    // Nothing answers where no challenge waits.
    const stranger = connectTls({
      port: tlsPort,
      host: '127.0.0.1',
      servername: 'a.example.org',
      rejectUnauthorized: false,
      ALPNProtocols: ['acme-tls/1'],
    });
    await new Promise((resolve) => stranger.on('error', () => {}).on('close', resolve));
    expect(stranger.alpnProtocol).not.toBe('acme-tls/1');
  });

  test.for(['http-01', 'tls-alpn-01'] as const)(
    'one of several workers obtains the certificate by %s, any answers, and all serve it [Sluiceway]',
    async (challenge, { net }) => {
      const site = await prepare(net);
      const tlsPort = await freePort();
      const authority = await startPebble(net, pebble, { httpPort: site.httpPort, tlsPort });
      const config = configOf(site, authority, { challenge });
      const listeners = [
        { address: `127.0.0.1:${site.httpPort}` },
        { address: `127.0.0.1:${tlsPort}`, tls: true },
      ];
      const program = await serveProcess(net, { ...config, listeners, workers: 3 }, { folder: site.folder });
      await program.match('stdout', /obtained a certificate for files\.example\.org, valid until 20/);
      const isServed = async (): Promise<boolean> => {
        const all = Array.from({ length: 12 }, () => namesFor(tlsPort, 'files.example.org'));
        return (await Promise.all(all)).every((names) => names === 'DNS:files.example.org');
      };
      await until(isServed, 'all workers served it');
      expect(program.stdout.match(/obtained a certificate/g)).toHaveLength(1);
      expect(authority.log().match(/POST \/order-plz/g)).toHaveLength(1);
    },
  );

  test('two servers with one storage obtain one certificate, and both serve it [Caddy]', async ({ net }) => {
    const site = await prepare(net);
    const authority = await startPebble(net, pebble, { httpPort: site.httpPort });
    const config = configOf(site, authority);
    const second = { ...config, listeners: [{ address: '127.0.0.1:0' }, config.listeners[1]] };
    const programs = [
      await sluicewayServe(net, config, { folder: site.folder }),
      await sluicewayServe(net, second),
    ];
    await until(
      () => programs.some(({ stdout }) => stdout.includes('obtained a certificate')),
      'one of them had obtained it',
    );
    const pem = readFileSync(join(authorityFolder(site), 'files.example.org.pem'), 'utf8');
    const { fingerprint256 } = new X509Certificate(pem);
    for (const program of programs) {
      await program.reload();
      const port = program.ports.at(-1) ?? 0;
      await until(async () => {
        const certificate = await certificateFor(port, 'files.example.org');
        return typeof certificate !== 'string' && certificate.fingerprint256 === fingerprint256;
      }, 'the server served the certificate');
    }
    expect(authority.log().match(/Issued certificate/g)).toHaveLength(1);
  });
});

test('mistakes in acme are reported by their places [Sluiceway]', async ({ net }) => {
  const folder = scratchFolder(net);
  writeFileSync(join(folder, 'file'), '');
  const config = {
    listeners: [{ address: '127.0.0.1:0', tls: true }],
    tls: {
      acme: {
        domains: ['*.example.org', 'localhost', '192.0.2.1', 'a b.example.org', 'ok.example.org'],
        acceptTerms: false,
        storage: 'file/acme',
        email: 'a@b,c@d',
        directory: 'http://example.org/dir',
        externalAccount: { keyId: 'x', key: 'not base64url!' },
        ca: 'missing.pem',
      },
    },
    routes: [{ respond: {} }],
  };
  const file = join(folder, 'sluiceway.json');
  writeFileSync(file, JSON.stringify(config, null, 1));
  const program = sluiceway(net, 'config', 'check', file);
  expect(await program.exited).toBe(2);
  for (const problem of [
    'tls.acme.domains[0] must not be a wildcard: authorities issue those by challenges over DNS only',
    'tls.acme.domains[1] must be a host name, not "localhost"',
    'tls.acme.domains[2] must be a host name, not "192.0.2.1"',
    'tls.acme.domains[3] must be a host name, not "a b.example.org"',
    'tls.acme.acceptTerms must be true: authorities issue only to those who agree to their terms of service',
    `tls.acme.storage is a folder that cannot be written: ${join(folder, 'file/acme')}`,
    'tls.acme.email must be one email address',
    'tls.acme.directory must be an https: URL (RFC 8555 section 6.1)',
    'tls.acme.externalAccount.key must be the MAC key that the authority gave you, in base64url',
    'tls.acme.ca cannot read',
    'listeners[0].tls has acme, which needs a listener without TLS, too',
  ])
    expect(program.stderr).toContain(problem);
});

test('config show masks the MAC key of an external account', async ({ net }) => {
  const folder = scratchFolder(net);
  const secret = 'c2VjcmV0LXNlY3JldC1zZWNyZXQ';
  const config = {
    listeners: [{ address: '127.0.0.1:0', tls: true }, { address: '127.0.0.1:1' }],
    tls: {
      acme: {
        domains: ['a.example.org'],
        acceptTerms: true,
        storage: 'acme',
        externalAccount: { keyId: 'kid-1', key: secret },
      },
    },
    routes: [{ respond: {} }],
  };
  const file = join(folder, 'sluiceway.json');
  writeFileSync(file, JSON.stringify(config));
  const program = sluiceway(net, 'config', 'show', file);
  expect(await program.exited).toBe(0);
  expect(program.stdout).toContain('kid-1');
  expect(program.stdout).not.toContain(secret);
});
