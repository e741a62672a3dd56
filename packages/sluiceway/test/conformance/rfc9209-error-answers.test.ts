import { describe, expect } from 'vitest';
import { type Network, test } from '../support/fixture.js';
import { nowhere } from '../support/nowhere.js';
import type { RawResponse } from '../support/raw-client.js';
import { respondWith } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { sized, through } from '../support/through.js';

/** Nothing of these may reach a client. */
const INTERNAL = [
  /127\.0\.0\.1/,
  /localhost/,
  /internal\.example/,
  /ECONN/,
  /E[A-Z]{4,}/,
  /\.ts|\.js/,
  /at .*:\d+/,
  /errno/i,
];

interface Problem {
  status: number;
  title: string;
  [key: string]: unknown;
}

function expectProblem(response: RawResponse, status: number, code: string): void {
  expect(response.head.status).toBe(status);
  expect(response).toMatchObject({ complete: true });
  expect(response.head.get('content-type')).toBe('application/problem+json');
  expect(response.head.get('cache-control')).toBe('no-store');
  expect(response.head.get('proxy-status')).toBe(`us; error=${code}`);
  const text = response.content.toString();
  const problem = JSON.parse(text) as Problem;
  expect(problem.status).toBe(status);
  expect(typeof problem.title).toBe('string');
  for (const trace of INTERNAL) expect(response.head.raw + text).not.toMatch(trace);
}

async function refusedPort(net: Network): Promise<number> {
  const origin = await net.origin(() => {});
  await origin.stop();
  return origin.port;
}

const answerOf = async (net: Network, options: ProxyOptions, request?: string): Promise<RawResponse> => {
  const running = await net.proxy({ name: 'us', ...options });
  const client = await net.client(running);
  await client.send(request ?? 'GET /secret/path?token=abc HTTP/1.1\r\nHost: test\r\n\r\n');
  const response = await client.readResponse();
  expect(response.head.raw + response.content.toString()).not.toMatch(/secret|token|abc/);
  return response;
};

describe('the answer of the proxy to', () => {
  test('a refused connection is 502 and tells nothing internal [RFC 9209 2.3.7; Go ReverseProxy]', async ({
    net,
  }) => {
    const response = await answerOf(net, { upstream: `http://127.0.0.1:${await refusedPort(net)}` });
    expectProblem(response, 502, 'connection_refused');
  });

  test('a name that does not resolve is 502 and does not tell the name [RFC 9209 2.3.2]', async ({ net }) => {
    const response = await answerOf(net, { upstream: `http://internal.${nowhere}:81` });
    expectProblem(response, 502, 'dns_error');
  });

  test('an origin server that hangs up is 502 [RFC 9209 2.3.8; Go ReverseProxy]', async ({ net }) => {
    const origin = await net.origin((connection) => connection.destroy());
    expectProblem(await answerOf(net, { upstream: origin.url }), 502, 'connection_terminated');
  });

  test('an invalid response is 502 [RFC 9110 15.6.3; nginx]', async ({ net }) => {
    const origin = await net.origin(respondWith('HTTP/1.1 2000 No\r\n\r\n'));
    expectProblem(await answerOf(net, { upstream: origin.url }), 502, 'http_protocol_error');
  });

  test('a silent origin server is 504 [RFC 9110 15.6.5; Caddy]', async ({ net }) => {
    const origin = await net.origin(() => {});
    const response = await answerOf(net, { upstream: origin.url, timeouts: { responseHead: 100 } });
    expectProblem(response, 504, 'http_response_timeout');
  });

  test('an address that is not public, where only such are allowed, is 403 [RFC 9209 2.3.5]', async ({
    net,
  }) => {
    const origin = await net.origin(() => {});
    const response = await answerOf(net, { upstream: origin.url, addresses: 'public' });
    expectProblem(response, 403, 'destination_ip_prohibited');
    expect(origin.total).toBe(0);
  });

  test('a hook that throws is 502, and what it threw stays inside [Go ReverseProxy]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('')));
    const response = await answerOf(net, {
      upstream: origin.url,
      onUpstreamResponse() {
        throw new Error('password=hunter2 at 127.0.0.1');
      },
    });
    expectProblem(response, 502, 'proxy_internal_error');
    expect(response.content.toString()).not.toContain('hunter2');
  });

  test('HEAD has the same head and no content [RFC 9110 9.3.2]', async ({ net }) => {
    const running = await net.proxy({ name: 'us', upstream: `http://127.0.0.1:${await refusedPort(net)}` });
    const client = await net.client(running);
    for (let i = 0; i < 2; i++) {
      await client.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
      const response = await client.readResponse({ method: 'HEAD' });
      expect(response.head.status).toBe(502);
      expect(response.head.contentLength).toBeGreaterThan(20);
      expect(response.ended).toBeUndefined();
    }
  });

  test('a failure keeps the connection of a client that has sent its whole request [RFC 9112 9.3]', async ({
    net,
  }) => {
    const running = await net.proxy({ upstream: `http://127.0.0.1:${await refusedPort(net)}` });
    const client = await net.client(running);
    for (let i = 0; i < 3; i++) {
      await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello');
      const response = await client.readResponse();
      expect(response.head.status).toBe(502);
      expect(response.head.get('connection')).toBe('keep-alive');
    }
  });

  test('a malformed target is 400 [RFC 9112 3.2]', async ({ net }) => {
    const origin = await net.origin(respondWith(sized('')));
    const response = await answerOf(
      net,
      { upstream: origin.url },
      'GET http://user@host/ HTTP/1.1\r\nHost: x\r\n\r\n',
    );
    expectProblem(response, 400, 'http_request_error');
  });
});

describe('a method that is not served', () => {
  const ALL = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

  test.for([
    ['TRACE / HTTP/1.1', ALL],
    ['CONNECT example.com:443 HTTP/1.1', ALL],
  ] as const)(
    '(%s) is answered 405 with Allow, and nothing is sent on [RFC 9110 9.3.6; RFC 9110 9.3.8; RFC 9110 15.5.6]',
    async ([startLine, allow], { net }) => {
      const { client, origin, running } = await through(net, respondWith(sized('')), { name: 'us' });
      await client.send(`${startLine}\r\nHost: test\r\n\r\n`);
      const response = await client.readResponse();
      expect(response.head.status).toBe(405);
      expect(response.head.get('allow')).toBe(allow);
      expect(origin.total).toBe(0);
      expect(await running.record()).toMatchObject({ outcome: 'rejected', status: 405 });
    },
  );

  test('under the thirdParty profile is answered 405 with GET and HEAD [RFC 9110 15.5.6]', async ({
    net,
  }) => {
    const { client, origin } = await through(net, respondWith(sized('')), {
      profile: 'thirdParty',
      addresses: 'any',
    });
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PROPFIND', 'TRACE']) {
      await client.send(`${method} / HTTP/1.1\r\nHost: test\r\n\r\n`);
      const response = await client.readResponse();
      expect(response.head.status, method).toBe(405);
      expect(response.head.get('allow')).toBe('GET, HEAD');
    }
    expect(origin.total).toBe(0);
  });
});
