import { Duplex, PassThrough } from 'node:stream';
import { describe, expect } from 'vitest';
import { type ResponseTransform, SluicewayError } from '../../src/index.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { respondWith } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';
import { MadeStreams, sendsHalf } from '../support/transforms.js';

describe('a transform', () => {
  const REFUSED: Record<string, [create: () => unknown, message: RegExp]> = {
    'that throws': [
      () => {
        throw new Error('not today');
      },
      /A hook failed: not today/,
    ],
    'that rejects': [() => Promise.reject(new Error('not today')), /A hook failed: not today/],
    'that makes no stream but a string': [() => 'gzip', /something other than Duplex/],
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
      /used before/,
    ],
  };

  test.for(Object.entries(REFUSED))(
    '%s is answered with 502, and the content is given up [Go ReverseProxy]',
    async ([, [create, message]], { net }) => {
      const errors: SluicewayError[] = [];
      const { client, running, origin } = await through(net, sendsHalf('sized', 'waits'), {
        onError: ({ error }) => void errors.push(error),
        transform: { response: { changesContent: false, create: create as ResponseTransform['create'] } },
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
        response: {
          changesContent: () => {
            throw new Error('undecided');
          },
          create: () => null,
        },
      },
    });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(502);
    expect(origin.total).toBe(0);
  });

  test('that throws a SluicewayError decides what the client gets [Sluiceway]', async ({ net }) => {
    const { client } = await through(net, respondWith(sized('content')), {
      transform: {
        response: {
          changesContent: false,
          create() {
            throw new SluicewayError('http_request_denied', 'refused', { publicMessage: 'Not for you.' });
          },
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
      { transform: { response: { changesContent: false, create: () => shared } } },
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
        response: {
          changesContent: true,
          create({ response }) {
            response.status = 101;
            return made.create();
          },
        },
      },
    });
    await client.get('/');
    expect((await client.readResponse()).head.status).toBeGreaterThanOrEqual(500);
    await made.closed();
  });
});
