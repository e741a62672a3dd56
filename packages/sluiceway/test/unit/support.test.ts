import { createHash } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { describe, expect } from 'vitest';
import { loopbackCertificate, makeAuthority, makeCertificate } from '../support/certificates.js';
import { isSeeded, seededBytes, seededDigest, seededView } from '../support/content.js';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { until } from '../support/until.js';

const MiB = 1024 * 1024;

describe('seeded content', () => {
  test('any part equals the same part of the whole', () => {
    const whole = seededBytes('parts', 0, 3 * MiB + 5);
    for (const [offset, length] of [
      [0, 1],
      [1, MiB],
      [MiB - 1, 2],
      [MiB, MiB],
      [MiB - 7, 2 * MiB + 12],
      [3 * MiB + 4, 1],
      [17, 0],
    ] as const) {
      const part = seededBytes('parts', offset, length);
      expect(part.equals(whole.subarray(offset, offset + length)), `${length} at ${offset}`).toBe(true);
      expect(isSeeded('parts', offset, part)).toBe(true);
    }
  });

  test('a view is never longer than asked for and never empty', () => {
    expect(seededView('view', 5, 10).length).toBe(10);
    expect(seededView('view', MiB - 1, 10).length).toBe(1);
    expect(seededView('view', 2 ** 45 + 3, 8 * MiB).length).toBe(MiB - 3);
  });

  test('another seed, offset or order gives other bytes', () => {
    const bytes = seededBytes('a', 0, 64);
    expect(isSeeded('b', 0, bytes)).toBe(false);
    expect(isSeeded('a', 1, bytes)).toBe(false);
    expect(isSeeded('a', MiB, bytes)).toBe(false);
    const firsts = new Set<string>();
    for (let piece = 0; piece < 10_000; piece++)
      firsts.add(seededBytes('a', piece * MiB, 12).toString('hex'));
    expect(firsts.size).toBe(10_000);
  });

  test('one changed byte is seen', () => {
    const bytes = seededBytes('change', 100, 2 * MiB);
    const last = bytes.length - 1;
    bytes[last] = (bytes[last] as number) ^ 1;
    expect(isSeeded('change', 100, bytes)).toBe(false);
  });

  test('the digest is the SHA-256 of the bytes', () => {
    const length = 2 * MiB + 77;
    const expected = createHash('sha256')
      .update(seededBytes(7, 0, length))
      .digest('hex');
    expect(seededDigest(7, length)).toBe(expected);
  });
});

