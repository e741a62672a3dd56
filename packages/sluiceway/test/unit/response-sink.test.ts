import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { Http1Exchange } from '../../src/downstream/http1/http1-exchange.js';
import { test } from '../support/fixture.js';
import { until } from '../support/until.js';

test('a chunk for a client whose connection has just ended goes back to its source [Node]', async ({
  net,
}) => {
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
