import { beforeAll, describe, expect } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import type { Transport } from '../../src/upstream/transport.js';
import { loopbackCertificate, type TestCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { requireAddress, testWith } from '../support/requirements.js';
import { sized } from '../support/through.js';

const ipv6 = requireAddress('::1');

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await loopbackCertificate();
});

const answerHost = respondWith((head) => sized(head.getAll('host').join(' and ')));

/** What a client is answered that asks for the host `test`. */
async function answerTo(net: Network, options: Parameters<Network['proxy']>[0]): Promise<string> {
  const client = await net.client(await net.proxy(options));
  await client.get('/');
  return (await client.readResponse()).content.toString();
}

describe('the Host that the origin server gets', () => {
  test('names its port where that is not the default of its scheme [RFC 9110 7.2; Go ReverseProxy]', async ({
    net,
  }) => {
    const origin = await net.origin(answerHost);
    expect(await answerTo(net, { upstream: origin.url })).toBe(`127.0.0.1:${origin.port}`);
  });

  test('over https is its own as well [Caddy]', async ({ net }) => {
    const origin = await net.origin(answerHost, { tls: certificate });
    const upstream = { url: origin.url, tls: { ca: certificate.ca } };
    expect(await answerTo(net, { upstream })).toBe(`localhost:${origin.port}`);
  });

  test('over https may be set by a hook, while the certificate is still checked for its own name [Caddy]', async ({
    net,
  }) => {
    const origin = await net.origin(answerHost, { tls: certificate });
    const answered = await answerTo(net, {
      upstream: { url: origin.url, tls: { ca: certificate.ca } },
      onUpstreamRequest: ({ upstreamRequest }) =>
        void upstreamRequest.headers.set('Host', 'elsewhere.example'),
    });
    expect(answered).toBe('elsewhere.example');
  });

  testWith(ipv6)('has an IPv6 address in brackets [RFC 9110 7.2]', async ({ net }) => {
    const origin = await net.origin(answerHost, { host: '::1' });
    expect(await answerTo(net, { upstream: origin.url })).toBe(`[::1]:${origin.port}`);
  });

  test.for([
    ['http://origin.example', 'origin.example'],
    ['http://origin.example:80', 'origin.example'],
    ['https://origin.example:443/path', 'origin.example'],
    ['http://origin.example:443', 'origin.example:443'],
    ['https://origin.example:80', 'origin.example:80'],
    ['http://ORIGIN.example.:08080', 'origin.example.:8080'],
    ['http://[2001:db8::1]:80/', '[2001:db8::1]'],
  ] as const)('of the upstream %s is %s [RFC 9110 4.2.3; Caddy]', async ([upstream, host], { net }) => {
    const sent: string[] = [];
    // Nobody may listen on the default ports here.
    const transport: Transport = {
      send({ headers }) {
        sent.push(...headers.getAll('host'));
        return { response: Promise.reject(new SluicewayError('connection_refused', '')), abort() {} };
      },
      close: () => Promise.resolve(),
      destroy() {},
    };
    const client = await net.client(await net.proxy({ upstream, transport }));
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(sent).toEqual([host]);
  });
});

describe('a Host of the client', () => {
  test.for([
    ['that is empty', 'Host:', ''],
    ['with a port', 'Host: Public.Example:8443', 'Public.Example:8443'],
    ['with an IPv6 address', 'hOST: [2001:db8::1]:81', '[2001:db8::1]:81'],
  ] as const)(
    '%s is passed on as it came, in X-Forwarded-Host [RFC 9110 7.2; Caddy]',
    async ([, line, forwarded], { net }) => {
      const origin = await net.origin(respondWith((head) => sized(`<${head.get('x-forwarded-host')}>`)));
      const client = await net.client(await net.proxy({ upstream: origin.url }));
      await client.send(`GET / HTTP/1.1\r\n${line}\r\n\r\n`);
      expect((await client.readResponse()).content.toString()).toBe(`<${forwarded}>`);
    },
  );

  test('that HTTP/1.0 leaves out is not made up: there is no X-Forwarded-Host [RFC 9112 3.2]', async ({
    net,
  }) => {
    const origin = await net.origin(
      respondWith((head) => sized(`${head.get('host')} ${head.has('x-forwarded-host')}`)),
    );
    const client = await net.client(await net.proxy({ upstream: origin.url }));
    await client.send('GET / HTTP/1.0\r\n\r\n');
    expect((await client.readResponse()).content.toString()).toBe(`127.0.0.1:${origin.port} false`);
  });
});
