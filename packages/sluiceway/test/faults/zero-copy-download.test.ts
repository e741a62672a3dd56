import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { expect } from 'vitest';
import { createProxy } from '../../src/index.js';
import { loopbackCertificate } from '../support/certificates.js';
import { isSeeded, seededBytes } from '../support/content.js';
import type { Network } from '../support/fixture.js';
import { test } from '../support/fixture.js';
import { type Delivery, type FileRequest, rangedOrigin } from '../support/ranged-origin.js';
import type { RawClient } from '../support/raw-client.js';
import type { OriginConnection } from '../support/raw-origin.js';
import { describeWith, requireZeroCopy } from '../support/requirements.js';
import type { ProxyOptions } from '../support/servers.js';
import { startServer } from '../support/servers.js';
import { through } from '../support/through.js';
import { until } from '../support/until.js';

const zeroCopy = requireZeroCopy();
const MiB = 1024 * 1024;
const SIZE = 12 * MiB + 345;
const file = seededBytes('zero', 0, SIZE);

type Options = Omit<ProxyOptions, 'upstream'>;

/** An origin server of the file, and a proxy before it that may use zero copy. */
async function line(
  net: Network,
  options: Options = {},
  decide: (request: FileRequest) => Delivery | 'whole' | Promise<void> = () => 'whole',
) {
  const asked: FileRequest[] = [];
  const script = rangedOrigin(file, (request) => {
    asked.push(request);
    return decide(request);
  });
  const origin = await net.origin(script);
  const running = await net.proxy({ upstream: origin.url, zeroCopy: true, ...options });
  return { asked, origin, running, client: await net.client(running) };
}

/** Reads one response, and compares its content with that of the file from `start` on. */
async function readFile(client: RawClient, start = 0) {
  let at = start;
  const response = await client.readResponse({
    onContent: (bytes) => {
      if (!isSeeded('zero', at, bytes)) throw new Error(`Wrong bytes at ${at}`);
      at += bytes.length;
    },
  });
  return { ...response, at };
}

