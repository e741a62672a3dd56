import { describe, expect, vi } from 'vitest';
import { servingFiles, sumLine } from '../../sluiceway/test/support/checksum-files.js';
import { startConnectProxy } from '../../sluiceway/test/support/connect-proxy.js';
import { memberOf } from '../../sluiceway/test/support/digests.js';
import { test } from '../../sluiceway/test/support/fixture.js';
import { startHttp2Server } from '../../sluiceway/test/support/node-http2.js';
import { nodeOrigin } from '../../sluiceway/test/support/node-origin.js';
import {
  type OriginConnection,
  type OriginScript,
  respondWith,
} from '../../sluiceway/test/support/raw-origin.js';
import { sized } from '../../sluiceway/test/support/through.js';
import { sluicewayProxy } from './support/program.js';

const head = 'HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n';

/** Sends a few bytes now and then until the connection is over: slow, and never idle. */
async function trickle(connection: OriginConnection): Promise<void> {
  const timer = setInterval(() => void connection.write('drop'), 50);
  await connection.closed;
  clearInterval(timer);
}

describe('a timeout or limit ends a transfer', () => {
  test('--connect-timeout covers the TLS handshake', async ({ net }) => {
    const silent = await net.origin(() => {});
    const url = `https://127.0.0.1:${silent.port}`;
    const program = await sluicewayProxy(net, url, '--log', 'json', '--connect-timeout', '200ms');
    const client = await net.client(program);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(504);
    expect(await program.record()).toMatchObject({
      outcome: 'upstream_timeout',
      error: 'connection_timeout',
    });
  });

  test('--response-head-timeout', async ({ net }) => {
    const origin = await net.origin(async (connection) => void (await connection.readHead()));
    const program = await sluicewayProxy(
      net,
      origin.url,
      '--log',
      'json',
      '--response-head-timeout',
      '200ms',
    );
    const client = await net.client(program);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(504);
    expect(await program.record()).toMatchObject({
      outcome: 'upstream_timeout',
      error: 'http_response_timeout',
    });
  });

  const silentContent: OriginScript = async (connection) => {
    await connection.readHead();
    await connection.write(`${head}begin`);
  };
  const slowContent: OriginScript = async (connection) => {
    await connection.readHead();
    await connection.write(head);
    await trickle(connection);
  };

  test.for([
    ['--upstream-idle-timeout', '200ms', silentContent, 'upstream_stalled', 'connection_read_timeout'],
    ['--min-rate', '64KiB', slowContent, 'upstream_stalled', 'connection_read_timeout'],
  ] as const)('%s %s', async ([flag, value, script, outcome, error], { net }) => {
    const origin = await net.origin(script);
    const program = await sluicewayProxy(net, origin.url, '--log', 'json', flag, value);
    const client = await net.client(program);
    await client.get('/');
    const response = await client.readResponse();
    expect(response).toMatchObject({ complete: false, head: { status: 200 } });
    expect(await program.record()).toMatchObject({ status: 200, outcome, error });
  });

  test('--total-timeout', async ({ net }) => {
    const origin = await net.origin(async (connection) => void (await connection.readHead()));
    const program = await sluicewayProxy(net, origin.url, '--log', 'json', '--total-timeout', '200ms');
    const client = await net.client(program);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(504);
    expect(await program.record()).toMatchObject({ outcome: 'limited', error: 'total_timeout' });
  });

  test('--client-idle-timeout', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write(head);
      await connection.writeSeeded('unread', 0, 100_000_000);
    });
    const program = await sluicewayProxy(net, origin.url, '--log', 'json', '--client-idle-timeout', '300ms');
    const client = await net.client(program);
    await client.get('/');
    await client.readHead();
    client.pause();
    expect(await program.record()).toMatchObject({ outcome: 'client_stalled', error: 'client_stalled' });
  });

  test('--tunnel-idle-timeout', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n',
      );
    });
    const program = await sluicewayProxy(net, origin.url, '--log', 'json', '--tunnel-idle-timeout', '200ms');
    const client = await net.client(program);
    await client.get('/', ['Connection: upgrade', 'Upgrade: echo']);
    expect((await client.readHead()).status).toBe(101);
    await client.closed;
    expect(await program.record()).toMatchObject({ status: 101 });
    await origin.connections[0]?.closed;
  });
});

