import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { GatewayOptions } from '../../src/gateway.js';
import { makeCertificate } from '../support/certificates.js';
import { type ConnectSpy, watchConnects } from '../support/connect-spy.js';
import { type DnsAnswer, startDns } from '../support/dns-server.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { startGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { sized } from '../support/through.js';

/** A public address that nothing is sent to: the spy refuses what would go there. */
const PUBLIC = '93.184.216.34';
const PUBLIC_V6 = '2606:2800:21f:cb07:6820:80da:af6b:8b2c';

let spy: ConnectSpy;
beforeAll(async () => {
  spy = await watchConnects((place) => place.startsWith('127.0.0.1 '));
});
afterAll(() => spy.stop());

/** A gateway that asks a name server of the test, and a way to ask it for a URL. */
async function resolving(
  net: Network,
  answer: Parameters<typeof startDns>[0],
  { guard, ...options }: Partial<GatewayOptions> = {},
) {
  const dns = await startDns(answer);
  net.cleanup(() => dns.stop());
  const { gateway, running, records } = await startGateway(net, {
    ...options,
    guard: { ...guard, resolver: dns.resolver },
  });
  const get = async (url: string) => {
    const client = await spy.unseen(() => net.client(running));
    spy.seen.length = 0;
    await client.get(gateway.sign({ url, expires: '1h' }));
    const { head, content } = await client.readResponse();
    return { status: head.status, content: content.toString(), dialled: [...spy.seen] };
  };
  return { get, dns, records };
}

const names = [
  ['loopback', ['127.0.0.1'], 403, []],
  ['a private address', ['10.0.0.1'], 403, []],
  ['the metadata of a cloud', ['169.254.169.254'], 403, []],
  ['an IPv6 address only, which is loopback', ['::1'], 403, []],
  ['an IPv6 address only, which is private', ['fd00:ec2::254'], 403, []],
  ['an IPv6 address only, which stands for loopback', ['::ffff:127.0.0.1'], 403, []],
  ['an IPv6 address only, which is translated to loopback', ['64:ff9b::7f00:1'], 403, []],
  ['an IPv6 address only, which is public', [PUBLIC_V6], 502, [`${PUBLIC_V6} 80`]],
  ['a public address', [PUBLIC], 502, [`${PUBLIC} 80`]],
  [
    'public and private addresses',
    ['10.0.0.1', PUBLIC, '127.0.0.1', '8.8.8.8', '::1', 'fd00::1'],
    502,
    [`${PUBLIC} 80`, '8.8.8.8 80'],
  ],
  [
    'a public address among many',
    [...Array.from({ length: 20 }, (_, i) => `192.168.0.${i}`), PUBLIC],
    502,
    [`${PUBLIC} 80`],
  ],
  ['many private addresses', Array.from({ length: 20 }, (_, i) => `10.0.0.${i}`), 403, []],
  [
    'an alias of an alias of a private address',
    [
      { name: 'files.example', cname: 'one.example' },
      { name: 'one.example', cname: 'two.example' },
      { name: 'two.example', address: '10.0.0.1' },
    ],
    403,
    [],
  ],
  [
    'an alias of localhost',
    [
      { name: 'files.example', cname: 'localhost' },
      { name: 'localhost', address: '127.0.0.1' },
    ],
    403,
    [],
  ],
  [
    'an alias of a public address',
    [
      { name: 'files.example', cname: 'one.example' },
      { name: 'one.example', address: PUBLIC },
    ],
    502,
    [`${PUBLIC} 80`],
  ],
  ['nothing', [], 502, []],
  ['that it has failed', 'servfail', 502, []],
  ['that there is no such name', 'nxdomain', 502, []],
  ['that it refuses', 'refused', 502, []],
  ['what is no answer', 'garbage', 502, []],
] as const satisfies readonly (readonly [string, DnsAnswer, number, readonly string[]])[];

