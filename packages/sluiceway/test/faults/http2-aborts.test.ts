import { test } from '../support/fixture.js';
import { runHttp2Aborts } from '../support/http2-aborts.js';

test.for(['h2c', 'tls'] as const)(
  '150 requests over HTTP/2 (%s) that are taken back, in every phase and every way, leave no session, socket or descriptor [RFC 9113 5.4.2; Go ReverseProxy; Node]',
  async (over, { net }) => {
    await runHttp2Aborts(net, 150, over);
  },
);