test('--max-upload refuses a larger upload before the origin server is asked', async ({ net }) => {
  const origin = await net.origin(() => {});
  const program = await sluicewayProxy(net, origin.url, '--log', 'json', '--max-upload', '1KiB');
  const client = await net.client(program);
  await client.send('PUT / HTTP/1.1\r\nHost: test\r\nContent-Length: 1025\r\n\r\n');
  expect((await client.readResponse()).head.status).toBe(413);
  expect(await program.record()).toMatchObject({ outcome: 'rejected', error: 'content_too_large' });
  expect(origin.total).toBe(0);
});

describe('what the origin server is told', () => {
  const askedWith = async (net: Parameters<typeof sluicewayProxy>[0], ...flags: string[]) => {
    let lines: readonly string[] = [];
    const origin = await net.origin(
      respondWith((request) => {
        lines = request.lines;
        return 'HTTP/1.1 204 No Content\r\n\r\n';
      }),
    );
    const program = await sluicewayProxy(net, `${origin.url}/base`, ...flags);
    const client = await net.client(program);
    await client.get('/', ['X-Forwarded-For: 192.0.2.7']);
    const response = await client.readResponse();
    return { lines, response };
  };

  test('--name is the name in Via, both ways', async ({ net }) => {
    const { lines, response } = await askedWith(net, '--name', 'edge-7');
    expect(lines).toContainEqual(expect.stringMatching(/^via: 1\.1 edge-7$/i));
    expect(response.head.get('via')).toBe('1.1 edge-7');
  });

  test('--forwarded-port tells the origin server the port, nothing does without [Traefik]', async ({
    net,
  }) => {
    const { lines } = await askedWith(net, '--forwarded-port');
    expect(lines).toContainEqual(expect.stringMatching(/^x-forwarded-port: \d+$/i));
    const without = await askedWith(net);
    expect(without.lines.filter((line) => /^x-forwarded-port:/i.test(line))).toEqual([]);
  });

  test('--trusted-proxies believes what they say of the client, nobody is believed without', async ({
    net,
  }) => {
    const trusting = await askedWith(net, '--trusted-proxies', '10.0.0.0/8,127.0.0.1');
    expect(trusting.lines).toContainEqual(
      expect.stringMatching(/^x-forwarded-for: 192\.0\.2\.7, 127\.0\.0\.1$/i),
    );
    const distrusting = await askedWith(net);
    expect(distrusting.lines).toContainEqual(expect.stringMatching(/^x-forwarded-for: 127\.0\.0\.1$/i));
  });
});

describe('--egress-proxy', () => {
  const reach = async (net: Parameters<typeof sluicewayProxy>[0], proxyOf: (url: string) => string) => {
    const origin = await net.origin(respondWith('HTTP/1.1 204 No Content\r\n\r\n'));
    const egress = await startConnectProxy(net);
    const program = await sluicewayProxy(
      net,
      `http://origin.test:${origin.port}`,
      '--egress-proxy',
      proxyOf(egress.url),
    );
    const client = await net.client(program);
    await client.get('/');
    const { status } = (await client.readResponse()).head;
    return { status, egress, program, target: `origin.test:${origin.port}` };
  };

  test('reaches the origin server through that proxy, and tells nobody its password [Go ProxyFromEnvironment]', async ({
    net,
  }) => {
    const withPassword = (url: string) => url.replace('//', '//user:hush-hush@');
    const { status, egress, program, target } = await reach(net, withPassword);
    expect([status, egress.requests[0]?.target]).toEqual([204, target]);
    await program.match('stderr', /status=204/);
    expect(program.stdout + program.stderr).not.toMatch(/hush-hush/);
  });

  test('environment goes by what the variables say, which are not looked at otherwise [Go ProxyFromEnvironment]', async ({
    net,
  }) => {
    const { status, egress, target } = await reach(net, (url) => {
      vi.stubEnv('http_proxy', url);
      return 'environment';
    });
    expect([status, egress.requests[0]?.target]).toEqual([204, target]);

    const origin = await net.origin(respondWith('HTTP/1.1 204 No Content\r\n\r\n'));
    vi.stubEnv('NO_PROXY', '');
    const direct = await sluicewayProxy(net, origin.url);
    vi.unstubAllEnvs();
    const client = await net.client(direct);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(204);
    expect(egress.requests).toHaveLength(1);
  });
});

