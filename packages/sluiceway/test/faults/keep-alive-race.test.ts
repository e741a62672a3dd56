import { test } from '../support/fixture.js';
import { runKeepAliveRace } from '../support/race.js';

test('600 GETs to an origin server that closes kept connections as requests arrive are all answered [RFC 9112 9.3.1; Node]', async ({
  net,
}) => {
  await runKeepAliveRace(net, 600);
});
