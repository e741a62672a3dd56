import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, expect, test as plain } from 'vitest';
import { createProxy, OptionsError } from '../../src/index.js';
import { formatProxyHeader } from '../../src/net/proxy-header.js';
import { loopbackCertificate } from '../support/certificates.js';
import { type Network, test } from '../support/fixture.js';
import type { OriginConnection } from '../support/raw-origin.js';
import { sized } from '../support/through.js';

const ends = { address: '192.0.2.7', port: 5000, localAddress: '198.51.100.1', localPort: 443 };

describe('a PROXY protocol header for an origin server', () => {
  plain.for([
    ['IPv4', ends, 'PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n', '11000cc0000207c6336401138801bb'],
    [
      'IPv6',
      { ...ends, address: '2001:db8::7', localAddress: '2001:db8:1::' },
      'PROXY TCP6 2001:db8::7 2001:db8:1:: 5000 443\r\n',
      '21002420010db800000000000000000000000720010db8000100000000000000000000138801bb',
    ],
    [
      'addresses of two families',
      { ...ends, address: '2001:db8::7' },
      'PROXY TCP6 2001:db8::7 ::ffff:198.51.100.1 5000 443\r\n',
      '21002420010db800000000000000000000000700000000000000000000ffffc6336401138801bb',
    ],
    [
      'the addresses of a dual-stack socket',
      { ...ends, address: '::ffff:192.0.2.7', localAddress: '::ffff:198.51.100.1' },
      'PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n',
      '11000cc0000207c6336401138801bb',
    ],
    ['an unknown client', null, 'PROXY UNKNOWN\r\n', '000000'],
  ] as const)('has %s [HAProxy]', ([, given, v1, v2]) => {
    expect(formatProxyHeader('v1', given).toString('latin1')).toBe(v1);
    expect(formatProxyHeader('v2', given).toString('hex')).toBe(`0d0a0d0a000d0a515549540a21${v2}`);
  });
});

/** Answers each request with the header line of its connection. */
const tellHeader = async (connection: OriginConnection): Promise<void> => {
  const header = (await connection.readThrough('\r\n')).trimEnd();
  for (;;) {
    const { head } = await connection.readRequest();
    if (head.has('upgrade')) {
      await connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
      await connection.write(header);
      return;
    }
    await connection.write(sized(header));
  }
};

async function start(net: Network, options: object = {}) {
  const origin = await net.origin(tellHeader);
  const proxy = await net.proxy({
    upstream: { url: origin.url, proxyProtocol: 'v1', ...options },
    trustedProxies: ['127.0.0.2'],
  });
  const ask = async (client: Awaited<ReturnType<Network['client']>>, lines: readonly string[] = []) => {
    await client.get('/', lines);
    return (await client.readResponse()).content.toString();
  };
  return { origin, proxy, ask };
}

