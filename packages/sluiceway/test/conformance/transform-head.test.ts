import { describe, expect } from 'vitest';
import { test } from '../support/fixture.js';
import { chunked, sized } from '../support/through.js';
import {
  exchangeTransformed as exchange,
  expectWith,
  expectWithout,
  MadeStreams,
  OF_BYTES,
  OTHERS,
  upperCase,
} from '../support/transforms.js';

describe('a transform that changes content', () => {
  test.for([
    ['sized', sized('content', [...OF_BYTES, ...OTHERS])],
    ['chunked', chunked(['con', 'tent'], [...OF_BYTES, ...OTHERS])],
  ] as const)(
    'takes length, validators, digests and ranges out of the head, and nothing else: %s [RFC 9110 8.8.1; RFC 9530 2]',
    async ([, answer], { net }) => {
      const { response } = await exchange(net, answer);
      expect(response).toMatchObject({ complete: true, delimitedBy: 'chunked', head: { status: 200 } });
      expect(response.content.toString()).toBe('CONTENT');
      expectWithout(response, OF_BYTES);
      expectWith(response, OTHERS);
    },
  );

  test('may describe the new content in its place [RFC 9110 8.8.1; nginx]', async ({ net }) => {
    const { response } = await exchange(net, sized('content', OF_BYTES), {
      create({ upstreamResponse, response: draft }) {
        expect(draft.headers.has('etag')).toBe(false);
        draft.headers.set('ETag', `W/${upstreamResponse.headers.get('etag') ?? ''}`);
        draft.headers.set('Content-Encoding', 'capitals');
        return upperCase();
      },
    });
    expectWith(response, ['ETag: W/"old"', 'Content-Encoding: capitals']);
    expectWithout(response, OF_BYTES.slice(1));
    expect(response.content.toString()).toBe('CONTENT');
  });

  test('sends content to an HTTP/1.0 client until the connection ends [RFC 9112 6.3]', async ({ net }) => {
    const { response } = await exchange(net, sized('content'), { request: { version: '1.0' } });
    expect(response).toMatchObject({ complete: true, delimitedBy: 'close' });
    expect(response.content.toString()).toBe('CONTENT');
  });

  test('does not ask for a range, since all is needed, and the whole is answered [RFC 9110 14.2]', async ({
    net,
  }) => {
    const request = { lines: ['Range: bytes=2-3', 'If-Range: "old"', 'If-None-Match: "other"'] };
    const { response, asked } = await exchange(net, sized('content'), { request });
    expect(asked.has('range')).toBe(false);
    expect(asked.has('if-range')).toBe(false);
    expect(asked.get('if-none-match')).toBe('"other"');
    expect(response.head.status).toBe(200);
    expect(response.content.toString()).toBe('CONTENT');
  });

  test('of a request that a function decides on is one for that request only [Sluiceway]', async ({
    net,
  }) => {
    for (const changes of [true, false]) {
      const { response, asked } = await exchange(net, sized('content', OF_BYTES), {
        changesContent: ({ request: { path } }) => path === '/file' && changes,
        request: { lines: ['Range: bytes=0-'] },
      });
      expect(asked.has('range')).toBe(!changes);
      expect(response.head.has('etag')).toBe(!changes);
      expect(response.content.toString()).toBe('CONTENT');
    }
  });

  test('that makes no stream leaves head and content as they are, with what it has set [Sluiceway]', async ({
    net,
  }) => {
    for (const nothing of [null, undefined, []]) {
      const { response } = await exchange(net, sized('content', [...OF_BYTES, ...OTHERS]), {
        create({ response: draft }) {
          draft.headers.set('X-Seen', 'yes').set('ETag', '"new"');
          return nothing;
        },
      });
      expectWith(response, [
        ...OF_BYTES.slice(1),
        ...OTHERS,
        'Content-Length: 7',
        'X-Seen: yes',
        'ETag: "new"',
      ]);
      expect(response.head.getAll('etag')).toHaveLength(1);
      expect(response.content.toString()).toBe('content');
    }
  });

  test('answers HEAD with the fields that GET would have, and its streams are destroyed [RFC 9110 9.3.2]', async ({
    net,
  }) => {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 7\r\nETag: "old"\r\nX-Other: y\r\n\r\n';
    const made = new MadeStreams(upperCase);
    const { response } = await exchange(net, head, {
      request: { method: 'HEAD' },
      create({ response: draft }) {
        draft.headers.set('Content-Encoding', 'capitals');
        return made.create();
      },
    });
    expectWithout(response, ['Content-Length', 'ETag']);
    expectWith(response, ['X-Other: y', 'Content-Encoding: capitals']);
    expect(made.all).toHaveLength(1);
    await made.closed();
  });

  test('transforms the content of an error response too [Go ReverseProxy]', async ({ net }) => {
    const answer = sized('not here', ['ETag: "old"'], 'HTTP/1.1 404 Not Found');
    const { response } = await exchange(net, answer);
    expect(response.head.status).toBe(404);
    expect(response.head.has('etag')).toBe(false);
    expect(response.content.toString()).toBe('NOT HERE');
  });

  test('leaves a 204 alone [RFC 9110 15.3.5]', async ({ net }) => {
    const { response, made } = await exchange(net, 'HTTP/1.1 204 No Content\r\nETag: "old"\r\n\r\n');
    expect(response.head.get('etag')).toBe('"old"');
    expect(made.all).toEqual([]);
  });

  test.for([
    ['"old"', 'W/"old"'],
    ['W/"old"', 'W/"old"'],
  ])(
    'lets a 304 with the entity tag %s confirm %s, since the bytes of the client are others [RFC 9110 15.4.5; RFC 9111 4.3.4]',
    async ([given, expected], { net }) => {
      const answer = `HTTP/1.1 304 Not Modified\r\nETag: ${given}\r\nRepr-Digest: sha-256=:x:\r\nX-Other: y\r\n\r\n`;
      const { response, made, asked } = await exchange(net, answer, {
        request: { lines: ['If-None-Match: W/"old"'] },
      });
      expect(asked.get('if-none-match')).toBe('W/"old"');
      expect(response.head.status).toBe(304);
      expectWith(response, [`ETag: ${expected}`, 'X-Other: y']);
      expectWithout(response, ['Repr-Digest']);
      expect(made.all).toEqual([]);
    },
  );

  test('refuses a 206 that nobody has asked for with 502: a part cannot be changed [RFC 9110 15.3.7]', async ({
    net,
  }) => {
    const answer = sized('te', ['Content-Range: bytes 3-4/7'], 'HTTP/1.1 206 Partial Content');
    const { response, made } = await exchange(net, answer);
    expect(response.head.status).toBe(502);
    expect(response.head.get('proxy-status')).toContain('http_protocol_error');
    expect(made.all).toEqual([]);
  });

  test.for([
    'no-transform',
    'No-Transform',
    'max-age=5, no-transform',
    'private="x, y", no-transform',
    'max-age=5\r\nCache-Control: no-transform',
  ])(
    'has no part in a response with Cache-Control: %j [RFC 9110 7.7; RFC 9111 5.2.2.6]',
    async (directives, { net }) => {
      const answer = sized('content', [...OF_BYTES, `Cache-Control: ${directives}`]);
      const { response, made } = await exchange(net, answer);
      expect(response.content.toString()).toBe('content');
      expectWith(response, [...OF_BYTES, 'Content-Length: 7']);
      expect(made.all).toEqual([]);
    },
  );

  test.for(['no-transformation', 'private="no-transform"', 'x=no-transform', 'transform'])(
    'has its part in a response with Cache-Control: %s [RFC 9111 5.2]',
    async (directives, { net }) => {
      const { response } = await exchange(net, sized('content', [`Cache-Control: ${directives}`]));
      expect(response.content.toString()).toBe('CONTENT');
    },
  );

  test('is not switched off by a client with Cache-Control: no-transform [Sluiceway]', async ({ net }) => {
    const { response } = await exchange(net, sized('content'), {
      request: { lines: ['Cache-Control: no-transform'] },
    });
    expect(response.content.toString()).toBe('CONTENT');
  });

  test('drops trailers that are digests of the old content, and passes the others [RFC 9530 2; RFC 9110 6.5]', async ({
    net,
  }) => {
    const answer = chunked(
      ['content'],
      ['Trailer: X-T, Repr-Digest', 'Trailer: content-digest'],
      ['Repr-Digest: sha-256=:x:', 'X-T: 1', 'Content-Digest: sha-256=:x:', 'X-U: 2'],
    );
    const { response } = await exchange(net, answer, {
      request: { lines: ['TE: trailers', 'Connection: TE'] },
    });
    expect(response.content.toString()).toBe('CONTENT');
    expect(response.trailers).toEqual(['X-T: 1', 'X-U: 2']);
    expect(response.head.getAll('trailer')).toEqual(['X-T']);
  });
});
