import { loopbackCertificate } from '../support/certificates.js';
import { runChaos } from '../support/chaos.js';
import { test } from '../support/fixture.js';

test.for([
  ['http', 1],
  ['http', 2],
  ['https', 3],
] as const)(
  '120 requests over %s, most broken off at random (seed %i), never look whole when they are not, and leave nothing [RFC 9112 8; nginx]',
  async ([security, seed], { net }) => {
    await runChaos(net, 120, seed, 8, security === 'https' ? await loopbackCertificate() : undefined);
  },
);
