import type { TLSSocket } from 'node:tls';
import { beforeAll, describe, expect } from 'vitest';
import type { SluicewayError } from '../../src/errors.js';
import type { DialTlsOptions } from '../../src/net/dial-tls.js';
import type { Resolver } from '../../src/net/resolver.js';
import {
  loopbackCertificate,
  makeAuthority,
  makeCertificate,
  type TestCertificate,
} from '../support/certificates.js';
import { failureOf, fetchText, startTransport, toRequest } from '../support/exchange.js';
import { type Network, test } from '../support/fixture.js';
import { serveAlways, startTlsServer } from '../support/tls-server.js';
import { until } from '../support/until.js';

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const CLOSING = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok';

let certificate: TestCertificate;
let authority: TestCertificate;
let issued: TestCertificate;
beforeAll(async () => {
  certificate = await loopbackCertificate();
  authority = await makeAuthority();
  issued = await makeCertificate(['localhost'], { issuer: authority });
});

const keyOf = ({ cert, key }: TestCertificate): { cert: string; key: string } => ({ cert, key });

/** What a request to a server with that certificate comes to: its content, or the code of the failure. */
async function attempt(
  net: Network,
  served: TestCertificate,
  tls: DialTlsOptions,
  host = 'localhost',
): Promise<string> {
  const { port } = await startTlsServer(net, keyOf(served), serveAlways(OK));
  const transport = startTransport(net, { tls });
  const request = toRequest(`https://${host}:${port}`);
  const failure = await failureOf(transport.send(request));
  return typeof failure === 'string' ? fetchText(transport, request) : (failure as SluicewayError).code;
}

describe('a certificate of an https: origin server is accepted', () => {
  test('where it is self-signed and named as its own authority [Node]', async ({ net }) => {
    expect(await attempt(net, certificate, { ca: certificate.ca })).toBe('ok');
  });

  test('where a private authority that is named has signed it [Node]', async ({ net }) => {
    expect(await attempt(net, issued, { ca: authority.cert })).toBe('ok');
    expect(await attempt(net, issued, { ca: [certificate.ca, authority.cert] })).toBe('ok');
  });

  test('for an address that it names [RFC 9110 4.3.5]', async ({ net }) => {
    expect(await attempt(net, certificate, { ca: certificate.ca }, '127.0.0.1')).toBe('ok');
  });

  test('nowhere else: not where it is unknown, of another name, or out of date [RFC 9110 4.3.4]', async ({
    net,
  }) => {
    const expired = await makeCertificate(['localhost'], {
      notBefore: new Date('2020-01-01'),
      notAfter: new Date('2021-01-01'),
    });
    const elsewhere = await makeCertificate(['elsewhere.test'], { issuer: authority });
    const found = [
      await attempt(net, certificate, {}),
      await attempt(net, issued, { ca: certificate.ca }),
      await attempt(net, elsewhere, { ca: authority.cert }),
      await attempt(net, issued, { ca: authority.cert }, '127.0.0.1'),
      await attempt(net, issued, { ca: authority.cert, servername: 'elsewhere.test' }),
      await attempt(net, expired, { ca: expired.ca }),
    ];
    expect(found).toEqual(found.map(() => 'tls_certificate_error'));
  });

  test('for the name that the options give in place of the host [nginx]', async ({ net }) => {
    const elsewhere = await makeCertificate(['elsewhere.test'], { issuer: authority });
    expect(await attempt(net, elsewhere, { ca: authority.cert, servername: 'elsewhere.test' })).toBe('ok');
  });
});