describe('of a name whose server says', () => {
  test.for(names)(
    '%s, a gateway dials what is public and nothing else [smokescreen]',
    async ([, answer, status, dialled], { net }) => {
      const { get } = await resolving(net, () => answer, { timeouts: { connect: '5s' } });
      expect(await get('http://files.example/')).toMatchObject({ status, dialled });
    },
  );

  test('nothing for too long, a gateway says so in time, and dials nothing [RFC 9209 2.3.1]', async ({
    net,
  }) => {
    const { get, records } = await resolving(net, () => 'silence', { timeouts: { connect: 200 } });
    expect(await get('http://files.example/')).toMatchObject({ status: 504, dialled: [] });
    await expect.poll(() => records[0]?.error).toBe('dns_timeout');
  });

  test('nothing, since there is none, a gateway does not take it for the origin server [RFC 9209 2.3.2]', async ({
    net,
  }) => {
    const { get, dns, records } = await resolving(net, () => []);
    await dns.stop();
    expect(await get('http://files.example/')).toMatchObject({ status: 502, dialled: [] });
    await expect.poll(() => records[0]?.error).toBe('dns_error');
  });

  test('its answer late, a gateway judges it as any other [smokescreen]', async ({ net }) => {
    const gate = new Gate();
    const { get, dns } = await resolving(net, async () => {
      await gate.opened;
      return ['127.0.0.1'];
    });
    const late = get('http://files.example/');
    await expect.poll(() => dns.asked.length).toBeGreaterThan(0);
    gate.open();
    expect(await late).toMatchObject({ status: 403, dialled: [] });
  });
});

describe('of a name whose server changes its mind', () => {
  test('a gateway dials the address that it has judged, and asks no second time for it [smokescreen]', async ({
    net,
  }) => {
    const { get, dns } = await resolving(net, (_name, _type, before) =>
      before === 0 ? [PUBLIC] : ['127.0.0.1'],
    );
    expect(await get('http://rebinding.example/')).toMatchObject({ status: 502, dialled: [`${PUBLIC} 80`] });
    expect(dns.asked.toSorted()).toEqual(['A rebinding.example', 'AAAA rebinding.example']);
    expect(await get('http://rebinding.example/')).toMatchObject({ status: 403, dialled: [] });
  });

  test('a gateway judges it anew on each hop of a redirect to itself [smokescreen]', async ({ net }) => {
    const origin = await net.origin(
      respondWith((head) =>
        sized('', [`Location: ${head.target}x`, 'Connection: close'], 'HTTP/1.1 302 Found'),
      ),
    );
    const guard = { allowAddresses: [`127.0.0.1:${origin.port}`] };
    const { get } = await resolving(
      net,
      (_name, _type, before) => (before === 0 ? ['127.0.0.1'] : ['127.0.0.2', '169.254.169.254']),
      { guard },
    );
    expect(await get(`http://rebinding.example:${origin.port}/`)).toMatchObject({
      status: 403,
      dialled: [`127.0.0.1 ${origin.port}`],
    });
    expect(origin.total).toBe(1);
  });
});

describe('of a name that leads to an allowed address', () => {
  const guard = { allowAddresses: ['127.0.0.1'], allowPorts: 'any' } as const;

  test('Host, SNI and the certificate are about the name [RFC 9110 4.3.4; RFC 9110 7.2]', async ({ net }) => {
    const certificate = await makeCertificate(['files.example']);
    const seen: unknown[] = [];
    const server = await startServer(
      ({ socket, headers }, response) => {
        seen.push((socket as TLSSocket & { servername?: unknown }).servername, headers.host);
        response.end('secure');
      },
      { tls: certificate },
    );
    net.cleanup(() => server.stop());
    const { get, records } = await resolving(net, () => ['10.0.0.1', '127.0.0.1'], {
      guard,
      tls: { ca: certificate.ca },
    });
    expect(await get(`https://files.example:${server.port}/`)).toEqual({
      status: 200,
      content: 'secure',
      dialled: [`127.0.0.1 ${server.port}`],
    });
    expect(seen).toEqual(['files.example', `files.example:${server.port}`]);
    expect((await get(`https://other.example:${server.port}/`)).status).toBe(502);
    await expect.poll(() => records[1]?.error).toBe('tls_certificate_error');
    expect(seen).toHaveLength(2);
  });

  test('the name is judged by the lists of hosts, and its aliases are not [smokescreen]', async ({ net }) => {
    const origin = await net.origin(respondWith((head) => sized(`for ${head.get('host')}`)));
    const { get, dns } = await resolving(
      net,
      (name) => [
        { name, cname: 'denied.example' },
        { name: 'denied.example', address: '127.0.0.1' },
      ],
      { guard: { ...guard, denyHosts: ['denied.example'] } },
    );
    const { status, content } = await get(`http://files.example:${origin.port}/`);
    expect([status, content]).toEqual([200, `for files.example:${origin.port}`]);
    const asked = dns.asked.length;
    expect((await get(`http://denied.example:${origin.port}/`)).status).toBe(403);
    expect(dns.asked).toHaveLength(asked);
  });
});
