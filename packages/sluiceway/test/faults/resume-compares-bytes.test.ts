import { describe, expect } from 'vitest';
import { TAIL_BYTES } from '../../src/upstream/resume/delivered-tail.js';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { startHttp2Server } from '../support/node-http2.js';
import { type Delivery, type FileRequest, rangedOrigin } from '../support/ranged-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { chunked, sized } from '../support/through.js';

const SIZE = 300_000;
const CUT = 100_000;
const file = seededBytes('compared', 0, SIZE);
const PARTIAL = 'HTTP/1.1 206 Partial Content';
const STRONG = 'ETag: "v1"';
const BREAK: Delivery = { bytes: CUT, ending: 'end' };

/** Another file of the same length, which differs from the byte at `from` on, up to `end`. */
function differing(from: number, end = SIZE): Buffer {
  const other = Buffer.from(file);
  for (let at = from; at < end; at += 1) other.writeUInt8(file.readUInt8(at) ^ 1, at);
  return other;
}

const range = (first: number, end: number, total: number | '*' = SIZE): string =>
  `Content-Range: bytes ${first}-${end - 1}/${total}`;
/** What a server without a fault answers of a file. */
const part = (bytes: Buffer, { first, end }: FileRequest, lines: readonly string[]): Buffer =>
  sized(bytes.subarray(first, end), [range(first, end), ...lines], PARTIAL);

type Decide = (request: FileRequest) => Delivery | 'whole' | Buffer | Promise<void>;

/** Downloads through the proxy; the first response breaks. */
async function download(
  net: Network,
  decide: Decide,
  fields: readonly string[] = [STRONG],
  { lines = [], ...options }: Omit<ProxyOptions, 'upstream'> & { lines?: string[] } = {},
) {
  const asked: FileRequest[] = [];
  const origin = await net.origin(
    rangedOrigin(
      file,
      (request) => {
        asked.push(request);
        return request.index === 0 ? BREAK : decide(request);
      },
      fields,
    ),
  );
  const running = await net.proxy({ upstream: origin.url, ...options });
  const client = await net.client(running);
  await client.get('/', lines);
  const response = await client.readResponse();
  return { asked, response, record: await running.record() };
}

const DATED = ['Last-Modified: Wed, 25 Nov 2026 09:00:00 GMT', 'Date: Wed, 25 Nov 2026 10:00:00 GMT'];

