import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { Http1Exchange } from '../../src/downstream/http1/http1-exchange.js';
import { type Network, test } from '../support/fixture.js';
import { until } from '../support/until.js';

/** The response to a request that a client has sent, and the sink for its content. */
async function openSink(net: Network) {
  let response: ServerResponse | undefined;
  let exchange: Http1Exchange | undefined;
  const server = createServer((request, toAnswer) => {
    response = toAnswer;
    exchange = new Http1Exchange(request, toAnswer, null);
  });
  net.cleanup(() => server.close());
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const client = await net.client(server.address() as AddressInfo);
  await client.get('/');
  await until(() => exchange !== undefined, 'the request had come');
  const sink = exchange?.contentSink(
    () => null,
    () => {},
    () => {},
  );
  return { client, response, sink };
}

test('a source of small chunks waits once the connection holds a few kilobytes [Sluiceway]', async ({
  net,
}) => {
  const { client, response, sink } = await openSink(net);
  let lent = 0;
  let chunks = 0;
  for (; lent === 0; chunks += 1) {
    lent += 1;
    sink?.chunk(Buffer.alloc(100, 'x'), () => {
      lent -= 1;
    });
  }
  expect(chunks).toBeGreaterThan(10);
  expect(response?.writableLength).toBeLessThan(32 * 1024);
  await until(() => lent === 0, 'the last chunk was back', 2000);
  sink?.end();
  expect((await client.readResponse()).content).toHaveLength(chunks * 100);
});

test('a chunk for a client whose connection has just ended goes back to its source [Node]', async ({
  net,
}) => {
  const { response, sink } = await openSink(net);
  let lent = 0;
  const lend = (): void => {
    lent += 1;
    sink?.chunk(Buffer.from('content'), () => {
      lent -= 1;
    });
  };
  lend();
  response?.socket?.destroy();
  expect(response?.destroyed).toBe(false);
  lend();
  await until(() => lent === 0, 'both were back', 2000);
});
