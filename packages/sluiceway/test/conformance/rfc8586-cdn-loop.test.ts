import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { respondWith } from '../support/raw-origin.js';
import { seenRequest } from '../support/seen-request.js';
import { streaming } from '../support/stream-from.js';
import { sized, through } from '../support/through.js';

describe('CDN-Loop', () => {
  test("of the request that is sent on has our name after the client's, which stays as it came [RFC 8586 2]", async ({
    net,
  }) => {
    const us = { name: 'us' };
    expect((await seenRequest(net, [], us)).getAll('cdn-loop')).toEqual(['us']);
    const lines = ['CDN-Loop: a.example; trace="x, us", b:443', 'cdn-loop: c'];
    expect((await seenRequest(net, lines, us)).getAll('cdn-loop')).toEqual([
      'a.example; trace="x, us", b:443',
      'c',
      'us',
    ]);
  });

  test('is not removed because a client names it in Connection [RFC 8586 2; RFC 9110 7.6.1]', async ({
    net,
  }) => {
    const lines = ['Connection: CDN-Loop, X-A', 'CDN-Loop: a'];
    expect((await seenRequest(net, lines, { name: 'us' })).getAll('cdn-loop')).toEqual(['a', 'us']);
  });

  test.for(['us', 'a, US; version="1, 2"'])(
    'that has our name already is a loop: 508, and nothing is sent on: %s [RFC 8586 2]',
    async (value, { net }) => {
      const { client, origin, running } = await through(net, respondWith(sized('')), { name: 'us' });
      await client.get('/', ['CDN-Loop: other', `CDN-Loop: ${value}`]);
      expect((await client.readResponse()).head.status).toBe(508);
      expect(origin.total).toBe(0);
      expect(await running.record()).toMatchObject({ outcome: 'rejected', error: 'proxy_loop_detected' });
    },
  );

  test.for(['other', 'usa', 'us.example:443', 'a; us', 'a; x=", us;"'])(
    'that has other names only is no loop: %s [RFC 8586 2]',
    async (value, { net }) => {
      const { client } = await through(net, respondWith(sized('')), { name: 'us' });
      await client.get('/', [`CDN-Loop: ${value}`]);
      expect((await client.readResponse()).head.status).toBe(200);
    },
  );

  test('ends a loop of two proxies that both remove Via [RFC 8586 1]', async ({ net }) => {
    let port = 0;
    const first = await net.proxy({
      name: 'first',
      upstream: 'http://127.0.0.1:1',
      headers: { request: { remove: ['Via'] } },
      onUpstreamRequest: ({ upstreamRequest }) => upstreamRequest.setTarget(`http://127.0.0.1:${port}`),
    });
    const second = await net.proxy({
      name: 'second',
      upstream: `http://127.0.0.1:${first.port}`,
      headers: { request: { remove: ['Via'] } },
    });
    port = second.port;
    // Each keeps a connection to the other.
    net.cleanup(() => Promise.all([first.proxy.close(), second.proxy.close()]));
    const client = await net.client(first);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(508);
  });

  test('does not go to a third party [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(respondWith((head) => sized(head.getAll('cdn-loop').join())));
    const { client } = await streaming(net, origin.url, { addresses: 'any' });
    await client.get('/', ['CDN-Loop: a']);
    expect((await client.readResponse()).content.toString()).toBe('');
  });
});
