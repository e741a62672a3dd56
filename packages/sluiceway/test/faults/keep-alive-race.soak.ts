import { loopbackCertificate } from '../support/certificates.js';
import { test } from '../support/fixture.js';
import { runKeepAliveRace } from '../support/race.js';

test.for([
  ['http', 1],
  ['http', 8],
  ['http', 64],
  ['https', 8],
] as const)(
  '20000 GETs over %s, %i at a time, to an origin server that closes kept connections as requests arrive are all answered [RFC 9112 9.3.1; Node]',
  async ([security, parallel], { net }) => {
    const certificate = security === 'https' ? await loopbackCertificate() : undefined;
    await runKeepAliveRace(net, 20_000, parallel, certificate);
  },
);
