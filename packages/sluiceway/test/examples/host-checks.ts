import { createServer } from 'node:http';
import { expect, vi } from 'vitest';
import type { Handler } from '../../src/index.js';
import { listen } from '../adapters/adapter-under-test.js';
import type { Network } from '../support/fixture.js';
import { openClient } from '../support/raw-client.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { runExample } from './run-example.js';

const TOKEN = ['Authorization: Bearer let-me-in'];

/** Answers with the target of each request. */
const originOf = (net: Network) => net.origin(respondWith(({ target }) => sized(target)));

type RouteHandler = (request: Request, host: object) => Promise<Response>;

/** The examples of Hono and of hosts of `Request` and `Response`, by their folders. */
export const hostChecks: Readonly<Record<string, (net: Network) => Promise<void>>> = {
  async hono(net) {
    const origin = await originOf(net);
    const running = await runExample(net, 'hono', { ORIGIN: origin.url });
    expect((await running.send('/files/a')).head.status).toBe(401);
    expect(origin.total).toBe(0);
    expect((await running.send('/files/a?b', { fields: TOKEN })).content.toString()).toBe('/a?b');
    expect((await running.send('/logo')).content.toString()).toBe('/static/logo.png');
    await origin.stop();
    const failed = await running.send('/logo');
    expect([failed.head.status, failed.content.toString()]).toEqual([
      502,
      '{"error":"The origin server refused the connection."}',
    ]);
  },

  async fetch(net) {
    const origin = await originOf(net);
    const running = await runExample(net, 'fetch', { ORIGIN: origin.url });
    const { head, content } = await running.send('/files/a?b');
    expect([head.contentLength, content.toString()]).toEqual([4, '/a?b']);
    expect((await running.send('/other')).head.status).toBe(404);
  },

  /** Next.js is not installed here: its route and its API route are called as it calls them. */
  async next(net) {
    const origin = await originOf(net);
    vi.stubEnv('ORIGIN', origin.url);
    net.cleanup(() => vi.unstubAllEnvs());
    const root = '../../../../examples/next';
    const { GET } = (await import(`${root}/app/files/[...path]/route.js`)) as { GET: RouteHandler };
    const response = await GET(new Request('http://next.test/files/a?b'), {});
    expect([response.status, await response.text()]).toEqual([200, '/a?b']);

    const api = (await import(`${root}/pages/api/raw/[...path].js`)) as { default: Handler['handle'] };
    const { port, close } = await listen(
      createServer((incoming, outgoing) => void api.default(incoming, outgoing)),
    );
    net.cleanup(close);
    const client = await openClient(port);
    net.cleanup(() => client.close());
    await client.get('/api/raw/a?b');
    const { head, content } = await client.readResponse();
    expect([head.contentLength, content.toString()]).toEqual([4, '/a?b']);
  },
};
