import { runChaos } from '../support/chaos.js';
import { test } from '../support/fixture.js';

test.for([1, 2])(
  '250 requests, most broken off at random (seed %i), never look whole when they are not, and leave nothing [RFC 9112 8; nginx]',
  async (seed, { net }) => {
    await runChaos(net, 250, seed, 8);
  },
);
