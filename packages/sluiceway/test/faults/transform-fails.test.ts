import { type Duplex, PassThrough, Transform } from 'node:stream';
import { createGunzip, createGzip, gunzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { SluicewayError } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';
import { HALVED, MadeStreams, sendsHalf } from '../support/transforms.js';
import { until } from '../support/until.js';

describe('content that breaks off before a transform', () => {
  for (const framing of ['sized', 'chunked'] as const) {
    test.for(['ends', 'resets'] as const)(
      `breaks off for the client too, and a compressor makes no whole file of it: ${framing}, the origin server %s its connection [Go ReverseProxy; nginx]`,
      async (then, { net }) => {
        const made = new MadeStreams(() => createGzip({ level: 1 }));
        const { client, running } = await through(net, sendsHalf(framing, then), {
          transform: { response: { changesContent: true, create: made.create } },
        });
        await client.get('/');
        const response = await client.readResponse();
        expect(response).toMatchObject({ complete: false, delimitedBy: 'chunked', head: { status: 200 } });
        expect(() => gunzipSync(response.content)).toThrow(/unexpected end of file/);
        expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated', status: 200 });
        await made.closed();
      },
    );
  }

  test('breaks off for an HTTP/1.0 client with a reset [RFC 9112 8]', async ({ net }) => {
    const { client } = await through(net, sendsHalf('sized', 'ends'), {
      transform: { response: { changesContent: true, create: () => new PassThrough() } },
    });
    await client.send('GET / HTTP/1.0\r\n\r\n');
    expect(await client.readResponse()).toMatchObject({
      complete: false,
      delimitedBy: 'close',
      ended: 'reset',
    });
  });
});

describe('a stream of a transform', () => {
  const failing = (error: Error): Transform =>
    new Transform({
      transform(chunk: Buffer, _, callback) {
        this.push(chunk.subarray(0, 10));
        callback(error);
      },
    });

  const BREAKS: Record<string, [make: () => Duplex, changes: boolean]> = {
    'that fails': [() => failing(new Error('broken')), true],
    'that fails at the end': [
      () =>
        new Transform({
          transform: (chunk, _, callback) => callback(null, chunk),
          flush: (callback) => callback(new Error('broken')),
        }),
      false,
    ],
    'that throws': [
      () =>
        new Transform({
          transform() {
            throw new Error('thrown');
          },
        }),
      true,
    ],
    'that is closed': [
      () =>
        new Transform({
          transform() {
            this.destroy();
          },
        }),
      true,
    ],
    'that does not understand what it gets': [() => createGunzip(), true],
    'that ends before the content': [
      () =>
        new Transform({
          transform(chunk: Buffer, _, callback) {
            this.push(chunk.subarray(0, 10));
            this.push(null);
            callback();
          },
        }),
      true,
    ],
    'that was to change nothing and gives less': [
      () =>
        new Transform({
          transform: (chunk: Buffer, _, callback) => callback(null, chunk.subarray(1)),
        }),
      false,
    ],
    'that was to change nothing and gives more': [
      () =>
        new Transform({
          transform: (chunk: Buffer, _, callback) => callback(null, chunk),
          flush: (callback) => callback(null, 'more'),
        }),
      false,
    ],
  };

  test.for(Object.entries(BREAKS))(
    '%s breaks the transfer off so that the client can tell, and the origin server is let go [Go ReverseProxy; Sluiceway]',
    async ([, [make, changesContent]], { net }) => {
      const made = new MadeStreams(make);
      const { client, running, origin } = await through(net, respondWith(sized(HALVED)), {
        transform: {
          response: { changesContent, create: () => [new PassThrough(), made.create(), new PassThrough()] },
        },
      });
      await client.get('/');
      const response = await client.readResponse();
      expect(response).toMatchObject({ complete: false, head: { status: 200 } });
      if (!changesContent) expect(response.contentLength).toBeLessThanOrEqual(HALVED.length);
      expect(await running.record()).toMatchObject({ outcome: 'internal', error: 'proxy_internal_error' });
      await made.closed();
      expect(origin.total).toBe(1);
    },
  );

  test('that refuses the content with a SluicewayError has its code in the record [Sluiceway]', async ({
    net,
  }) => {
    const { client, running } = await through(net, respondWith(sized(HALVED)), {
      transform: {
        response: {
          changesContent: false,
          create: () => failing(new SluicewayError('http_request_denied', 'a virus')),
        },
      },
    });
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    expect(await running.record()).toMatchObject({ outcome: 'rejected', error: 'http_request_denied' });
  });

  test.for([
    'in the midst of content',
    'while a stream never ends',
    'while the transform is still making streams',
  ])(
    'is destroyed when the client leaves %s, and the origin server is let go [Go ReverseProxy]',
    async (when, { net }) => {
      const asked = new Gate();
      const making = new Gate();
      const made = new MadeStreams(() =>
        when.includes('never')
          ? new Transform({ transform: (_chunk, _, callback) => callback(), flush: () => {} })
          : new PassThrough(),
      );
      const { client, running, origin } = await through(
        net,
        when.includes('never') ? respondWith(sized(HALVED)) : sendsHalf('sized', 'waits'),
        {
          transform: {
            response: {
              changesContent: true,
              async create() {
                asked.open();
                if (when.includes('making')) await making.opened;
                return [made.create(), made.create()];
              },
            },
          },
        },
      );
      await client.get('/');
      if (when.includes('making')) await asked.opened;
      else await client.readHead();
      client.close();
      if (when.includes('making')) {
        await origin.connections[0]?.closed;
        making.open();
      }
      expect(await running.record()).toMatchObject({ outcome: 'client_aborted', error: 'client_aborted' });
      await until(() => made.all.length === 2, 'the streams were made');
      await made.closed();
    },
  );

  test('that fails after the client has left ends no process [Node]', async ({ net }) => {
    const made = new MadeStreams(
      () =>
        new PassThrough({
          destroy(_, callback) {
            setImmediate(callback, new Error('too late'));
          },
        }),
    );
    const { client, running } = await through(net, sendsHalf('sized', 'waits'), {
      transform: { response: { changesContent: true, create: made.create } },
    });
    await client.get('/');
    await client.readHead();
    client.close();
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
    await made.closed();
  });
});