// At the same time: each goes on, or is broken off, only after a pause.
describe.concurrent('a rest of another file under the same validators', () => {
  test.for<[string, Buffer]>([
    ['from its first byte on', differing(0)],
    ['in the first byte that is compared', differing(CUT - TAIL_BYTES, CUT - TAIL_BYTES + 1)],
    ['in the last byte before the break', differing(CUT - 1, CUT)],
  ])('which differs %s, is not taken: the break is visible [Sluiceway]', async ([, other], { net }) => {
    for (const fields of [[STRONG], DATED, ['ETag: v1']]) {
      const { response, record, asked } = await download(
        net,
        (request) => part(other, request, fields),
        fields,
      );
      expect(response.complete).toBe(false);
      expect(response.content.equals(file.subarray(0, CUT))).toBe(true);
      expect(record).toMatchObject({ outcome: 'upstream_truncated', resumes: 0 });
      expect(record.errorMessage).toContain('does not begin with the bytes that were delivered');
      expect(asked).toHaveLength(2);
    }
  });

  test('is not taken within a range of the client, of content in chunks, and as all of the file again [Sluiceway]', async ({
    net,
  }) => {
    const other = differing(0);
    const inRange = await download(net, (request) => part(other, request, [STRONG]), [STRONG], {
      lines: ['Range: bytes=1000-250000'],
    });
    expect(inRange.response.complete).toBe(false);
    const text = (request: FileRequest): Buffer =>
      Buffer.from(
        chunked([other.subarray(request.first)], [STRONG, range(request.first, SIZE)])
          .toString('latin1')
          .replace('HTTP/1.1 200 OK', PARTIAL),
        'latin1',
      );
    expect((await download(net, text)).response.complete).toBe(false);
    const whole = await download(net, () => sized(other, [STRONG]));
    expect(whole.response.complete).toBe(false);
    expect(whole.response.content.equals(file.subarray(0, CUT))).toBe(true);
  });

  test('is not taken over HTTP/2 [Sluiceway]', async ({ net }) => {
    for (const bytes of [file, differing(0)]) {
      let requests = 0;
      const origin = await startHttp2Server(net, (stream, { range: asked }) => {
        requests += 1;
        const first = Number(/^bytes=(\d+)-$/.exec(asked ?? '')?.[1] ?? 0);
        stream.respond({
          ':status': first === 0 ? 200 : 206,
          etag: '"v1"',
          'content-length': SIZE - first,
          ...(first > 0 && { 'content-range': `bytes ${first}-${SIZE - 1}/${SIZE}` }),
        });
        if (requests === 1) stream.write(file.subarray(0, CUT), () => stream.close(2));
        else stream.end(bytes.subarray(first));
      });
      const running = await net.proxy({ upstream: { url: origin.url, protocol: 'http2' } });
      const client = await net.client(running);
      await client.get('/');
      expect((await client.readResponse()).complete).toBe(bytes === file);
    }
  });

  test('at one mirror is passed over, and the next mirror brings the right one [Sluiceway]', async ({
    net,
  }) => {
    const other = differing(0);
    const wrong = await net.origin(rangedOrigin(other, () => 'whole'));
    const right = await net.origin(rangedOrigin(file, () => 'whole'));
    const first = await net.origin(
      rangedOrigin(file, ({ index }) => (index === 0 ? BREAK : sized('', [], 'HTTP/1.1 404 Not Found'))),
    );
    const running = await net.proxy({ upstream: { url: first.url, mirrors: [wrong.url, right.url] } });
    const client = await net.client(running);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(true);
    expect(response.content.equals(file)).toBe(true);
  });
});

describe.concurrent('a second validator', () => {
  const modified = (hour: number): string => `Last-Modified: Wed, 25 Nov 2026 0${hour}:00:00 GMT`;
  const DATE = 'Date: Wed, 25 Nov 2026 10:00:00 GMT';

  test.for<[string, string[], string[], boolean]>([
    ['another date beside the same strong tag', [STRONG, modified(8)], [STRONG, modified(9)], false],
    ['no date beside the same strong tag', [STRONG, modified(8)], [STRONG], true],
    ['a date beside the same strong tag that had none', [STRONG], [STRONG, modified(9)], true],
    ['another tag beside the same date', ['ETag: W/"a"', modified(8)], ['ETag: W/"b"', modified(8)], false],
    [
      'another date beside the same weak tag',
      ['ETag: W/"a"', modified(8)],
      ['ETag: W/"a"', modified(9)],
      false,
    ],
    ['no date beside the same weak tag', ['ETag: W/"a"', modified(8)], ['ETag: W/"a"'], false],
    ['no tag beside the same date', ['ETag: W/"a"', modified(8)], [modified(8)], false],
    ['the same weak tag and date', ['ETag: W/"a"', modified(8)], ['ETag: W/"a"', modified(8)], true],
    ['the same bare tag and date', ['ETag: a', modified(8)], ['ETag: a', modified(8)], true],
    ['the same bare tag, and another date', ['ETag: a', modified(8)], ['ETag: a', modified(9)], false],
    ['another bare tag, and the same date', ['ETag: a', modified(8)], ['ETag: b', modified(8)], false],
  ])('of the rest decides too: %s [RFC 9110 8.8; Sluiceway]', async ([, first, later, isWhole], { net }) => {
    const { response, asked } = await download(net, (request) => part(file, request, [...later, DATE]), [
      ...first,
      DATE,
    ]);
    expect(response.complete).toBe(isWhole);
    if (isWhole) expect(response.content.equals(file)).toBe(true);
    // What is no entity tag by its syntax is never sent (RFC 9110 section 13.1.5).
    const sent = first[0] === STRONG ? '"v1"' : first[0] === 'ETag: a' ? undefined : first[1]?.slice(15);
    expect(asked[1]?.head.get('if-range')).toBe(sent);
  });
});

