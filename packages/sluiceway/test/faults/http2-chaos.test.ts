import { test } from '../support/fixture.js';
import { runHttp2Chaos } from '../support/http2-chaos.js';

test.for([
  ['h2c', 1],
  ['tls', 2],
] as const)(
  '120 requests over HTTP/2 (%s), of which most, or their connections, are broken off at random (seed %i), never look whole when they are not, and leave nothing [RFC 9113 8.1; nginx]',
  async ([over, seed], { net }) => {
    await runHttp2Chaos(net, 120, seed, 12, over);
  },
);
