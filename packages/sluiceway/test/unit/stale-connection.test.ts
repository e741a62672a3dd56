import { describe, expect } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import type { AddressPolicy } from '../../src/net/address-policy.js';
import type { TransportRequest } from '../../src/upstream/transport.js';
import {
  contentOf,
  failureOf,
  fetchText,
  ManualSource,
  startTransport,
  toRequest,
} from '../support/exchange.js';
import { type Network, test } from '../support/fixture.js';
import type { OriginConnection, RawOrigin } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

/** What becomes of a request on a connection that has served one before: as a server that has just closed it. */
type Fate = (connection: OriginConnection) => unknown;

const ends: Fate = (connection) => connection.end();
const resets: Fate = (connection) => connection.reset();

/** The first request of a connection is answered with its number; the second finds its fate, up to `times` times. */
function startStale(net: Network, fate: Fate, times = 1): Promise<RawOrigin> {
  let left = times;
  return net.origin(async (connection) => {
    for (let first = true; ; first = false) {
      await connection.readHead();
      if (!first && left > 0) {
        left -= 1;
        await fate(connection);
        return;
      }
      await connection.write(sized(String(connection.index)));
    }
  });
}

/** A request that meets a connection which has served one before. */
async function sendSecond(
  net: Network,
  origin: RawOrigin,
  request: TransportRequest,
): Promise<ReturnType<typeof failureOf>> {
  const transport = startTransport(net);
  await fetchText(transport, toRequest(origin.url));
  return failureOf(transport.send(request));
}

describe('a kept connection that dies under a request', () => {
  const fates: [string, Fate][] = [
    ['closed', ends],
    ['reset', resets],
  ];
  for (const [what, fate] of fates) {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT']) {
      test(`${what}: ${method} without content is sent again on a fresh one`, async ({ net }) => {
        const origin = await startStale(net, fate);
        const found = await sendSecond(net, origin, toRequest(origin.url, { method }));
        expect(found).toBe(method === 'HEAD' ? 'no failure, but 0 bytes' : 'no failure, but 1 bytes');
        expect(origin.total).toBe(2);
      });
    }

    for (const method of ['POST', 'PATCH', 'PROPFIND']) {
      test(`${what}: ${method} is not sent again`, async ({ net }) => {
        const origin = await startStale(net, fate);
        const found = await sendSecond(net, origin, toRequest(origin.url, { method }));
        expect(found).toMatchObject({ code: 'connection_terminated', outcome: 'upstream_refused' });
        expect(origin.total).toBe(1);
      });
    }

    test(`${what}: content that has been touched is not sent again`, async ({ net }) => {
      const origin = await startStale(net, fate);
      const source = new ManualSource();
      const request = toRequest(origin.url, { method: 'PUT', content: { source, length: 5 } });
      expect(await sendSecond(net, origin, request)).toMatchObject({ code: 'connection_terminated' });
      expect([origin.total, source.cancelled > 0]).toEqual([1, true]);
    });
  }

  test('content that is held back until 100 is untouched, so the request is sent again', async ({ net }) => {
    const origin = await startStale(net, ends);
    const request = toRequest(origin.url, {
      method: 'PUT',
      content: contentOf(['hello']),
      expectContinue: true,
    });
    expect(await sendSecond(net, origin, request)).toBe('no failure, but 1 bytes');
    expect(origin.total).toBe(2);
  });

  test('twice is once too often', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      if (connection.index === 0) {
        await connection.write(sized('x'));
        await connection.readHead();
      }
      connection.end();
    });
    const found = await sendSecond(net, origin, toRequest(origin.url));
    expect(found).toMatchObject({ code: 'connection_terminated' });
    expect(origin.total).toBe(2);
  });

  test.for([
    ['any byte of a response', 'H'],
    ['an interim response', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ] as const)('after %s it is not sent again', async ([, bytes], { net }) => {
    const origin = await startStale(net, async (connection) => {
      await connection.write(bytes);
      connection.end();
    });
    const found = await sendSecond(net, origin, toRequest(origin.url));
    expect(found).toMatchObject({ code: 'connection_terminated' });
    expect(origin.total).toBe(1);
  });

  test('an abort while the request is sent again ends it', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      if (connection.index > 0) return;
      await connection.write(sized('x'));
      await connection.readHead();
      connection.end();
    });
    const transport = startTransport(net);
    await fetchText(transport, toRequest(origin.url));
    const exchange = transport.send(toRequest(origin.url));
    const failed = failureOf(exchange);
    await until(() => (origin.connections[1]?.bytesRead ?? 0) > 0, 'the request has come again');
    const gone = new SluicewayError('client_aborted', 'gone');
    exchange.abort(gone);
    expect(await failed).toBe(gone);
    await until(() => origin.open === 0, 'no connection is left');
  });

  test('other idle connections of the full pool give way to the fresh one', async ({ net }) => {
    const origin = await startStale(net, ends, 2);
    const transport = startTransport(net, { maxConnections: 2 });
    await Promise.all([
      fetchText(transport, toRequest(origin.url)),
      fetchText(transport, toRequest(origin.url)),
    ]);
    expect(origin.total).toBe(2);
    expect(await fetchText(transport, toRequest(origin.url))).toBe('2');
  });

  test('the connection that served the second try is kept, and closed with the transport', async ({
    net,
  }) => {
    const origin = await startStale(net, ends);
    const transport = startTransport(net);
    for (const expected of ['0', '1', '1']) {
      expect(await fetchText(transport, toRequest(origin.url))).toBe(expected);
    }
    await transport.close();
    await until(() => origin.open === 0, 'the connection is closed');
  });
});

describe('a first connection that fails', () => {
  test('before the head is not tried again', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      connection.end();
    });
    const failure = await failureOf(startTransport(net).send(toRequest(origin.url)));
    expect(failure).toMatchObject({ code: 'connection_terminated' });
    expect(origin.total).toBe(1);
  });

  test('to connect is not tried again', async ({ net }) => {
    const { url, stop } = await net.origin(() => {});
    await stop();
    let dialled = 0;
    const policy: AddressPolicy = {
      decide: () => {
        dialled += 1;
        return { allowed: true, reason: 'counted' };
      },
    };
    const failure = await failureOf(startTransport(net, { policy }).send(toRequest(url)));
    expect(failure).toMatchObject({ code: 'connection_refused' });
    expect(dialled).toBe(1);
  });
});
