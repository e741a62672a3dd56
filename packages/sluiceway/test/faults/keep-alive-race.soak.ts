import { loopbackCertificate } from '../support/certificates.js';
import { test } from '../support/fixture.js';
import { runKeepAliveRace } from '../support/race.js';

test.for([
  [8000, 'http', 1],
  [8000, 'http', 8],
  [8000, 'http', 64],
  // A handshake for nearly each of them.
  [2000, 'https', 8],
] as const)(
  '%i GETs over %s, %i at a time, to an origin server that closes kept connections as requests arrive are all answered [RFC 9112 9.3.1; Node]',
  async ([count, security, parallel], { net }) => {
    const certificate = security === 'https' ? await loopbackCertificate() : undefined;
    await runKeepAliveRace(net, count, parallel, certificate);
  },
);
