import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request as sendHttp } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect } from 'vitest';
import { makeCertificate } from '../../sluiceway/test/support/certificates.js';
import { freePort, startDaemon } from '../../sluiceway/test/support/daemon.js';
import { Dice } from '../../sluiceway/test/support/dice.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { Http2Client } from '../../sluiceway/test/support/http2-client.js';
import { respondWith } from '../../sluiceway/test/support/raw-origin.js';
import { describeWith, requireTool } from '../../sluiceway/test/support/requirements.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { runTool, scratchFolder } from '../../sluiceway/test/support/tool.js';
import { sluicewayProxy, sluicewayServe } from './support/program.js';
import { proxyV2, tcp4, tcp6 } from './support/proxy-headers.js';

const v1 = 'PROXY TCP4 192.0.2.7 198.51.100.1 5000 443\r\n';
const from = ['127.0.0.1'];

/** Answers with the client's address and the length of what it has sent. */
const mirror = respondWith((head, content) => sized(`${head.get('x-forwarded-for')} ${content.length}`));

interface Servers {
  ports: number[];
  socket: string;
}

/** A listener of each kind, with PROXY protocol, before an origin server that answers with the client's address. */
async function serve(net: Network, proxyProtocol: object = { from }) {
  const origin = await net.origin(mirror);
  const folder = scratchFolder(net);
  const certificate = await makeCertificate(['a.test']);
  writeFileSync(join(folder, 'a.pem'), certificate.cert);
  writeFileSync(join(folder, 'a.key'), certificate.key);
  const socket = join(folder, 'a.sock');
  const tls = { certificates: [{ cert: 'a.pem', key: 'a.key' }] };
  const address = '127.0.0.1:0';
  const program = await sluicewayServe(
    net,
    {
      listeners: [
        { address, proxyProtocol },
        { address, proxyProtocol, tls },
        { address, proxyProtocol, protocol: 'h2c' },
        { address: `unix:${socket}`, proxyProtocol: { ...proxyProtocol, from: ['unix'] } },
      ],
      log: { format: 'json' },
      routes: [{ proxy: { upstream: origin.url } }],
    },
    { folder },
  );
  return Object.assign(program, { socket });
}

async function open(net: Network, to: NetConnectOpts, header: string | Uint8Array): Promise<Socket> {
  const socket = connect(to);
  net.cleanup(() => socket.destroy());
  await once(socket, 'connect');
  socket.on('error', () => {});
  socket.write(header, 'latin1');
  return socket;
}

const loopback = (port: number | undefined): NetConnectOpts => ({ port: port ?? 0, host: '127.0.0.1' });

/** A request with content over HTTP/1.1 on a socket. */
async function put(socket: Socket): Promise<string> {
  const request = sendHttp({ method: 'PUT', createConnection: () => socket, headers: { Host: 'a.test' } });
  request.end(Buffer.alloc(200_000));
  const [response] = (await once(request, 'response')) as [AsyncIterable<Buffer>];
  let text = '';
  for await (const chunk of response) text += chunk.toString();
  return text;
}

async function putOverHttp2(net: Network, socket: Socket): Promise<string> {
  const client = new Http2Client(connectHttp2('http://a.test', { createConnection: () => socket }));
  net.cleanup(() => client.session.destroy());
  const { content } = await client.request('/', {
    headers: { ':method': 'PUT' },
    content: Buffer.alloc(200_000),
  });
  return content.toString();
}

async function secure(socket: Socket, ALPNProtocols: string[]): Promise<Socket> {
  const secured = connectTls({ socket, servername: 'a.test', rejectUnauthorized: false, ALPNProtocols });
  await once(secured, 'secureConnect');
  return secured;
}

/** What each kind of listener answers to a client whose connection begins with a header. */
const kinds = [
  [
    'HTTP/1.1',
    async (net: Network, { ports }: Servers, header: string | Uint8Array) =>
      put(await open(net, loopback(ports[0]), header)),
  ],
  [
    'HTTP/1.1 over TLS',
    async (net: Network, { ports }: Servers, header: string | Uint8Array) =>
      put(await secure(await open(net, loopback(ports[1]), header), ['http/1.1'])),
  ],
  [
    'HTTP/2 over TLS',
    async (net: Network, { ports }: Servers, header: string | Uint8Array) =>
      putOverHttp2(net, await secure(await open(net, loopback(ports[1]), header), ['h2'])),
  ],
  [
    'HTTP/2 without TLS',
    async (net: Network, { ports }: Servers, header: string | Uint8Array) =>
      putOverHttp2(net, await open(net, loopback(ports[2]), header)),
  ],
  [
    'HTTP/1.1 on a Unix socket',
    async (net: Network, { socket }: Servers, header: string | Uint8Array) =>
      put(await open(net, { path: socket }, header)),
  ],
] as const;

