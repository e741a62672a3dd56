import { describe, expect } from 'vitest';
import type { SluicewayError } from '../../src/errors.js';
import type { Tunnel } from '../../src/stream/tunnel.js';
import type { TransportResponse } from '../../src/upstream/transport.js';
import { loopbackCertificate } from '../support/certificates.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { collect, failureOf, HeldSink, startTransport, toRequest } from '../support/exchange.js';
import { type Network, test } from '../support/fixture.js';
import type { OriginScript, RawOrigin } from '../support/raw-origin.js';
import { until } from '../support/until.js';

const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n';

const write = (tunnel: Tunnel, text: string): Promise<void> =>
  new Promise((resolve) => tunnel.write(Buffer.from(text), resolve));

async function open(
  net: Network,
  script: OriginScript,
  tls = false,
): Promise<{
  origin: RawOrigin;
  response: TransportResponse;
  tunnel: Tunnel;
  close: () => Promise<void>;
}> {
  const certificate = await loopbackCertificate();
  const origin = await net.origin(script, tls ? { tls: certificate } : {});
  const transport = startTransport(net, { tls: { ca: certificate.ca } });
  const response = await transport.send(toRequest(origin.url, { upgrade: 'echo' })).response;
  if (response.tunnel === null) throw new Error('There is no tunnel');
  return { origin, response, tunnel: response.tunnel, close: () => transport.close() };
}

for (const [name, tls] of [
  ['TCP', false],
  ['TLS', true],
] as const) {
  describe(`a tunnel over ${name}`, () => {
    test('carries bytes both ways, those that came with the head first', async ({ net }) => {
      const { tunnel, response, origin, close } = await open(
        net,
        async (connection) => {
          await connection.readHead();
          await connection.write(`${SWITCHING}early `);
          await connection.write(await connection.readExactly(4));
          connection.end();
        },
        tls,
      );
      expect([response.status, response.contentLength, response.headers.get('upgrade')]).toEqual([
        101,
        0,
        'echo',
      ]);
      await write(tunnel, 'ping');
      expect((await collect(tunnel.source)).content.toString()).toBe('early ping');
      tunnel.destroy();
      await until(() => origin.open === 0, 'the connection is closed');
      await close();
    });

    test('goes on towards the origin server after that has ended its direction', async ({ net }) => {
      let late = '';
      const { tunnel, origin, close } = await open(
        net,
        async (connection) => {
          await connection.readHead();
          await connection.write(SWITCHING);
          connection.end();
          late = (await connection.readAll()).toString();
        },
        tls,
      );
      await collect(tunnel.source);
      await write(tunnel, 'late');
      tunnel.end(() => {});
      await until(() => origin.connections[0]?.ending !== undefined, 'the origin server has seen the end');
      expect(late).toBe('late');
      await close();
    });

    test('goes on towards the client after that has ended its direction', async ({ net }) => {
      const { tunnel, close } = await open(
        net,
        async (connection) => {
          await connection.readHead();
          await connection.write(SWITCHING);
          const read = await connection.readAll();
          await connection.write(`after ${read.toString()}`);
          connection.end();
        },
        tls,
      );
      await write(tunnel, 'the end');
      tunnel.end(() => {});
      expect((await collect(tunnel.source)).content.toString()).toBe('after the end');
      await close();
    });

    test('loses nothing that is still on its way when both directions have ended', async ({ net }) => {
      const length = 1_000_000;
      const { tunnel, close } = await open(
        net,
        async (connection) => {
          await connection.readHead();
          await connection.write(SWITCHING);
          await connection.readAll();
          await connection.write(seededBytes('tunnel', 0, length));
          connection.end();
        },
        tls,
      );
      tunnel.end(() => {});
      const sink = new HeldSink();
      tunnel.source.start(sink);
      while (!sink.isOver) {
        await sink.event(sink.events.length);
        await new Promise((resolve) => setImmediate(resolve));
        sink.release();
      }
      expect(sink.events.at(-1)).toBe('end');
      expect([sink.received.length, isSeeded('tunnel', 0, sink.received)]).toEqual([length, true]);
      await close();
    });

    test('that the origin server resets is broken, not ended', async ({ net }) => {
      const { tunnel } = await open(
        net,
        async (connection) => {
          await connection.readHead();
          await connection.write(`${SWITCHING}x`);
          await connection.readExactly(1);
          connection.reset();
        },
        tls,
      );
      const collected = collect(tunnel.source).then(
        () => 'ended',
        (error: unknown) => (error as SluicewayError).code,
      );
      await write(tunnel, 'x');
      expect(await collected).not.toBe('ended');
    });
  });
}

test('101 that nobody asked for is refused', async ({ net }) => {
  const origin = await net.origin(async (connection) => {
    await connection.readHead();
    await connection.write(SWITCHING);
  });
  const failure = await failureOf(startTransport(net).send(toRequest(origin.url)));
  expect(failure).toMatchObject({ code: 'http_upgrade_failed', outcome: 'upstream_invalid' });
  await until(() => origin.open === 0, 'the connection is closed');
});

test('an upgrade that is answered otherwise is an ordinary response on a connection that is kept', async ({
  net,
}) => {
  const origin = await net.origin(async (connection) => {
    for (;;) {
      await connection.readHead();
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno');
    }
  });
  const transport = startTransport(net);
  for (let i = 0; i < 2; i += 1) {
    const { tunnel, content } = await transport.send(toRequest(origin.url, { upgrade: 'echo' })).response;
    expect([tunnel, (await collect(content)).content.toString()]).toEqual([null, 'no']);
  }
  expect(origin.total).toBe(1);
});
