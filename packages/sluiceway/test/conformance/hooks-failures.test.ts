import { Readable } from 'node:stream';
import { describe, expect } from 'vitest';
import { SluicewayError } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const HOOKS = ['onRequest', 'onUpstreamRequest', 'onUpstreamResponse'] as const;

describe.each(HOOKS)('%s', (hook) => {
  test.for([
    [
      'throws',
      () => {
        throw new Error('secret');
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret'))],
    [
      'rejects late',
      async () => {
        await new Promise((resolve) => setImmediate(resolve));
        throw new Error('secret');
      },
    ],
    // biome-ignore lint: anything may be thrown
    [
      'throws what is no error',
      () => {
        throw 'secret' as unknown as Error;
      },
    ],
  ] as const)(
    'that %s gets the client a 502 that tells nothing; no more is read of the origin server [Go ReverseProxy]',
    async ([, fail], { net }) => {
      const { client, running, origin } = await through(
        net,
        async (connection) => {
          await connection.readHead();
          await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nstart');
          await connection.readAll();
        },
        { [hook]: fail },
      );
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.status).toBe(502);
      expect(response.complete).toBe(true);
      expect(response.head.raw + response.content.toString()).not.toContain('secret');
      expect(await running.record()).toMatchObject({ outcome: 'internal', error: 'proxy_internal_error' });
      if (hook === 'onUpstreamResponse') await origin.connections[0]?.closed;
      else expect(origin.total).toBe(0);
    },
  );

  test('that throws a SluicewayError decides status and message [Go ReverseProxy]', async ({ net }) => {
    const { client, running } = await through(net, respondWith(sized('')), {
      [hook]: () => {
        throw new SluicewayError('http_request_denied', 'inside', { status: 451, publicMessage: 'outside' });
      },
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.status).toBe(451);
    expect(response.content.toString()).toContain('outside');
    expect(response.content.toString()).not.toContain('inside');
    expect(await running.record()).toMatchObject({ outcome: 'rejected', error: 'http_request_denied' });
  });

  test('that is still busy when the client leaves gets nothing sent any more [Go ReverseProxy]', async ({
    net,
  }) => {
    const entered = new Gate();
    const finish = new Gate();
    const { client, running, origin } = await through(net, respondWith(sized('x')), {
      [hook]: async () => {
        entered.open();
        await finish.opened;
      },
    });
    await client.get('/');
    await entered.opened;
    client.close();
    await until(() => running.open === 0, 'the proxy saw the client leave');
    finish.open();
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
    if (hook !== 'onUpstreamResponse') expect(origin.total).toBe(0);
  });
});

test.for([
  ['objects that are no bytes', () => Readable.from([{ a: 1 }])],
  ['a stream that is closed already', () => Readable.from(['x']).destroy()],
  [
    'a stream that fails at once',
    () =>
      new Readable({
        read() {
          this.destroy(new Error('secret'));
        },
      }),
  ],
] as [string, () => Readable][])(
  'an answer of a hook with %s never ends cleanly, and the process lives [RFC 9112 8; Node]',
  async ([, content], { net }) => {
    const { client, running } = await through(net, respondWith(sized('')), {
      onRequest: () => ({ status: 200, content: content() }),
    });
    await client.get('/');
    const { bytes } = await client.readUntilClose();
    expect(bytes.toString('latin1')).not.toMatch(/0\r\n\r\n$|secret/);
    expect((await running.record()).outcome).toBe('internal');
  },
);

test('a stream in the answer of a hook is destroyed where its head cannot be sent [Sluiceway]', async ({
  net,
}) => {
  const content = new Readable({ read() {} });
  const { client } = await through(net, respondWith(sized('unused')), {
    onRequest: () => ({ status: 200, statusText: 'split\r\nme', content }),
  });
  await client.get('/');
  expect((await client.readResponse()).head.status).toBeGreaterThanOrEqual(500);
  await until(() => content.destroyed, 'the stream was destroyed');
});