describe.concurrent('a rest that servers send in ways of their own', () => {
  test.for<[string, Decide, string[]]>([
    [
      'a 304 to the condition',
      (request) =>
        request.head.has('if-range')
          ? sized('', [], 'HTTP/1.1 304 Not Modified')
          : part(file, request, [STRONG]),
      [STRONG],
    ],
    [
      'a 200 to a condition by a date, and a 206 to none',
      (request) => (request.head.has('if-range') ? sized(file, DATED) : part(file, request, DATED)),
      DATED,
    ],
    ['a 200 of the same date whatever it is asked', () => sized(file, DATED), DATED],
    ['a 200 of the same bare tag', () => sized(file, ['ETag: v1']), ['ETag: v1']],
    [
      'pieces of fewer bytes than are compared',
      (request) => part(file, { ...request, end: Math.min(SIZE, request.first + 3000) }, [STRONG]),
      [STRONG],
    ],
    [
      'a 206 that begins earlier',
      (request) => part(file, { ...request, first: request.first - 5000 }, [STRONG]),
      [STRONG],
    ],
    ['a 206 without the date that was the condition', (request) => part(file, request, []), DATED],
    [
      'a 206 without the date and the coding that were known',
      (request) => part(file, request, []),
      [...DATED, 'Content-Encoding: gzip'],
    ],
  ])('is taken: %s [RFC 9110 15.3.7; RFC 9110 14.4]', async ([, decide, fields], { net }) => {
    const { response, record } = await download(net, decide, fields);
    expect(response.complete).toBe(true);
    expect(response.content.equals(file)).toBe(true);
    expect(record.outcome).toBe('completed');
  });

  test.for([
    ['after', 1],
    ['within', 2],
  ] as const)(
    'that breaks %s the bytes that are compared is requested again with at least one byte to compare, if only bytes prove it [Sluiceway]',
    async ([, delivered], { net }) => {
      const asked: number[] = [];
      const origin = await net.origin(
        rangedOrigin(
          file,
          ({ index, first }) => {
            asked.push(first);
            return index < 2 ? { bytes: index === 0 ? delivered : 1, ending: 'end' } : 'whole';
          },
          ['ETag: v1'],
        ),
      );
      const running = await net.proxy({ upstream: origin.url });
      const client = await net.client(running);
      await client.get('/');
      const response = await client.readResponse();
      expect(response.complete).toBe(true);
      expect(response.content.equals(file)).toBe(true);
      expect(asked).toEqual([0, 0, 0]);
    },
  );

  test('is nothing where all bytes had come, whether a 416, a part of no bytes or a part of the last bytes says so [RFC 9110 15.5.17]', async ({
    net,
  }) => {
    for (const answer of [
      () => sized('', [STRONG, `Content-Range: bytes */${SIZE}`], 'HTTP/1.1 416 Range Not Satisfiable'),
      () => sized('', [STRONG, `Content-Range: bytes ${SIZE}-${SIZE - 1}/${SIZE}`], PARTIAL),
      (request: FileRequest) => part(file, request, [STRONG]),
    ]) {
      const origin = await net.origin(
        rangedOrigin(file, (request) => {
          if (request.index > 0) return answer(request);
          const whole = chunked([file], [STRONG]);
          return (async () => {
            await request.connection.write(whole.subarray(0, -5));
            request.connection.end();
          })();
        }),
      );
      const running = await net.proxy({ upstream: origin.url });
      const client = await net.client(running);
      await client.get('/');
      const response = await client.readResponse();
      expect(response.complete).toBe(true);
      expect(response.content.equals(file)).toBe(true);
      expect((await running.record()).resumes).toBe(0);
    }
  });
});