describe('a listener with PROXY protocol', () => {
  test.for(kinds)('takes the client of the header over %s [HAProxy]', async ([name, ask], { net }) => {
    const servers = await serve(net);
    expect(await ask(net, servers, v1)).toBe('192.0.2.7 200000');
    expect(await ask(net, servers, proxyV2(1, 0x21, tcp6))).toBe('2001:db8::7 200000');
    // The proxy's own connections, such as health checks.
    const own = name.endsWith('Unix socket') ? 'undefined' : '127.0.0.1';
    expect(await ask(net, servers, proxyV2(0, 0, Buffer.alloc(0)))).toBe(`${own} 200000`);
    expect((await servers.records(3)).map(({ clientAddress }) => clientAddress)).toEqual([
      '192.0.2.7',
      '2001:db8::7',
      own === 'undefined' ? null : own,
    ]);
  });

  test('reads a header that comes byte by byte, or together with the request', async ({ net }) => {
    const { ports } = await serve(net);
    const slow = await net.client(ports[0] ?? 0);
    for (const byte of proxyV2(1, 0x11, tcp4)) await slow.send(Buffer.from([byte]));
    await slow.get('/');
    expect((await slow.readResponse()).content.toString()).toBe('192.0.2.7 0');
    const fast = await net.client(ports[0] ?? 0);
    await fast.send(
      `${v1}GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    );
    fast.end();
    for (let i = 0; i < 2; i++) expect((await fast.readResponse()).content.toString()).toBe('192.0.2.7 0');
  });

  test('decides access, and whom to trust, by the address of the header [nginx]', async ({ net }) => {
    const origin = await net.origin(mirror);
    const program = await sluicewayServe(net, {
      listeners: [{ address: '127.0.0.1:0', proxyProtocol: { from } }],
      routes: [
        {
          access: { addresses: { allow: ['192.0.2.0/24'] } },
          proxy: { upstream: origin.url, trustedProxies: ['192.0.2.8'] },
        },
      ],
    });
    const ask = async (header: string) => {
      const client = await net.client(program);
      await client.send(header);
      await client.get('/', ['X-Forwarded-For: 192.0.2.99']);
      const { head, content } = await client.readResponse();
      return [head.status, content.toString()];
    };
    expect(await ask('PROXY TCP4 192.0.2.7 198.51.100.1 1 2\r\n')).toEqual([200, '192.0.2.7 0']);
    expect(await ask('PROXY TCP4 192.0.2.8 198.51.100.1 1 2\r\n')).toEqual([200, '192.0.2.99, 192.0.2.8 0']);
    expect((await ask('PROXY TCP4 203.0.113.1 198.51.100.1 1 2\r\n'))[0]).toBe(403);
    expect((await ask('PROXY UNKNOWN\r\n'))[0]).toBe(403);
  });

  test.for([
    ['without one', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', 'does not begin with a PROXY protocol header'],
    ['that is not valid', 'PROXY TCP4 1 2 3 4\r\n', 'has an address that is not an IPv4 address'],
    ['that is longer than a line', `PROXY UNKNOWN ${'x'.repeat(1000)}`, 'is longer than 107 bytes'],
  ] as const)(
    'closes a connection with a header %s, and says so [HAProxy]',
    async ([, bytes, problem], { net }) => {
      const program = await serve(net);
      const client = await net.client(program);
      await client.send(bytes);
      await client.closed;
      expect(client.bytesRead).toBe(0);
      await program.match('stderr', new RegExp(`a connection was not accepted: 127.0.0.1 .*${problem}`));
    },
  );

  test('closes a connection that ends within its header, and one whose header does not come [HAProxy]', async ({
    net,
  }) => {
    const program = await serve(net, { from, timeout: '200ms' });
    const cut = await net.client(program);
    await cut.send('PROXY TCP4 192');
    cut.end();
    await program.match('stderr', /127\.0\.0\.1 ended within its PROXY protocol header/);
    const silent = await net.client(program);
    await silent.closed;
    await program.match('stderr', /127\.0\.0\.1 sent no complete PROXY protocol header within 200 ms/);
  });

  test('refuses peers that are not in from, or serves them without reading a header [Caddy]', async ({
    net,
  }) => {
    const refusing = await serve(net, { from: ['192.0.2.1'] });
    const refused = await net.client(refusing);
    await refused.send(v1);
    await refused.closed;
    await refusing.match(
      'stderr',
      /127\.0\.0\.1 is not one of the peers that PROXY protocol is accepted from/,
    );
    const plain = await serve(net, { from: ['192.0.2.1'], others: 'plain' });
    const client = await net.client(plain);
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('127.0.0.1 0');
    const liar = await net.client(plain);
    await liar.send(`${v1}GET / HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect((await liar.readHead()).status).toBe(400);
  });

  test('with an optional header serves connections without one, by their own address [Caddy]', async ({
    net,
  }) => {
    const servers = await serve(net, { from, mode: 'optional' });
    for (const [name, ask] of kinds.slice(0, 4)) {
      expect([name, await ask(net, servers, '')]).toEqual([name, '127.0.0.1 200000']);
      expect([name, await ask(net, servers, v1)]).toEqual([name, '192.0.2.7 200000']);
    }
  });

  test('does not wait for headers when it stops', async ({ net }) => {
    const program = await serve(net, { from, timeout: '1h' });
    const waiting = await net.client(program);
    await waiting.send('PROXY ');
    program.signal('SIGTERM');
    await waiting.closed;
    expect(await program.exited).toBe(0);
  });

  test('survives connections that begin with anything, and goes on serving', async ({ net }) => {
    const { ports } = await serve(net, { from, timeout: '1s' });
    const dice = new Dice(7);
    const header = proxyV2(1, 0x11, tcp4);
    for (let round = 0; round < 60; round++) {
      const bytes = Buffer.from(dice.roll(2) === 0 ? header : Buffer.from(v1));
      for (let hits = 0; hits < 3; hits++) bytes[dice.roll(bytes.length)] = dice.roll(256);
      const socket = await open(
        net,
        loopback(ports[dice.roll(3)]),
        bytes.subarray(0, dice.roll(bytes.length)),
      );
      socket.end();
    }
    const client = await net.client(ports[0] ?? 0);
    await client.send(v1);
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('192.0.2.7 0');
  });

  test('can be turned on and off by a reload', async ({ net }) => {
    const origin = await net.origin(mirror);
    const config = (proxyProtocol?: object) => ({
      listeners: [{ address: '127.0.0.1:0', proxyProtocol }],
      routes: [{ proxy: { upstream: origin.url } }],
    });
    const program = await sluicewayServe(net, config());
    const ask = async (header: string) => {
      const client = await net.client(program);
      await client.send(header);
      await client.get('/');
      return (await client.readResponse()).content.toString();
    };
    expect(await ask('')).toBe('127.0.0.1 0');
    await program.reload(config({ from }));
    expect(await ask(v1)).toBe('192.0.2.7 0');
    await program.reload(config());
    expect(await ask('')).toBe('127.0.0.1 0');
  });
});

test('--proxy-protocol of sluiceway proxy names the proxies whose headers are believed', async ({ net }) => {
  const origin = await net.origin(mirror);
  const program = await sluicewayProxy(net, origin.url, '--proxy-protocol', '192.0.2.0/24,127.0.0.1');
  const client = await net.client(program);
  await client.send(v1);
  await client.get('/');
  expect((await client.readResponse()).content.toString()).toBe('192.0.2.7 0');
});

const haproxy = requireTool('haproxy');
const curl = requireTool('curl');

/** Has a client ask a proxy that passes connections on. Its address on loopback must arrive. */
async function askThrough(net: Network, port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.9' });
  net.cleanup(() => socket.destroy());
  await once(socket, 'connect');
  return put(socket);
}

describeWith(haproxy)('HAProxy in front', () => {
  test.for([
    'send-proxy',
    'send-proxy-v2',
    'send-proxy-v2 proxy-v2-options crc32c,unique-id',
    'send-proxy-v2 check-send-proxy check inter 50ms',
  ])('with %s: the client is its client [HAProxy]', async (keyword, { net }) => {
    const { ports } = await serve(net);
    const port = await freePort();
    const file = join(scratchFolder(net), 'haproxy.cfg');
    writeFileSync(
      file,
      `defaults
           mode tcp
           timeout connect 10s
           timeout client 10s
           timeout server 10s
         listen front
           bind 127.0.0.1:${port}
           server sluiceway 127.0.0.1:${ports[0]} ${keyword}
`,
    );
    await startDaemon(net, haproxy, ['-db', '-f', file], port);
    expect(await askThrough(net, port)).toBe('127.0.0.9 200000');
  });
});

describeWith(curl)('curl', () => {
  test('with --haproxy-protocol is the client of its own header [curl]', async ({ net }) => {
    const { ports } = await serve(net, { from: ['127.0.0.0/8'] });
    const args = ['-sS', '--haproxy-protocol', '--interface', '127.0.0.9', `http://127.0.0.1:${ports[0]}/`];
    const { stdout, stderr } = await runTool(net, curl, args, { in: scratchFolder(net) });
    expect([stdout, stderr]).toEqual(['127.0.0.9 0', '']);
  });
});
