import { describe, expect } from 'vitest';
import type { GatewayOptions } from '../../src/gateway.js';
import { test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import { respondWith } from '../support/raw-origin.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

type Decide = NonNullable<GatewayOptions['decide']>;
/** What a program without types may say. */
const say =
  (decision: unknown): Decide =>
  () =>
    decision as Awaited<ReturnType<Decide>>;

describe('a decision', () => {
  test.for([
    'javascript:alert(1)',
    'data:text/html,<script>',
    'file:///etc/passwd',
    'ftp://example.com/',
    '//example.com/',
    '/login',
    '',
    'https://user:password@example.com/',
    'https://example.com/\r\nSet-Cookie: a=b',
    'java\tscript:alert(1)',
    ' https://example.com/',
  ])(
    'to send the client to %j is refused: it is no http: or https: URL [Sluiceway]',
    async (target, { net }) => {
      const { client, link, origin } = await throughGateway(net, respondWith(sized('x')), {
        decide: () => ({ redirect: target }),
      });
      await client.get(link('/'));
      const { head } = await client.readResponse();
      expect([head.status, head.get('location'), head.get('set-cookie')]).toEqual([
        502,
        undefined,
        undefined,
      ]);
      expect(origin.total).toBe(0);
    },
  );

  test.for([
    [
      'a URL as it is written',
      'https://example.com/a%2fb?X-Sig=%2B+',
      'https://example.com/a%2fb?X-Sig=%2B+',
    ],
    ['a URL with letters beyond ASCII', 'https://bücher.example/ü', 'https://xn--bcher-kva.example/%C3%BC'],
    ['an object', new URL('http://example.com'), 'http://example.com/'],
  ] as const)(
    'to send the client elsewhere takes %s, and is not kept [RFC 9110 10.2.2]',
    async ([_what, target, location], { net }) => {
      const { client, link } = await throughGateway(net, respondWith(sized('x')), {
        decide: () => ({ redirect: target }),
      });
      await client.get(link('/'));
      const { head } = await client.readResponse();
      expect([head.status, head.get('location')]).toEqual([302, location]);
      expect([head.get('cache-control'), head.get('referrer-policy')]).toEqual(['no-store', 'no-referrer']);
    },
  );

  test.for([
    ['missing', undefined],
    ['null', null],
    ['true', true],
    ['relay in capitals', 'RELAY'],
    ['an object that says neither', {}],
    ['a refusal with 200', { refuse: { status: 200, reason: '' } }],
    ['a refusal of nothing', { refuse: null }],
  ] as const)('that is %s relays nothing [Sluiceway]', async ([_what, decision], { net }) => {
    const { client, link, origin } = await throughGateway(net, respondWith(sized('x')), {
      decide: say(decision),
    });
    await client.get(link('/'));
    expect((await client.readResponse()).head.status).toBe(502);
    expect(origin.total).toBe(0);
  });

  test('that never comes does not keep the transfer of a client that has left, nor one that is ended [Sluiceway]', async ({
    net,
  }) => {
    const { client, link, gateway, running, records } = await throughGateway(net, respondWith(sized('x')), {
      decide: () => new Promise(() => {}),
    });
    await client.get(link('/'));
    await until(() => gateway.active === 1, 'the link was asked for');
    client.close();
    await until(() => gateway.active === 0, 'the transfer was over');
    const other = await net.client(running);
    await other.get(link('/'));
    await until(() => gateway.active === 1, 'the link was asked for again');
    gateway.destroy();
    expect((await other.readResponse()).head.status).toBe(503);
    await expect.poll(() => records.map(({ outcome }) => outcome)).toEqual(['client_aborted', 'shutdown']);
  });

  test.for([429, 503] as const)(
    'to refuse with %i tells the client when to come back, not all at the same time [RFC 6585 4; Sluiceway]',
    async (status, { net }) => {
      const { client, link } = await throughGateway(net, respondWith(sized('x')), {
        decide: () => ({ refuse: { status, reason: 'busy' } }),
      });
      const told = new Set<number>();
      for (let i = 0; i < 60; i += 1) {
        await client.get(link('/'));
        const { head } = await client.readResponse();
        expect(head.status).toBe(status);
        told.add(Number(head.get('retry-after')));
      }
      expect(Math.min(...told)).toBeGreaterThan(2);
      expect(told.size).toBeGreaterThan(1);
    },
  );
});
