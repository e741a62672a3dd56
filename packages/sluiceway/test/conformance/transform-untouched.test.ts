import { type Duplex, PassThrough } from 'node:stream';
import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { chunked, sized, through } from '../support/through.js';
import {
  exchangeTransformed as exchange,
  expectWith,
  expectWithout,
  MadeStreams,
  OF_BYTES,
  OTHERS,
} from '../support/transforms.js';

describe('a transform that changes no content', () => {
  const changesContent = false;
  const create = (): Duplex => new PassThrough();

  test('leaves the whole head and all trailers as they are [Sluiceway]', async ({ net }) => {
    const lines = [...OF_BYTES, ...OTHERS];
    const one = await exchange(net, sized('content', lines), { changesContent, create });
    expectWith(one.response, [...lines, 'Content-Length: 7']);
    expect(one.response.content.toString()).toBe('content');
    const trailers = ['Repr-Digest: sha-256=:x:', 'X-T: 1'];
    const announced = [...lines, 'Trailer: Repr-Digest', 'Trailer: X-T'];
    const two = await exchange(net, chunked(['content'], announced, trailers), {
      changesContent,
      create,
      request: { lines: ['TE: trailers', 'Connection: TE'] },
    });
    expectWith(two.response, announced);
    expect(two.response.trailers).toEqual(trailers);
  });

  test('has its part in ranges, and in responses with Cache-Control: no-transform [RFC 9110 7.7; RFC 9110 14.2]', async ({
    net,
  }) => {
    const made = new MadeStreams();
    const lines = ['Content-Range: bytes 3-4/7', 'ETag: "old"', 'Cache-Control: no-transform'];
    const { response, asked } = await exchange(net, sized('te', lines, 'HTTP/1.1 206 Partial Content'), {
      changesContent,
      create: made.create,
      request: { lines: ['Range: bytes=3-4', 'If-Range: "old"'] },
    });
    expect(asked.get('range')).toBe('bytes=3-4');
    expect(asked.get('if-range')).toBe('"old"');
    expect(response.head.status).toBe(206);
    expectWith(response, [...lines, 'Content-Length: 2']);
    expect(made.all).toHaveLength(1);
  });

  test('leaves a 304 as it is [RFC 9110 15.4.5]', async ({ net }) => {
    const answer = 'HTTP/1.1 304 Not Modified\r\nETag: "old"\r\nRepr-Digest: sha-256=:x:\r\n\r\n';
    const { response } = await exchange(net, answer, { changesContent, create });
    expectWith(response, ['ETag: "old"', 'Repr-Digest: sha-256=:x:']);
  });
});

describe('a transform has no part in', () => {
  test('an answer of onRequest [Sluiceway]', async ({ net }) => {
    const made = new MadeStreams();
    const { client } = await through(net, () => {}, {
      onRequest: () => ({ status: 200, content: 'own' }),
      transform: { response: { changesContent: true, create: made.create } },
    });
    await client.get('/');
    expect((await client.readResponse()).content.toString()).toBe('own');
    expect(made.all).toEqual([]);
  });

  test('content that onUpstreamResponse, or the transform itself, has put in its place [Sluiceway]', async ({
    net,
  }) => {
    const hooked = await exchange(net, sized('content', OF_BYTES), {
      options: { onUpstreamResponse: ({ response }) => void (response.content = 'own') },
    });
    expect(hooked.response.content.toString()).toBe('own');
    expect(hooked.made.all).toEqual([]);
    const made = new MadeStreams();
    const own = await exchange(net, sized('content', OF_BYTES), {
      create({ response }) {
        response.content = 'own';
        return made.create();
      },
    });
    expect(own.response.content.toString()).toBe('own');
    expectWithout(own.response, OF_BYTES);
    await made.closed();
  });

  test('a tunnel [RFC 9110 7.8]', async ({ net }) => {
    const made = new MadeStreams();
    const { client } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(
          'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nhello',
        );
      },
      { transform: { response: { changesContent: true, create: made.create } } },
    );
    await client.get('/', ['Connection: upgrade', 'Upgrade: echo']);
    expect((await client.readHead()).status).toBe(101);
    expect((await client.readExactly(5)).toString()).toBe('hello');
    expect(made.all).toEqual([]);
    client.close();
  });
});