test.for([
  ['http2', 'HTTP/2.0'],
  ['http1', 'HTTP/1.1'],
] as const)(
  '--upstream-protocol %s speaks %s with the origin server',
  async ([protocol, version], { net }) => {
    const h1 = await net.origin(respondWith('HTTP/1.1 204 No Content\r\nX-Version: HTTP/1.1\r\n\r\n'));
    const h2 = await startHttp2Server(net, (stream) => {
      stream.respond({ ':status': 204, 'x-version': 'HTTP/2.0' }, { endStream: true });
    });
    const { url } = protocol === 'http2' ? h2 : h1;
    const program = await sluicewayProxy(net, url, '--upstream-protocol', protocol);
    const client = await net.client(program);
    await client.get('/');
    expect((await client.readResponse()).head.get('x-version')).toBe(version);
  },
);

test('--no-verify-digests passes content that has another digest than the origin server gives', async ({
  net,
}) => {
  const lines = [`Repr-Digest: ${memberOf('something else')}`];
  const origin = await net.origin(respondWith(sized('content', lines)));
  for (const flags of [[], ['--no-verify-digests']]) {
    const program = await sluicewayProxy(net, origin.url, ...flags);
    const client = await net.client(program);
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(flags.length > 0);
  }
});

test('--digest-sidecar verifies files by their checksum files, and --missing-sidecar says what passes without', async ({
  net,
}) => {
  const sums = sumLine('content', 'right') + sumLine('content', 'wrong');
  const files = { '/right': 'content', '/wrong': 'another', '/new': 'new', '/SUMS': sums };
  const origin = await nodeOrigin(net, servingFiles(files));
  for (const [flags, ofNew] of [
    [[], 502],
    [['--missing-sidecar', 'ignore'], 200],
  ] as const) {
    const program = await sluicewayProxy(net, origin.url, '--digest-sidecar', 'SUMS', ...flags);
    for (const [path, status, complete] of [
      ['/right', 200, true],
      ['/new', ofNew, true],
      ['/wrong', 200, false],
    ] as const) {
      const client = await net.client(program);
      await client.get(path);
      const response = await client.readResponse();
      expect([path, response.head.status, response.complete]).toEqual([path, status, complete]);
    }
  }
});

test('--accept-encoding identity asks the origin server for content that is not compressed', async ({
  net,
}) => {
  const origin = await net.origin(respondWith((request) => sized(request.get('accept-encoding') ?? 'none')));
  const program = await sluicewayProxy(net, origin.url, '--accept-encoding', 'identity');
  const client = await net.client(program);
  await client.get('/', ['Accept-Encoding: gzip']);
  expect((await client.readResponse()).content.toString()).toBe('identity');
});

test('--convert-head asks with GET where the origin server refuses HEAD [RFC 9110 9.3.2; nginx]', async ({
  net,
}) => {
  const origin = await net.origin(
    respondWith(({ method }) =>
      method === 'GET' ? sized('file') : 'HTTP/1.1 405 Method Not Allowed\r\nContent-Length: 0\r\n\r\n',
    ),
  );
  for (const [flags, status] of [
    [[], 405],
    [['--convert-head', 'fallback'], 200],
  ] as const) {
    const program = await sluicewayProxy(net, origin.url, ...flags);
    const client = await net.client(program);
    await client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n');
    expect((await client.readResponse({ method: 'HEAD' })).head.status).toBe(status);
  }
});
