import { createHash } from 'node:crypto';
import { expect } from 'vitest';
import { attach, type ConnectionError, createProxy } from '../../src/index.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { OriginConnection, OriginScript } from '../support/raw-origin.js';
import { describeWith, requireZeroCopy } from '../support/requirements.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const zeroCopy = requireZeroCopy();
const MiB = 1024 * 1024;
const SIZE = 12 * MiB + 345;
const file = seededBytes('up', 0, SIZE);
const digest = createHash('sha256').update(file).digest('hex');

const request = (lines: readonly string[] = [], size = SIZE): string =>
  ['PUT /file HTTP/1.1', 'Host: a', `Content-Length: ${size}`, ...lines, '', ''].join('\r\n');

/** Answers each request with the digest of its content. */
const digesting: OriginScript = async (connection) => {
  for (;;) {
    const { content } = await connection.readRequest();
    await connection.write(sized(createHash('sha256').update(content).digest('hex')));
  }
};

const line = (net: Network, script: OriginScript, options: Omit<ProxyOptions, 'upstream'> = {}) =>
  through(net, script, { zeroCopy: true, ...options });

describeWith(zeroCopy)('an upload between plain TCP connections', () => {
  test('has every byte; the connection to the origin server goes on, that of the client is closed [Sluiceway]', async ({
    net,
  }) => {
    const { client, origin, running } = await line(net, digesting);
    await client.send(request());
    await client.send(file);
    const response = await client.readResponse();
    expect([response.head.status, response.content.toString()]).toEqual([200, digest]);
    expect(response.head.get('connection')).toBe('close');
    expect(await client.closed).toBe('fin');
    expect(await running.record()).toMatchObject({ outcome: 'completed', zeroCopy: true, bytesUp: SIZE });
    const next = await net.client(running);
    await next.send(request());
    await next.send(file);
    expect((await next.readResponse()).content.toString()).toBe(digest);
    // On a connection that is open already, nothing is waited for: not for the content of the same read, either.
    const whole = await net.client(running);
    await whole.send(Buffer.concat([Buffer.from(request()), file]));
    expect((await whole.readResponse()).content.toString()).toBe(digest);
    expect(origin.total).toBe(1);
  });

  test('whose client ends its side after the content gets its response [RFC 9112 9.6]', async ({ net }) => {
    const received = new Gate();
    const mayAnswer = new Gate();
    const { client, running } = await line(net, async (connection) => {
      const { content } = await connection.readRequest();
      received.open();
      await mayAnswer.opened;
      await connection.write(sized(createHash('sha256').update(content).digest('hex')));
    });
    await client.send(request());
    await client.send(file);
    client.end();
    await received.opened;
    // Long enough for the end of the client's side to be noticed.
    await new Promise((resolve) => setTimeout(resolve, 100));
    mayAnswer.open();
    const response = await client.readResponse();
    expect([response.head.status, response.content.toString()]).toEqual([200, digest]);
    expect(await running.record()).toMatchObject({ outcome: 'completed', zeroCopy: true });
  });

  test('with Expect: 100-continue is asked for, and then has every byte [RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const { client, running } = await line(net, async (connection) => {
      const head = await connection.readHead();
      expect(head.get('expect')).toBe('100-continue');
      await connection.write('HTTP/1.1 100 Continue\r\n\r\n');
      const content = await connection.readContent(head);
      await connection.write(sized(createHash('sha256').update(content).digest('hex')));
    });
    await client.send(request(['Expect: 100-continue']));
    expect((await client.readHead()).status).toBe(100);
    await client.send(file);
    expect((await client.readResponse()).content.toString()).toBe(digest);
    expect(await running.record()).toMatchObject({ outcome: 'completed', zeroCopy: true, bytesUp: SIZE });
  });

  test('that the origin server refuses in its midst is answered so [RFC 9112 9.6]', async ({ net }) => {
    const { client, running } = await line(net, async (connection) => {
      await connection.readHead();
      await connection.readExactly(4 * MiB);
      await connection.write(sized('too much', ['Connection: close'], 'HTTP/1.1 413 Content Too Large'));
      connection.end();
      await connection.readUntilClose();
    });
    await client.send(request());
    void client.send(file).catch(() => {});
    const response = await client.readResponse();
    expect([response.head.status, response.content.toString()]).toEqual([413, 'too much']);
    expect(await running.record()).toMatchObject({ status: 413, zeroCopy: true });
  });

  test('that its client breaks off is no upload for the origin server [RFC 9112 8]', async ({ net }) => {
    for (const how of ['reset', 'end'] as const) {
      let received: Awaited<ReturnType<OriginConnection['readUntilClose']>> | undefined;
      const { client, running } = await line(net, async (connection) => {
        await connection.readHead();
        received = await connection.readUntilClose();
      });
      await client.send(request());
      await client.send(file.subarray(0, 5 * MiB));
      await until(() => running.proxy.active === 1, 'the transfer ran');
      if (how === 'reset') client.reset();
      else client.end();
      expect(await running.record()).toMatchObject({ outcome: 'client_aborted', zeroCopy: true });
      await until(() => received !== undefined, 'the origin server saw the end');
      expect(received?.bytes.length).toBeLessThanOrEqual(5 * MiB);
      expect(isSeeded('up', 0, received?.bytes ?? Buffer.alloc(0))).toBe(true);
    }
  });

  test('whose client stalls ends by clientIdle, one that the origin server does not take by upstreamIdle [Sluiceway]', async ({
    net,
  }) => {
    const silent = await line(net, async (connection) => void (await connection.readUntilClose()), {
      timeouts: { clientIdle: 300 },
    });
    await silent.client.send(request());
    await silent.client.send(file.subarray(0, MiB));
    expect(await silent.running.record()).toMatchObject({ outcome: 'client_stalled' });

    const size = 64 * MiB;
    const deaf = await line(
      net,
      async (connection) => {
        await connection.readHead();
        connection.pause();
        await new Promise<void>((resolve) => net.cleanup(resolve));
        connection.destroy();
      },
      { timeouts: { upstreamIdle: 400 } },
    );
    await deaf.client.send(request([], size));
    void deaf.client.send(seededBytes('up', 0, size)).catch(() => {});
    expect(await deaf.running.record()).toMatchObject({ outcome: 'upstream_stalled', zeroCopy: true });
  });

  test('behind which more follows on the connection is not mixed up with that [Sluiceway]', async ({
    net,
  }) => {
    const { client, running } = await line(net, digesting);
    await client.send(request());
    await client.send(Buffer.concat([file, Buffer.from('GET /next HTTP/1.1\r\nHost: a\r\n\r\n')]));
    const response = await client.readResponse();
    expect(response.content.toString()).toBe(digest);
    expect(response.head.get('connection')).toBe('close');
    expect(await running.record()).toMatchObject({ bytesUp: SIZE });
    client.close();
    expect(running.recorded).toHaveLength(1);
  });

  test('is followed by no request, even if the content of the next request holds one [RFC 9112 11.2]', async ({
    net,
  }) => {
    const { client, origin, running } = await line(net, digesting);
    const content = file.subarray(0, 400_000);
    const hidden = `${'\r\n'.repeat(8000)}DELETE /hidden HTTP/1.1\r\nHost: a\r\n\r\n`.repeat(50);
    const next = `POST /next HTTP/1.1\r\nHost: a\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`;
    await client.send(request([], content.length));
    await client.send(content);
    await client.send(next);
    expect((await client.readResponse()).head.get('connection')).toBe('close');
    client.end();
    await until(() => running.open === 0, 'the proxy had read everything');
    expect(await running.records(1)).toMatchObject([{ outcome: 'completed', zeroCopy: true, method: 'PUT' }]);
    expect(origin.total).toBe(1);
  });

  test.for([
    ['that is whole', SIZE],
    ['that the origin server has refused', SIZE - 5],
  ] as const)(
    '%s is no error of the connection when its client closes [Sluiceway]',
    async ([, sent], { net }) => {
      const origin = await net.origin(async (connection) => {
        await connection.readHead();
        await connection.readExactly(sent === SIZE ? SIZE : MiB);
        await connection.write(sized('ok'));
        await connection.readUntilClose();
      });
      const errors: ConnectionError[] = [];
      const server = await startServer();
      net.cleanup(() => server.stop());
      const proxy = createProxy({ upstream: origin.url, zeroCopy: true });
      attach(server.server, proxy, { onConnectionError: (error) => void errors.push(error) });
      const client = await net.client(server);
      await client.send(request());
      await client.send(file.subarray(0, sent));
      expect((await client.readResponse()).content.toString()).toBe('ok');
      client.end();
      await until(() => server.open === 0, 'the connection had closed');
      expect(errors).toEqual([]);
    },
  );

  test('is copied where its length is not known, and where it is small [Sluiceway]', async ({ net }) => {
    const { client, running } = await line(net, digesting);
    await client.send('PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    await client.send(`${SIZE.toString(16)}\r\n`);
    await client.send(file);
    await client.send('\r\n0\r\n\r\n');
    expect((await client.readResponse()).content.toString()).toBe(digest);
    await client.send(`${request([], 1000)}${'x'.repeat(1000)}`);
    const small = await client.readResponse();
    expect(small.head.status).toBe(200);
    expect(small.head.get('connection')).not.toBe('close');
    expect(await running.records(2)).toMatchObject([{ zeroCopy: false }, { zeroCopy: false }]);
  });
});