test('an https: origin server is asked for the host of the URL, or for the name that the options give, and for no address [RFC 6066 3; nginx]', async ({
  net,
}) => {
  const asked: string[] = [];
  const { port } = await startTlsServer(
    net,
    {
      cert: certificate.cert,
      key: certificate.key,
      SNICallback: (name, done) => {
        asked.push(name);
        done(null);
      },
    },
    serveAlways(OK),
  );
  for (const [host, servername] of [['localhost'], ['127.0.0.1'], ['127.0.0.1', 'localhost']] as const) {
    const tls = { ca: certificate.ca, ...(servername && { servername }) };
    await fetchText(startTransport(net, { tls }), toRequest(`https://${host}:${port}`));
  }
  expect(asked).toEqual(['localhost', 'localhost']);
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const only = { minVersion: version, maxVersion: version };

  describe(version, () => {
    test('a client certificate is shown to a server that demands one', async ({ net }) => {
      const server = await startTlsServer(
        net,
        { ...keyOf(certificate), ...only, requestCert: true, rejectUnauthorized: true, ca: authority.cert },
        serveAlways(OK),
      );
      const client = await makeCertificate(['a client'], { issuer: authority });
      const transport = startTransport(net, { tls: { ca: certificate.ca, ...keyOf(client) } });
      expect(await fetchText(transport, toRequest(server.url))).toBe('ok');
      expect(server.connections[0]?.getPeerCertificate().subject.CN).toBe('a client');

      const without = startTransport(net, { tls: { ca: certificate.ca } });
      expect(await failureOf(without.send(toRequest(server.url)))).toMatchObject({
        status: 502,
        outcome: 'upstream_refused',
      });
    });

    test('a later connection resumes the session, though the first is long gone', async ({ net }) => {
      const server = await startTlsServer(net, { ...keyOf(certificate), ...only }, serveAlways(CLOSING));
      const transport = startTransport(net, { tls: { ca: certificate.ca } });
      for (let i = 1; i <= 3; i += 1) {
        expect(await fetchText(transport, toRequest(server.url))).toBe('ok');
        await until(() => server.connections.every(({ destroyed }) => destroyed), 'the connection is closed');
      }
      expect(server.resumed).toEqual([false, true, true]);
    });

    test('a session is offered to its own destination only', async ({ net }) => {
      const options = { ...keyOf(certificate), ...only, ticketKeys: Buffer.alloc(48, 1) };
      const first = await startTlsServer(net, options, serveAlways(CLOSING));
      const second = await startTlsServer(net, options, serveAlways(CLOSING));
      const transport = startTransport(net, { tls: { ca: certificate.ca } });
      for (const { url } of [first, second]) await fetchText(transport, toRequest(url));
      expect(second.resumed).toEqual([false]);
    });

    test('connections are kept and used again', async ({ net }) => {
      const server = await startTlsServer(net, { ...keyOf(certificate), ...only }, serveAlways(OK));
      const transport = startTransport(net, { tls: { ca: certificate.ca } });
      for (let i = 0; i < 10; i += 1) expect(await fetchText(transport, toRequest(server.url))).toBe('ok');
      expect(server.connections).toHaveLength(1);
    });
  });
}

describe('what goes wrong before a secure connection stands', () => {
  test('a server that is silent in the handshake ends in connection_timeout', async ({ net }) => {
    const origin = await net.origin(() => {});
    const transport = startTransport(net, { connectTimeoutMs: 100, tls: { ca: certificate.ca } });
    const began = performance.now();
    const failure = await failureOf(transport.send(toRequest(origin.url.replace('http:', 'https:'))));
    expect(failure).toMatchObject({ code: 'connection_timeout', status: 504, outcome: 'upstream_timeout' });
    expect(performance.now() - began).toBeLessThan(5000);
    await until(() => origin.open === 0, 'the connection is closed');
    expect(origin.total).toBe(1);
  });

  test('a server without TLS ends in tls_protocol_error', async ({ net }) => {
    const origin = await net.origin((connection) => connection.write('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const transport = startTransport(net, { tls: { ca: certificate.ca } });
    const failure = await failureOf(transport.send(toRequest(origin.url.replace('http:', 'https:'))));
    expect(failure).toMatchObject({ code: 'tls_protocol_error', status: 502 });
  });

  test('of several addresses the next is tried where one refuses', async ({ net }) => {
    const server = await startTlsServer(net, keyOf(certificate), serveAlways(OK));
    const resolver: Resolver = {
      resolve: () =>
        Promise.resolve([
          { address: '127.0.0.2', family: 4 },
          { address: '127.0.0.3', family: 4 },
          { address: '127.0.0.1', family: 4 },
        ]),
    };
    const transport = startTransport(net, { resolver, tls: { ca: certificate.ca } });
    expect(await fetchText(transport, toRequest(server.url))).toBe('ok');
    const socket: TLSSocket | undefined = server.connections[0];
    expect([server.connections.length, socket?.localAddress]).toEqual([1, '127.0.0.1']);
  });
});
