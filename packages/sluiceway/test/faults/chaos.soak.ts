import { runChaos } from '../support/chaos.js';
import { test } from '../support/fixture.js';

test('10000 requests, most broken off at random, never look whole when they are not, and leave nothing [RFC 9112 8; nginx]', async ({
  net,
}) => {
  await runChaos(net, 10_000, 3, 16);
});
