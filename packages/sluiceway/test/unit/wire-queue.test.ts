import { expect } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import { contentOf, failureOf, startTransport, toRequest } from '../support/exchange.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { until } from '../support/until.js';

test('what an origin server has not taken of a request can be seen, until it has', async ({ net }) => {
  const reads = new Gate();
  const origin = await net.origin(async (connection) => {
    connection.pause();
    await reads.opened;
    connection.resume();
    await connection.readAll();
  });
  const content = contentOf([Buffer.alloc(64 * 1024 * 1024)]);
  const exchange = startTransport(net).send(toRequest(origin.url, { method: 'PUT', content }));
  const failure = failureOf(exchange);
  await until(() => (exchange.queuedBytes?.() ?? 0) > 0, 'the operating system takes no more');
  reads.open();
  await until(() => exchange.queuedBytes?.() === 0, 'all of it is taken');
  exchange.abort(new SluicewayError('client_aborted', 'done'));
  await failure;
  expect(exchange.queuedBytes?.()).toBeNull();
});

test('of a request that waits for a connection nothing is queued that could be seen', async ({ net }) => {
  const origin = await net.origin((connection) => connection.closed.then(() => {}));
  const transport = startTransport(net, { maxConnections: 1 });
  const exchanges = [0, 1].map(() => transport.send(toRequest(origin.url)));
  await until(() => origin.total === 1, 'one is on its way');
  expect(exchanges[1]?.queuedBytes?.()).toBeNull();
  transport.destroy();
  await Promise.all(exchanges.map(failureOf));
});
