import { describe, expect } from 'vitest';
import { attach, createProxy, stripPrefix } from '../../src/index.js';
import { loopbackCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import type { RequestHead } from '../support/message-head.js';
import { respondWith } from '../support/raw-origin.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { sized } from '../support/through.js';

interface Asked {
  lines: readonly string[];
  prefix?: string;
  tls?: boolean;
  options?: Omit<ProxyOptions, 'upstream'>;
}

const both = { headers: { forwarded: { port: true, prefix: true } } } as const;
const trusting = { ...both, trustedProxies: ['127.0.0.0/8'] };

/** All lines of both fields, as the origin server gets them. */
async function forwarded(
  net: Network,
  { lines, prefix = '', tls = false, options = both }: Asked,
): Promise<[port: string[], prefix: string[]]> {
  const seen: RequestHead[] = [];
  const origin = await net.origin(
    respondWith((head) => {
      seen.push(head);
      return sized('');
    }),
  );
  const certificate = tls ? await loopbackCertificate() : undefined;
  const proxy = createProxy({ upstream: origin.url, ...options });
  const running = await startServer(undefined, certificate && { tls: certificate });
  attach(running.server, prefix === '' ? proxy : stripPrefix(prefix, proxy));
  net.cleanup(() => running.stop());
  net.cleanup(() => proxy.close());
  const client = await net.client(running, certificate && { tls: { ca: certificate.ca } });
  await client.send([`GET ${prefix}/a HTTP/1.1`, ...lines, '', ''].join('\r\n'));
  await client.readResponse();
  const [head] = seen;
  return [head?.getAll('x-forwarded-port') ?? [], head?.getAll('x-forwarded-prefix') ?? []];
}

describe('X-Forwarded-Port', () => {
  test.for([
    ['the port in Host', ['Host: files.test:8443'], {}, '8443'],
    ['80 for http', ['Host: files.test'], {}, '80'],
    ['443 for https', ['Host: files.test'], { tls: true }, '443'],
    ['the port in Host behind an address', ['Host: [2001:db8::1]:81'], {}, '81'],
    ['80 behind an address without a port', ['Host: [2001:db8::81]'], {}, '80'],
    [
      'our own in place of what an untrusted client says',
      ['Host: files.test', 'X-Forwarded-Port: 1', 'x_forwarded_port: 2'],
      {},
      '80',
    ],
    [
      'what a trusted proxy says',
      ['Host: files.test', 'X-Forwarded-Port: 8443'],
      { options: trusting },
      '8443',
    ],
    [
      'what goes with the host and scheme that a trusted proxy says',
      ['Host: inner:81', 'X-Forwarded-Host: files.test', 'X-Forwarded-Proto: https'],
      { options: trusting },
      '443',
    ],
  ] as const)('is %s [Traefik]', async ([, lines, asked, expected], { net }) => {
    expect((await forwarded(net, { lines, ...asked }))[0]).toEqual([expected]);
  });
});

describe('X-Forwarded-Prefix', () => {
  test.for([
    ['what stripPrefix has taken off', ['Host: a'], { prefix: '/m/n' }, ['/m/n']],
    ['absent where nothing was', ['Host: a'], {}, []],
    [
      'our own in place of what an untrusted client says',
      ['Host: a', 'X-Forwarded-Prefix: /x'],
      { prefix: '/m' },
      ['/m'],
    ],
    ['absent where only an untrusted client says one', ['Host: a', 'X-Forwarded-Prefix: /x'], {}, []],
    [
      'ours behind those that trusted proxies say',
      ['Host: a', 'X-Forwarded-Prefix: /x/, /y', 'X-Forwarded-Prefix: /z'],
      { prefix: '/m', options: trusting },
      ['/x/y/z/m'],
    ],
    [
      'what a trusted proxy says where nothing was taken off',
      ['Host: a', 'X-Forwarded-Prefix: /x'],
      { options: trusting },
      ['/x'],
    ],
  ] as const)('is %s [Traefik; Spring]', async ([, lines, asked, expected], { net }) => {
    expect((await forwarded(net, { lines, ...asked }))[1]).toEqual(expected);
  });
});

test('neither X-Forwarded-Port nor -Prefix is sent unless the options say so [Go ReverseProxy]', async ({
  net,
}) => {
  const lines = ['Host: a', 'X-Forwarded-Port: 1', 'X-Forwarded-Prefix: /x'];
  expect(await forwarded(net, { lines, prefix: '/m', options: {} })).toEqual([[], []]);
});