describe.each(['tcp', 'tls'] as const)('the raw origin server and client over %s', (kind) => {
  const secure = async () => (kind === 'tls' ? { tls: await loopbackCertificate() } : {});

  test('exchange heads and content as sent', async ({ net }) => {
    const origin = await net.origin(
      respondWith((head, content) => {
        expect(head.startLine).toBe('POST /a%20b HTTP/1.1');
        expect(head.lines).toEqual(['hOsT: x', 'X-Caf\u00e9: 1', 'Transfer-Encoding: chunked']);
        expect(content.toString()).toBe('hello, world');
        return 'HTTP/1.1 103 Early Hints\r\nlink: <a>\r\n\r\nHTTP/1.1 200 Fine\r\nX-Y: \u00ff\r\nTransfer-Encoding: chunked\r\n\r\n3;x=1\r\nabc\r\n2\r\nde\r\n0\r\nDigest: q\r\n\r\n';
      }),
      await secure(),
    );
    const client = await net.client(origin, await secure());
    for (let i = 0; i < 2; i++) {
      void client.send(
        'POST /a%20b HTTP/1.1\r\nhOsT: x\r\nX-Caf\u00e9: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      );
      void client.send('5\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n');
      const response = await client.readResponse();
      expect(response.interim.map((head) => head.startLine)).toEqual(['HTTP/1.1 103 Early Hints']);
      expect(response.head.lines).toEqual(['X-Y: \u00ff', 'Transfer-Encoding: chunked']);
      expect(response.content.toString()).toBe('abcde');
      expect(response).toMatchObject({ complete: true, delimitedBy: 'chunked', trailers: ['Digest: q'] });
    }
    expect(origin.total).toBe(1);
  });

  test('tell an announced end from a broken one', async ({ net }) => {
    const head = 'HTTP/1.1 200 OK\r\n\r\n';
    const origin = await net.origin(
      async (connection) => {
        const { target } = await connection.readHead();
        await connection.write(`${head}some content`);
        if (target === '/fin') connection.end();
        if (target === '/reset') connection.reset();
        if (target === '/destroy') connection.destroy();
      },
      await secure(),
    );

    for (const [target, ended] of [
      ['/fin', 'fin'],
      ['/reset', 'reset'],
      // On TCP nothing tells a destroyed socket from an ended one; on TLS there is no close_notify.
      ['/destroy', kind === 'tls' ? 'reset' : 'fin'],
    ] as const) {
      const client = await net.client(origin, await secure());
      await client.get(target);
      const response = await client.readResponse();
      expect(response).toMatchObject({ delimitedBy: 'close', complete: ended === 'fin', ended });
      client.close();
    }
  });

  test('the origin server sees how the client ended', async ({ net }) => {
    const origin = await net.origin(async (connection) => void (await connection.readHead()), await secure());
    for (const [index, how] of (['end', 'reset'] as const).entries()) {
      const client = await net.client(origin, await secure());
      await client.get('/');
      client[how]();
      const connection = origin.connections[index];
      expect(await connection?.closed).toBe(how === 'end' ? 'fin' : 'reset');
    }
    expect(origin.open).toBe(0);
  });

  test('content broken off is incomplete, with the bytes that came', async ({ net }) => {
    const origin = await net.origin(
      async (connection) => {
        const { target } = await connection.readHead();
        const framing =
          target === '/length' ? 'Content-Length: 10\r\n\r\n' : 'Transfer-Encoding: chunked\r\n\r\na\r\n';
        await connection.write(`HTTP/1.1 200 OK\r\n${framing}12345`);
        connection.end();
      },
      await secure(),
    );
    for (const target of ['/length', '/chunked']) {
      const client = await net.client(origin, await secure());
      await client.get(target);
      const response = await client.readResponse();
      expect(response.content.toString()).toBe('12345');
      expect(response.complete).toBe(false);
    }
  });

  test('a paused client puts backpressure on the origin server', async ({ net }) => {
    const size = 64 * MiB;
    let written = false;
    const origin = await net.origin(
      async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`);
        await connection.writeSeeded('backpressure', 0, size);
        written = true;
      },
      await secure(),
    );
    const client = await net.client(origin, await secure());
    client.pause();
    await client.get('/');
    const connection = origin.connections[0];
    // The second writing can only be waited for when the first was taken: then nothing more is.
    await new Promise<void>((resolve) => {
      let before = -1;
      const timer = setInterval(() => {
        const now = connection?.tcp.bytesWritten ?? 0;
        if (now > 0 && now === before) {
          clearInterval(timer);
          resolve();
        }
        before = now;
      }, 100);
    });
    expect(written).toBe(false);
    client.resume();

    let offset = 0;
    const response = await client.readResponse({
      onContent: (bytes) => {
        if (!isSeeded('backpressure', offset, bytes)) throw new Error(`Wrong bytes at ${offset}`);
        offset += bytes.length;
      },
    });
    expect(response).toMatchObject({ complete: true, contentLength: size });
    await until(() => written, 'the last bytes were written');
  });
});

describe('test certificates', () => {
  test('of an authority are trusted by its certificate alone', async ({ net }) => {
    const issuer = await makeAuthority();
    const tls = await makeCertificate(['localhost', '127.0.0.1'], { issuer });
    const origin = await net.origin(respondWith('HTTP/1.1 204 No Content\r\n\r\n'), { tls });
    const status = (ca: string) =>
      new Promise<number | string | undefined>((resolve) => {
        const request = httpsRequest(`${origin.url}/`, { ca, agent: false }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
        request.end();
      });
    expect(await status(issuer.cert)).toBe(204);
    expect(await status((await loopbackCertificate()).ca)).not.toBe(204);
  });

  test('of an origin server that demands one from its client', async ({ net }) => {
    const issuer = await makeAuthority();
    const tls = { ...(await makeCertificate(['localhost'], { issuer })), clientCa: issuer.cert };
    const origin = await net.origin(respondWith('HTTP/1.1 204 No Content\r\n\r\n'), { tls });
    const client = await makeCertificate(['client'], { issuer });
    const status = (own: object) =>
      new Promise<number | string | undefined>((resolve) => {
        const request = httpsRequest(
          `${origin.url}/`,
          { ca: issuer.cert, agent: false, ...own },
          (response) => {
            response.resume();
            resolve(response.statusCode);
          },
        );
        request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
        request.end();
      });
    expect(await status({ cert: client.cert, key: client.key })).toBe(204);
    expect(await status({})).not.toBe(204);
  });
});

test('a server counts the sockets that it holds', async ({ net }) => {
  const running = await startServer((_request, response) => response.end('ok'));
  net.cleanup(() => running.stop());
  const client = connect(running.port, '127.0.0.1');
  client.end('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  client.resume();
  await new Promise((resolve) => client.once('close', resolve));
  expect(running.open).toBe(0);
});

test('a proxy of the network keeps a record of each transfer', async ({ net }) => {
  const origin = await net.origin(respondWith('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  const proxy = await net.proxy({ upstream: origin.url });
  const client = await net.client(proxy);
  for (const path of ['/first', '/second']) {
    await client.get(path);
    expect((await client.readResponse()).content.toString()).toBe('ok');
  }
  expect(await proxy.record(1)).toMatchObject({ path: '/second', outcome: 'completed', bytesDown: 2 });
  expect(proxy.recorded.map(({ path }) => path)).toEqual(['/first', '/second']);
  expect([proxy.open, origin.total]).toEqual([1, 1]);
});
