import { Duplex, PassThrough, Transform } from 'node:stream';
import { createGunzip, createGzip, gunzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { SluicewayError, type Transform as TransformOption } from '../../src/index.js';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { type OriginScript, respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';
import { MadeStreams } from '../support/transforms.js';
import { until } from '../support/until.js';

const SIZE = 1_000_000;
const content = seededBytes('fails', 0, SIZE);

/** Sends half of the content, and then what is told. */
const half =
  (framing: 'sized' | 'chunked', then: 'ends' | 'resets' | 'waits'): OriginScript =>
  async (connection) => {
    await connection.readHead();
    const field = framing === 'sized' ? `Content-Length: ${SIZE}` : 'Transfer-Encoding: chunked';
    await connection.write(`HTTP/1.1 200 OK\r\n${field}\r\n\r\n`);
    if (framing === 'chunked') await connection.write(`${SIZE.toString(16)}\r\n`);
    await connection.write(content.subarray(0, SIZE / 2));
    if (then === 'ends') connection.end();
    if (then === 'resets') connection.reset();
    await connection.readAll();
  };

describe('content that breaks off before a transform', () => {
  for (const framing of ['sized', 'chunked'] as const) {
    test.for(['ends', 'resets'] as const)(
      `breaks off for the client too, and a compressor makes no whole file of it: ${framing}, the origin server %s its connection [Go ReverseProxy; nginx]`,
      async (then, { net }) => {
        const made = new MadeStreams(() => createGzip({ level: 1 }));
        const { client, running } = await through(net, half(framing, then), {
          transform: { changesContent: true, create: made.create },
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
    const { client } = await through(net, half('sized', 'ends'), {
      transform: { changesContent: true, create: () => new PassThrough() },
    });
    await client.send('GET / HTTP/1.0\r\n\r\n');
    expect(await client.readResponse()).toMatchObject({
      complete: false,
      delimitedBy: 'close',
      ended: 'reset',
    });
  });
});

describe('a transform', () => {
  const REFUSED: Record<string, [create: () => unknown, message: RegExp]> = {
    'that throws': [
      () => {
        throw new Error('not today');
      },
      /A hook failed: not today/,
    ],
    'that rejects': [() => Promise.reject(new Error('not today')), /A hook failed: not today/],
    'that makes no stream but a string': [() => 'gzip', /something else than Duplex/],
    'that makes a stream that can only be read': [
      () => Duplex.from({ readable: new PassThrough() }),
      /ended or is closed/,
    ],
    'that makes an object of another kind': [() => ({ pipe() {} }), /not iterable|something else/],
    'that makes a stream in object mode': [() => new PassThrough({ objectMode: true }), /object mode/],
    'that makes a stream whose output is objects': [
      () => [new PassThrough(), new PassThrough({ readableObjectMode: true })],
      /object mode/,
    ],
    'that makes a stream that decodes text': [
      () => new PassThrough().setEncoding('utf8'),
      /is decoded as text/,
    ],
    'that makes streams which it has joined itself': [
      () => {
        const [first, second] = [new PassThrough(), new PassThrough()];
        first.pipe(second);
        return [first, second];
      },
      /is being read/,
    ],
    'that makes a stream which has been destroyed': [() => new PassThrough().destroy(), /ended or is closed/],
    'that makes a stream which has been ended': [() => new PassThrough().end('x'), /ended or is closed/],
    'that makes one stream twice': [
      () => {
        const stream = new PassThrough();
        return [stream, stream];
      },
      /for the second time/,
    ],
  };

  test.for(Object.entries(REFUSED))(
    '%s is answered with 502, and the content is given up [Go ReverseProxy]',
    async ([, [create, message]], { net }) => {
      const errors: SluicewayError[] = [];
      const { client, running, origin } = await through(net, half('sized', 'waits'), {
        onError: (error) => void errors.push(error),
        transform: { changesContent: false, create: create as TransformOption['create'] },
      });
      await client.get('/');
      const response = await client.readResponse();
      expect(response.head.status).toBe(502);
      expect(response.content.toString()).not.toContain('not today');
      expect(errors.map((error) => error.message)).toEqual([expect.stringMatching(message)]);
      expect(await running.record()).toMatchObject({ outcome: 'internal', error: 'proxy_internal_error' });
      await origin.connections[0]?.closed;
    },
  );

  test('whose decision throws is answered with 502, and the origin server is not asked [Sluiceway]', async ({
    net,
  }) => {
    const { client, origin } = await through(net, () => {}, {
      transform: {
        changesContent: () => {
          throw new Error('undecided');
        },
        create: () => null,
      },
    });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(origin.total).toBe(0);
  });

  test('that throws a SluicewayError decides what the client gets [Sluiceway]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized('content')), {
      transform: {
        changesContent: false,
        create() {
          throw new SluicewayError('http_request_denied', 'refused', { publicMessage: 'Not for you.' });
        },
      },
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.head.status).toBe(403);
    expect(response.content.toString()).toContain('Not for you.');
  });

  test('that gives its stream to a second transfer is answered with 502, and the first goes on [Sluiceway]', async ({
    net,
  }) => {
    const more = new Gate();
    const shared = new PassThrough();
    const { client, running } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst');
        await more.opened;
        await connection.write('-part');
      },
      { transform: { changesContent: false, create: () => shared } },
    );
    await client.get('/');
    const head = await client.readHead();
    expect((await client.readExactly(5)).toString()).toBe('first');
    const second = await net.client(running);
    await second.get('/');
    expect((await second.readResponse()).head.status).toBe(502);
    more.open();
    expect(head.contentLength).toBe(10);
    expect((await client.readExactly(5)).toString()).toBe('-part');
  });

  test('that makes a head of no final response is answered with 502, and its streams are destroyed [Sluiceway]', async ({
    net,
  }) => {
    const made = new MadeStreams();
    const { client } = await through(net, respondWith(sized('content')), {
      transform: {
        changesContent: true,
        create({ downstream }) {
          downstream.status = 101;
          return made.create();
        },
      },
    });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBeGreaterThanOrEqual(500);
    await made.closed();
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
      const { client, running, origin } = await through(net, respondWith(sized(content)), {
        transform: { changesContent, create: () => [new PassThrough(), made.create(), new PassThrough()] },
      });
      await client.get('/');
      const response = await client.readResponse();
      expect(response).toMatchObject({ complete: false, head: { status: 200 } });
      if (!changesContent) expect(response.contentLength).toBeLessThanOrEqual(SIZE);
      expect(await running.record()).toMatchObject({ outcome: 'internal', error: 'proxy_internal_error' });
      await made.closed();
      expect(origin.total).toBe(1);
    },
  );

  test('that refuses the content with a SluicewayError has its code in the record [Sluiceway]', async ({
    net,
  }) => {
    const { client, running } = await through(net, respondWith(sized(content)), {
      transform: {
        changesContent: false,
        create: () => failing(new SluicewayError('http_request_denied', 'a virus')),
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
      const making = new Gate();
      const made = new MadeStreams(() =>
        when.includes('never')
          ? new Transform({ transform: (_chunk, _, callback) => callback(), flush: () => {} })
          : new PassThrough(),
      );
      const { client, running, origin } = await through(
        net,
        when.includes('never') ? respondWith(sized(content)) : half('sized', 'waits'),
        {
          transform: {
            changesContent: true,
            async create() {
              if (when.includes('making')) await making.opened;
              return [made.create(), made.create()];
            },
          },
        },
      );
      await client.get('/');
      if (when.includes('making')) await until(() => origin.total === 1, 'the origin server was asked');
      else await client.readHead();
      client.close();
      if (when.includes('making')) {
        await origin.connections[0]?.closed;
        making.open();
      }
      expect(await running.record()).toMatchObject({ outcome: 'client_aborted', error: 'client_aborted' });
      expect(made.all).toHaveLength(2);
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
    const { client, running } = await through(net, half('sized', 'waits'), {
      transform: { changesContent: true, create: made.create },
    });
    await client.get('/');
    await client.readHead();
    client.close();
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
    await made.closed();
  });
});
