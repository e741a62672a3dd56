import { expect } from 'vitest';
import { test } from '../../../sluiceway/test/support/fixture.js';
import { Http1Exchange } from '../../src/doctor/http1-exchange.js';
import { startEchoOrigin } from './start-chain.js';

test('a response that the client begins to read after a long pause is read to its end [Sluiceway]', async ({
  net,
}) => {
  const port = await startEchoOrigin(net);
  const url = new URL(`http://127.0.0.1:${port}/`);
  const exchange = new Http1Exchange({ url, insecure: false, paused: true });
  net.cleanup(() => exchange.leave());
  await exchange.until(() => exchange.head !== null, 30_000);
  // The pause has been longer than what the doctor waits for the next byte.
  exchange.lastReceived -= 600_000;
  exchange.read();
  expect(await exchange.finish(30_000)).toEqual({ how: 'complete', code: null });
});
