import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import { type Network, test } from '../support/fixture.js';
import type { OriginScript } from '../support/raw-origin.js';
import { sized, through } from '../support/through.js';

const digestOf = (text: string, algorithm = 'sha-256'): string =>
  `${algorithm}=:${createHash(algorithm.replace('-', '')).update(text).digest('base64')}:`;

async function uploading(net: Network, requests = true) {
  const received: string[] = [];
  const script: OriginScript = async (connection) => {
    for (;;) {
      const { head, content } = await connection.readRequest();
      received.push(`${head.method} ${content.toString()}`);
      await connection.write(sized('stored'));
    }
  };
  const line = await through(net, script, { digests: { requests } });
  const put = async (lines: readonly string[], content: string): Promise<number> => {
    await line.client.send(['PUT / HTTP/1.1', 'Host: a', ...lines, '', content].join('\r\n'));
    return (await line.client.readResponse()).head.status;
  };
  return { ...line, put, received };
}

const length = 'Content-Length: 5';

describe('the digest of an upload', () => {
  test.for([
    ['Content-Digest', digestOf('hello')],
    ['Repr-Digest', digestOf('hello', 'sha-512')],
    ['Content-Digest', `md5=:AAAA:, ${digestOf('hello')}`],
  ])('that is right in %s lets it pass unchanged: %s [RFC 9530 2]', async ([name, value], { net }) => {
    const { put, received } = await uploading(net);
    expect(await put([length, `${name}: ${value}`], 'hello')).toBe(200);
    expect(received).toEqual(['PUT hello']);
  });

  test.for([
    ['Content-Digest', digestOf('HELLO')],
    ['Repr-Digest', digestOf('HELLO')],
    ['Content-Digest', digestOf('HELLO', 'sha-512')],
  ])(
    'that is wrong in %s gets 400, and the origin server never has all of it: %s [RFC 9530 3]',
    async ([name, value], { net }) => {
      const { put, received, running } = await uploading(net);
      expect(await put([length, `${name}: ${value}`], 'hello')).toBe(400);
      expect(received).toEqual([]);
      expect(await running.record()).toMatchObject({ outcome: 'rejected' });
    },
  );

  test('is verified in a trailer, and before the end is sent on [RFC 9530 2]', async ({ net }) => {
    for (const [text, status] of [
      ['hello', 200],
      ['HELLO', 400],
    ] as const) {
      const { put, received } = await uploading(net);
      const lines = ['Transfer-Encoding: chunked', 'Trailer: Content-Digest'];
      expect(await put(lines, `5\r\nhello\r\n0\r\nContent-Digest: ${digestOf(text)}\r\n\r\n`)).toBe(status);
      expect(received).toHaveLength(status === 200 ? 1 : 0);
    }
  });

  test('of empty content is verified, too [RFC 9530 3]', async ({ net }) => {
    const { put } = await uploading(net);
    expect(await put(['Content-Length: 0', `Content-Digest: ${digestOf('')}`], '')).toBe(200);
    expect(await put(['Content-Length: 0', `Content-Digest: ${digestOf('a')}`], '')).toBe(400);
  });

  test.for<[string, string[]]>([
    [
      'of the whole file, of which it is a part',
      ['Content-Range: bytes 0-4/9', `Repr-Digest: ${digestOf('all')}`],
    ],
    ['of an algorithm that is not secure', ['Content-Digest: md5=:AAAAAAAAAAAAAAAAAAAAAA==:']],
    ['that cannot be parsed', ['Content-Digest: sha-256=x']],
  ])('is not verified if it is one %s [RFC 9530 3]', async ([, lines], { net }) => {
    const { put, received } = await uploading(net);
    expect(await put([length, ...lines], 'hello')).toBe(200);
    expect(received).toEqual(['PUT hello']);
  });

  test('is left to the origin server by default [Sluiceway]', async ({ net }) => {
    const { put } = await uploading(net, false);
    expect(await put([length, `Content-Digest: ${digestOf('HELLO')}`], 'hello')).toBe(200);
  });
});
