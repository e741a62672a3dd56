import { describe, expect } from 'vitest';
import { createDownloadGateway, type Gateway } from '../../src/gateway.js';
import { createStreamer, type SluicewayError, type TransferRecord } from '../../src/index.js';
import { type Network, test } from '../support/fixture.js';
import type { RawClient } from '../support/raw-client.js';
import { type OriginScript, type RawOrigin, respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';
import { type AppLine, ended } from './app-line.js';

/** Where upgrades are served. */
export function testUpgrades(app: AppLine): void {
  describe('an upgrade', () => {
    const switches: OriginScript = async (connection) => {
      const { target } = await connection.readHead();
      await connection.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n${target} `,
      );
      await connection.write(await connection.readExactly(5));
      connection.end();
    };

    test('becomes a tunnel, under the path of the handler [RFC 9110 7.8]', async ({ net }) => {
      const line = await app.through(net, switches, {
        upgrades: true,
        ...(app.has('mount') && { path: '/live' }),
      });
      const { client } = line;
      await client.get('/live/room', ['Connection: Upgrade', 'Upgrade: echo']);
      expect((await client.readHead()).status).toBe(101);
      await client.send('hello');
      expect((await client.readUntilClose()).bytes.toString()).toBe(
        `${app.has('mount') ? '/room' : '/live/room'} hello`,
      );
      client.end();
      expect((await ended(line)).outcome).toBe('completed');
    });

    if (app.has('mount'))
      test('at another path is answered with 404 [RFC 9110 15.5.5]', async ({ net }) => {
        const { client, origin } = await app.through(net, switches, { upgrades: true, path: '/live' });
        await client.get('/other', ['Connection: Upgrade', 'Upgrade: echo']);
        expect((await client.readResponse()).head.status).toBe(404);
        expect(origin.total).toBe(0);
        // The application closes before the client does otherwise, and waits for the lingering close of its connection.
        client.end();
      });
  });
}

/** A gateway, an origin server for it, and a client. */
async function throughGateway(
  app: AppLine,
  net: Network,
): Promise<{
  gateway: Gateway;
  origin: RawOrigin;
  client: RawClient;
  port: number;
  records: TransferRecord[];
}> {
  const origin = await net.origin(respondWith(() => sized('the file')));
  const records: TransferRecord[] = [];
  const gateway = createDownloadGateway({
    keys: [{ id: 'k', secret: Buffer.alloc(32).toString('base64url') }],
    guard: { allowAddresses: ['127.0.0.0/8'], allowPorts: 'any' },
    observers: [{ onTransferEnd: (record) => void records.push(record) }],
  });
  net.cleanup(() => gateway.destroy());
  const { port, client } = await app.start(net, {
    handler: gateway,
    ...(app.has('mount') && { path: '/download' }),
  });
  return { gateway, origin, client, port, records };
}

/** The download gateway. */
export function testGateway(app: AppLine): void {
  test('a gateway serves its links, and refuses what is none [Sluiceway]', async ({ net }) => {
    const { gateway, origin, client } = await throughGateway(app, net);
    await client.get(gateway.sign({ url: `${origin.url}/f.bin`, expires: '1h' }));
    expect((await client.readResponse()).content.toString()).toBe('the file');
    await client.get('/download?url=http://127.0.0.1/&signature=x');
    expect((await client.readResponse()).head.status).toBe(403);
  });
  testHiddenName(app);
}

/** Where a gateway is mounted at its path. */
function testHiddenName(app: AppLine): void {
  test('the record of a gateway ends where the name of the file would begin [Sluiceway]', async ({ net }) => {
    const { gateway, origin, client, records } = await throughGateway(app, net);
    await client.get(gateway.sign({ url: `${origin.url}/f`, expires: '1h', filename: 'secret.zip' }));
    await client.readResponse();
    await until(() => records.length > 0, 'the transfer had ended');
    expect(records[0]?.path).toBe('/download/…?…');
  });
}

/** Where a gateway learns of its own listener. */
export function testOwnListener(app: AppLine): void {
  test('a gateway does not fetch from itself, whoever has signed the link [Sluiceway]', async ({ net }) => {
    const { gateway, client, port } = await throughGateway(app, net);
    await client.get(gateway.sign({ url: `http://127.0.0.1:${port}/`, expires: '1h' }));
    expect((await client.readResponse()).head.status).toBe(403);
  });
}

/** The face of one call. */
export function testStreamFrom(app: AppLine): void {
  describe('streamFrom', () => {
    test('answers with the file of another server, and a range of it [Go ReverseProxy]', async ({ net }) => {
      const origin = await net.origin(
        respondWith(({ target }) =>
          sized(target, ['Content-Range: bytes 0-9/20'], 'HTTP/1.1 206 Partial Content'),
        ),
      );
      const { client } = await app.start(net, {
        streamFrom: { url: `${origin.url}/f.bin?t=1`, options: { addresses: 'any' } },
      });
      await client.get('/file?ignored', ['Range: bytes=0-9']);
      const { head, content } = await client.readResponse();
      expect([head.status, head.get('content-range')]).toEqual([206, 'bytes 0-9/20']);
      expect(content.toString()).toBe('/f.bin?t=1');
    });

    test('hands what fails before the response to the error handler, and the connection goes on [Express; Koa; Fastify]', async ({
      net,
    }) => {
      const { client, errors } = await app.start(net, {
        streamFrom: { url: 'http://127.0.0.1:9/', options: {} },
      });
      for (let i = 0; i < 2; i += 1) {
        await client.get('/file');
        expect((await client.readResponse()).head.status).toBe(403);
      }
      if (!app.has('error-handler')) return;
      expect(errors).toHaveLength(2);
      expect((errors[0] as SluicewayError).code).toBe('destination_ip_prohibited');
    });

    test('answers by a streamer, whose failures go to the error handler too, until it is closed [Express; Koa; Fastify]', async ({
      net,
    }) => {
      const origin = await net.origin(respondWith(sized('content')));
      const streamer = createStreamer({ addresses: 'any' });
      const { client, errors } = await app.start(net, {
        streamFrom: { url: origin.url, options: streamer },
      });
      await client.get('/file');
      expect((await client.readResponse()).content.toString()).toBe('content');
      await streamer.close();
      await client.get('/file');
      expect((await client.readResponse()).head.status).toBe(503);
      if (app.has('error-handler')) expect(errors).toHaveLength(1);
    });

    test('answers a failure itself if a streamer has `errors: answer` [Sluiceway]', async ({ net }) => {
      const streamer = createStreamer({ errors: 'answer' });
      net.cleanup(() => streamer.close());
      const { client, errors } = await app.start(net, {
        streamFrom: { url: 'http://127.0.0.1:9/', options: streamer },
      });
      await client.get('/file');
      const { head } = await client.readResponse();
      expect([head.status, head.get('content-type')]).toEqual([403, 'application/problem+json']);
      expect(errors).toHaveLength(0);
    });
  });
}
