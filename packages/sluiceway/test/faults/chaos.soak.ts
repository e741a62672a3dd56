import { loopbackCertificate } from '../support/certificates.js';
import { runChaos } from '../support/chaos.js';
import { test } from '../support/fixture.js';

test.for(['http', 'https'] as const)(
  '10000 requests over %s, most broken off at random, never look whole when they are not, and leave nothing [RFC 9112 8; nginx]',
  async (security, { net }) => {
    await runChaos(net, 10_000, 3, 16, security === 'https' ? await loopbackCertificate() : undefined);
  },
);