describeWith(zeroCopy)('a download between plain TCP connections', () => {
  test('has every byte, ranges too, and both connections go on to the next one [Sluiceway]', async ({
    net,
  }) => {
    const { client, origin, running } = await line(net);
    for (let i = 0; i < 3; i += 1) {
      await client.get('/');
      expect(await readFile(client)).toMatchObject({ complete: true, at: SIZE });
    }
    await client.get('/', ['Range: bytes=1000000-9000000']);
    const part = await readFile(client, 1_000_000);
    expect(part.head.status).toBe(206);
    expect(part).toMatchObject({ complete: true, at: 9_000_001 });
    expect(origin.total).toBe(1);
    expect(await running.records(4)).toMatchObject([
      { outcome: 'completed', zeroCopy: true, bytesDown: SIZE },
      { outcome: 'completed', zeroCopy: true, bytesDown: SIZE },
      { outcome: 'completed', zeroCopy: true, bytesDown: SIZE },
      { outcome: 'completed', zeroCopy: true, bytesDown: 8_000_001 },
    ]);
  });

  test('whose head comes long before its content gets its head at once [Sluiceway]', async ({ net }) => {
    let send = (): void => {};
    const { client } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
        await new Promise<void>((resolve) => (send = resolve));
        await connection.writeSeeded('zero', 0, SIZE);
      },
      { zeroCopy: true },
    );
    await client.get('/');
    const head = await client.readHead();
    expect(head.status).toBe(200);
    send();
    expect(await client.readContent(head)).toMatchObject({ complete: true, contentLength: SIZE });
  });

  test('of single bytes with pauses arrives byte by byte [Sluiceway]', async ({ net }) => {
    let connection: OriginConnection | undefined;
    const { client, running } = await through(
      net,
      async (each) => {
        await each.readHead();
        await each.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
        connection = each;
      },
      { zeroCopy: true },
    );
    await client.get('/');
    await client.readHead();
    for (let i = 0; i < 20; i += 1) {
      await connection?.write(file.subarray(i, i + 1));
      expect(await client.readExactly(1)).toEqual(file.subarray(i, i + 1));
    }
    client.close();
    expect(await running.record()).toMatchObject({
      outcome: 'client_aborted',
      zeroCopy: true,
      bytesDown: 20,
    });
  });

  test('requests that are pipelined are answered in order, HEAD, 204 and 304 among them [RFC 9112 9.3.2]', async ({
    net,
  }) => {
    const origin = await net.origin(async (connection) => {
      for (;;) {
        const head = await connection.readHead();
        if (head.startLine.includes('/file')) {
          await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
          if (!head.startLine.startsWith('HEAD')) await connection.writeSeeded('zero', 0, SIZE);
        } else {
          const status = head.startLine.includes('/204') ? '204 No Content' : '304 Not Modified';
          await connection.write(`HTTP/1.1 ${status}\r\nETag: "a"\r\n\r\n`);
        }
      }
    });
    const running = await net.proxy({ upstream: origin.url, zeroCopy: true });
    const client = await net.client(running);
    const request = (method: string, path: string) => `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    await client.send(
      [
        request('GET', '/file'),
        request('HEAD', '/file'),
        request('GET', '/204'),
        request('GET', '/file'),
        request('GET', '/304'),
      ].join(''),
    );
    expect(await readFile(client)).toMatchObject({ complete: true, at: SIZE });
    const head = await client.readResponse({ method: 'HEAD' });
    expect([head.head.status, head.head.contentLength]).toEqual([200, SIZE]);
    expect((await client.readResponse()).head.status).toBe(204);
    expect(await readFile(client)).toMatchObject({ complete: true, at: SIZE });
    expect((await client.readResponse()).head.status).toBe(304);
    expect((await running.records(5)).map((record) => record.zeroCopy)).toEqual([
      true,
      false,
      false,
      true,
      false,
    ]);
  });

  test.for(['end', 'reset'] as const)(
    'that the origin server breaks off (%s) goes on from the exact byte, again by zero copy [RFC 9110 15.3.7]',
    async (ending, { net }) => {
      const { asked, client, running } = await line(net, {}, ({ index }) =>
        index < 3 ? { bytes: 3 * MiB + index, ending } : 'whole',
      );
      await client.get('/');
      expect(await readFile(client)).toMatchObject({ complete: true, at: SIZE });
      expect(asked.length).toBe(4);
      expect(await running.record()).toMatchObject({
        outcome: 'completed',
        resumes: 3,
        zeroCopy: true,
        bytesDown: SIZE,
      });
    },
  );

  test('that cannot be resumed is visibly broken off [Sluiceway]', async ({ net }) => {
    const { client, running } = await line(net, { resume: false }, () => ({ bytes: 5 * MiB, ending: 'end' }));
    await client.get('/');
    const response = await readFile(client);
    expect(response.complete).toBe(false);
    expect(await running.record()).toMatchObject({
      outcome: 'upstream_truncated',
      error: 'http_response_incomplete',
      zeroCopy: true,
      bytesDown: 5 * MiB,
    });
  });

  test('is aborted with its client, and the connection to the origin server is closed [Sluiceway]', async ({
    net,
  }) => {
    const { client, origin, running } = await line(net);
    await client.get('/');
    await client.readHead();
    await client.readExactly(2 * MiB);
    client.reset();
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted', zeroCopy: true });
    await until(() => origin.open === 0, 'the connection was closed');
  });

  test('whose client stalls ends by clientIdle [Sluiceway]', async ({ net }) => {
    const { client, running } = await line(net, { timeouts: { clientIdle: 300 } });
    await client.get('/');
    await client.readHead();
    client.pause();
    expect(await running.record()).toMatchObject({ outcome: 'client_stalled', zeroCopy: true });
  });

  test('whose client reads slowly, but reads, is not cut off by clientIdle [Sluiceway]', async ({ net }) => {
    const { client } = await line(net, { timeouts: { clientIdle: 2000 } });
    await client.get('/');
    const head = await client.readHead();
    let at = 0;
    let pauses = 0;
    const { complete } = await client.readContent(head, {
      onContent: (bytes) => {
        at += bytes.length;
        if (at < (pauses + 1) * MiB) return;
        pauses += 1;
        client.pause();
        setTimeout(() => client.resume(), 2400 / (SIZE / MiB));
      },
    });
    expect([complete, at]).toEqual([true, SIZE]);
  });

  test('whose origin server stalls ends by upstreamIdle [Sluiceway]', async ({ net }) => {
    const { client, running } = await line(net, { timeouts: { upstreamIdle: 300 }, resume: false }, () => ({
      bytes: 4 * MiB,
      ending: 'stall',
    }));
    await client.get('/');
    expect((await readFile(client)).complete).toBe(false);
    expect(await running.record()).toMatchObject({ outcome: 'upstream_stalled', bytesDown: 4 * MiB });
  });

  test('whose origin server stalls is continued elsewhere [Sluiceway]', async ({ net }) => {
    const { client, running } = await line(net, { timeouts: { upstreamIdle: 300 } }, ({ index }) =>
      index === 0 ? { bytes: 4 * MiB, ending: 'stall' } : 'whole',
    );
    await client.get('/');
    expect(await readFile(client)).toMatchObject({ complete: true, at: SIZE });
    expect(await running.record()).toMatchObject({ outcome: 'completed', resumes: 1 });
  });

  test('that is slower than limits.minRate ends [Sluiceway]', async ({ net }) => {
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
        const timer = setInterval(() => void connection.write('drop'), 50);
        await connection.closed;
        clearInterval(timer);
      },
      { zeroCopy: true, limits: { minRate: '64KiB' } },
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    expect(await running.record()).toMatchObject({ outcome: 'upstream_stalled', zeroCopy: true });
  });

  test('goes on to its end while the proxy drains, and ends at once where it is destroyed [Sluiceway]', async ({
    net,
  }) => {
    const { client, running } = await line(net);
    await client.get('/');
    const head = await client.readHead();
    const closing = running.proxy.close();
    expect(await client.readContent(head)).toMatchObject({ complete: true, contentLength: SIZE });
    await closing;
    expect(await running.record()).toMatchObject({ outcome: 'completed', zeroCopy: true });

    const other = await line(net);
    await other.client.get('/');
    await other.client.readHead();
    other.client.pause();
    await until(() => other.running.proxy.active === 1, 'the transfer ran');
    other.running.proxy.destroy();
    expect(await other.running.record()).toMatchObject({ outcome: 'shutdown' });
    await until(() => other.origin.open === 0, 'the connection was closed');
  });

  test('from a client that has ended its side goes on as long as bytes flow [RFC 9112 9.6]', async ({
    net,
  }) => {
    const { client, running } = await line(net);
    await client.get('/');
    const head = await client.readHead();
    client.end();
    expect(await client.readContent(head)).toMatchObject({ complete: true, contentLength: SIZE });
    expect(await running.record()).toMatchObject({ outcome: 'completed' });
  });

  test('of HTTP/1.0 without keep-alive ends with the connection [RFC 9112 9.3]', async ({ net }) => {
    const { client } = await line(net);
    await client.send('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect(await readFile(client)).toMatchObject({ complete: true, at: SIZE });
    expect(await client.closed).toBe('fin');
  });

  test('shows its progress while it runs [Sluiceway]', async ({ net }) => {
    const seen: number[] = [];
    const isDone = new Promise<void>((resolve) => {
      void line(net, {
        observers: [
          {
            onTransferStart: (transfer) => {
              const timer = setInterval(() => seen.push(transfer.bytesDown), 5);
              net.cleanup(() => clearInterval(timer));
            },
            onTransferEnd: () => resolve(),
          },
        ],
      }).then(async ({ client }) => {
        await client.get('/');
        const head = await client.readHead();
        await client.readExactly(MiB);
        client.pause();
        await until(() => (seen.at(-1) ?? 0) > MiB, 'the progress was seen');
        client.resume();
        await client.readContent(head).catch(() => {});
        client.close();
      });
    });
    await isDone;
    expect(seen.some((bytes) => bytes > MiB && bytes < SIZE)).toBe(true);
  });
});

describeWith(zeroCopy)('content that somebody has to see is copied', () => {
  const copied: [string, Options][] = [
    ['by default', { zeroCopy: false }],
    ['for an observer of content', { observers: [{ onResponseContent: () => {} }] }],
    [
      'for a transform',
      { transform: { response: { changesContent: false, create: () => new PassThrough() } } },
    ],
  ];
  test.for(copied)('%s [Sluiceway]', async ([, options], { net }) => {
    const { client, running } = await line(net, options);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(true);
    expect(response.content.equals(file)).toBe(true);
    expect(await running.record()).toMatchObject({ outcome: 'completed', zeroCopy: false, bytesDown: SIZE });
  });

  test('where the client speaks TLS [Sluiceway]', async ({ net }) => {
    const certificate = await loopbackCertificate();
    const origin = await net.origin(rangedOrigin(file, () => 'whole'));
    const running = await net.proxy({ upstream: origin.url, zeroCopy: true }, { tls: certificate });
    const client = await net.client(running, { tls: { ca: certificate.ca } });
    await client.get('/');
    expect(await readFile(client)).toMatchObject({ complete: true, at: SIZE });
    expect(await running.record()).toMatchObject({ zeroCopy: false });
  });

  test('where middleware has replaced a method of the response or its socket [Express]', async ({ net }) => {
    const origin = await net.origin(rangedOrigin(file, () => 'whole'));
    const records: boolean[] = [];
    const proxy = createProxy({
      upstream: origin.url,
      zeroCopy: true,
      observers: [{ onTransferEnd: (record) => void records.push(record.zeroCopy) }],
    });
    const seen = { response: 0, socket: 0 };
    const count = (target: ServerResponse | Socket, what: 'response' | 'socket'): void => {
      const write = target.write.bind(target) as (...args: unknown[]) => boolean;
      target.write = (...args: unknown[]) => {
        seen[what] += (args[0] as Uint8Array).length;
        return write(...args);
      };
    };
    const running = await startServer((request, response) => {
      if (request.url === '/response') count(response, 'response');
      else count(response.socket as Socket, 'socket');
      void proxy.handle(request, response);
    });
    net.cleanup(async () => {
      proxy.destroy();
      await running.stop();
    });
    for (const path of ['/response', '/socket']) {
      const client = await net.client(running.port);
      await client.get(path);
      expect(await readFile(client)).toMatchObject({ complete: true, at: SIZE });
      client.close();
    }
    await until(() => records.length === 2, 'both had ended');
    expect(records).toEqual([false, false]);
    expect(seen.response).toBe(SIZE);
    expect(seen.socket).toBeGreaterThan(SIZE);
  });

  test('where a server of node:http has a timeout, bytes past this process restart it [Sluiceway]', async ({
    net,
  }) => {
    const origin = await net.origin(rangedOrigin(file, () => 'whole'));
    const proxy = createProxy({ upstream: origin.url, zeroCopy: true });
    const server = createHttpServer((request, response) => void proxy.handle(request, response));
    server.timeout = 2000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    net.cleanup(() => {
      proxy.destroy();
      server.closeAllConnections();
      server.close();
    });
    const client = await net.client((server.address() as { port: number }).port);
    await client.get('/');
    const head = await client.readHead();
    let at = 0;
    let pauses = 0;
    const { complete } = await client.readContent(head, {
      onContent: (bytes) => {
        at += bytes.length;
        if (at < (pauses + 1) * MiB) return;
        pauses += 1;
        client.pause();
        setTimeout(() => client.resume(), 2400 / (SIZE / MiB));
      },
    });
    expect([complete, at]).toEqual([true, SIZE]);
  });
});
