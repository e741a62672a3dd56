import { test } from '../support/fixture.js';
import { runKeepAliveRace } from '../support/race.js';

test.for([1, 8, 64])(
  '20000 GETs, %i at a time, to an origin server that closes kept connections as requests arrive are all answered [RFC 9112 9.3.1; Node]',
  async (parallel, { net }) => {
    await runKeepAliveRace(net, 20_000, parallel);
  },
);
