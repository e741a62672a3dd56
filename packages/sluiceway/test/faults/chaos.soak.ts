import { loopbackCertificate } from '../support/certificates.js';
import { runChaos } from '../support/chaos.js';
import { test } from '../support/fixture.js';

test.for([
  [10_000, 'http'],
  [2000, 'https'],
] as const)(
  '%i requests over %s, most broken off at random, never look whole when they are not, and leave nothing [RFC 9112 8; nginx]',
  async ([count, security], { net }) => {
    await runChaos(net, count, 3, 16, security === 'https' ? await loopbackCertificate() : undefined);
  },
);