describe('with upstream.proxyProtocol', () => {
  test('each client connection has a connection of its own, which its requests share [HAProxy]', async ({
    net,
  }) => {
    const { origin, proxy, ask } = await start(net);
    const [a, b] = [await net.client(proxy), await net.client(proxy)];
    for (const client of [a, b, a]) {
      const { localPort } = client.tcp;
      expect(await ask(client)).toBe(`PROXY TCP4 127.0.0.1 127.0.0.1 ${localPort} ${proxy.port}`);
    }
    expect(origin.total).toBe(2);
    a.close();
    await origin.connections[0]?.closed;
  });

  test('the streams of an HTTP/2 client have its address [HAProxy]', async ({ net }) => {
    const origin = await net.origin(tellHeader);
    const proxy = await net.proxy({ upstream: { url: origin.url, proxyProtocol: 'v1' } }, { http2: 'tls' });
    const client = await net.http2(proxy);
    const port = client.session.socket.localPort;
    const header = `PROXY TCP4 127.0.0.1 127.0.0.1 ${port} ${proxy.port}`;
    const answers = await Promise.all([client.get('/'), client.get('/')]);
    expect(answers.map(({ content }) => content.toString())).toEqual([header, header]);
  });

  test('a tunnel begins with a header, too [HAProxy]', async ({ net }) => {
    const { proxy } = await start(net);
    const client = await net.client(proxy);
    await client.get('/', ['Connection: upgrade', 'Upgrade: x']);
    await client.readHead();
    const header = `PROXY TCP4 127.0.0.1 127.0.0.1 ${client.tcp.localPort} ${proxy.port}`;
    expect((await client.readExactly(header.length)).toString()).toBe(header);
  });

  test('behind a trusted proxy, the client is the one that it reports, without a port [HAProxy]', async ({
    net,
  }) => {
    const origin = await net.origin(tellHeader);
    const proxy = await net.proxy({
      upstream: { url: origin.url, proxyProtocol: 'v1' },
      trustedProxies: ['127.0.0.1'],
    });
    const client = await net.client(proxy);
    const answers: string[] = [];
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.1', 'unknown']) {
      await client.get('/', [`X-Forwarded-For: ${address}`]);
      answers.push((await client.readResponse()).content.toString());
    }
    const headerOf = (address: string) => `PROXY TCP4 ${address} 127.0.0.1 0 ${proxy.port}`;
    expect(answers).toEqual([
      headerOf('192.0.2.1'),
      headerOf('192.0.2.2'),
      headerOf('192.0.2.1'),
      'PROXY UNKNOWN',
    ]);
    expect(origin.total).toBe(3);
  });

  test('idle connections of other clients make room at once where connections are limited', async ({
    net,
  }) => {
    const { proxy, ask } = await start(net, { connections: { max: 1 } });
    const clients = [await net.client(proxy), await net.client(proxy), await net.client(proxy)];
    for (const client of [...clients, ...clients])
      expect(await ask(client)).toContain(` ${client.tcp.localPort} `);
  });

  test('the header comes before the TLS handshake [HAProxy]', async ({ net }) => {
    const { cert, key, ca } = await loopbackCertificate();
    const inner = await net.origin(
      async (connection) => {
        await connection.readRequest();
        await connection.write(sized('secure'));
      },
      { tls: { cert, key, ca } },
    );
    let header = '';
    // Takes the header off, and passes the rest on.
    const outer = createServer((socket: Socket) => {
      socket.once('readable', () => {
        const bytes = socket.read() as Buffer;
        const end = bytes.indexOf('\n') + 1;
        header = bytes.toString('latin1', 0, end);
        if (end < bytes.length) socket.unshift(bytes.subarray(end));
        const onward = connect(inner.port, '127.0.0.1');
        socket.pipe(onward).pipe(socket);
        for (const each of [socket, onward]) each.on('error', () => {});
        socket.on('close', () => onward.destroy());
      });
    }).listen(0, '127.0.0.1');
    await once(outer, 'listening');
    net.cleanup(() => outer.close());
    const { port } = outer.address() as { port: number };
    const proxy = await net.proxy({
      upstream: { url: `https://localhost:${port}`, proxyProtocol: 'v1', tls: { ca } },
    });
    const client = await net.client(proxy);
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('secure');
    expect(header).toBe(`PROXY TCP4 127.0.0.1 127.0.0.1 ${client.tcp.localPort} ${proxy.port}\r\n`);
  });
});

plain.for([
  [{ protocol: 'http2' }, "must not be given together with protocol: 'http2'"],
  [{ protocol: 'auto' }, "must not be given together with protocol: 'auto'"],
  [{ egressProxy: 'http://127.0.0.1:1' }, 'must not be given together with egressProxy'],
] as const)('upstream.proxyProtocol with %j is refused', ([options, problem]) => {
  const upstream = { url: 'http://127.0.0.1:1', proxyProtocol: 'v2', ...options } as const;
  expect(() => createProxy({ upstream })).toThrow(OptionsError);
  expect(() => createProxy({ upstream })).toThrow(`upstream.proxyProtocol ${problem}`);
});
