import { expect } from 'vitest';
import { type SendOptions, send } from '../../src/upstream/send.js';
import { toTarget } from '../../src/upstream/target.js';
import type { TransportRequest, TransportResponse } from '../../src/upstream/transport.js';
import { collect, startTransport, toRequest } from '../support/exchange.js';
import { type Network, test } from '../support/fixture.js';
import type { OriginScript, RawOrigin } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

/** Redirects `/` to `/final`, with a content of which it sends what it is given. */
const redirecting =
  (length: number, content: string): OriginScript =>
  async (connection) => {
    for (;;) {
      const { target } = await connection.readHead();
      if (target === '/final') await connection.write(sized('final'));
      else
        await connection.write(
          `HTTP/1.1 302 x\r\nLocation: /final\r\nContent-Length: ${length}\r\n\r\n${content}`,
        );
    }
  };

async function follow(net: Network, { url }: RawOrigin): Promise<TransportResponse> {
  const request: TransportRequest = toRequest(url);
  const options: SendOptions = { maxRedirects: 5, onAttempt: () => {} };
  return (await send(startTransport(net), request, toTarget(url), options)).response;
}

test('a redirect whose content comes at once leaves its connection to the next request', async ({ net }) => {
  const origin = await net.origin(redirecting(5, 'moved'));
  const response = await follow(net, origin);
  expect((await collect(response.content)).content.toString()).toBe('final');
  expect(origin.total).toBeLessThanOrEqual(2);
  expect(origin.connections[0]?.ending).toBeUndefined();
});

test('a redirect whose content never comes holds no connection', async ({ net }) => {
  const origin = await net.origin(redirecting(5, 'mo'));
  const response = await follow(net, origin);
  expect((await collect(response.content)).content.toString()).toBe('final');
  await until(() => origin.connections[0]?.ending !== undefined, 'the connection is closed');
  expect(origin.connections[1]?.ending).toBeUndefined();
});

test('a redirect with more content than a connection is worth is cut off', async ({ net }) => {
  const origin = await net.origin(redirecting(1_000_000, 'x'.repeat(500_000)));
  const response = await follow(net, origin);
  expect((await collect(response.content)).content.toString()).toBe('final');
  await until(() => origin.connections[0]?.ending !== undefined, 'the connection is closed');
});
