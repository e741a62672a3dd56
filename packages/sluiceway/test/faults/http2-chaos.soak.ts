import { test } from '../support/fixture.js';
import { runHttp2Chaos } from '../support/http2-chaos.js';

test.for(['h2c', 'tls'] as const)(
  '10000 requests over HTTP/2 (%s), of which most, or their connections, are broken off at random, never look whole when they are not, and leave nothing [RFC 9113 8.1; nginx]',
  async (over, { net }) => {
    await runHttp2Chaos(net, 10_000, 3, 24, over);
  },
);
