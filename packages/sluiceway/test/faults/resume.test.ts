import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { TAIL_BYTES } from '../../src/upstream/resume/delivered-tail.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { type Delivery, type FileRequest, rangedOrigin } from '../support/ranged-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { chunked, sized } from '../support/through.js';
import { until } from '../support/until.js';

const SIZE = 300_000;
const file = seededBytes('resume', 0, SIZE);
const STRONG = ['ETag: "v1"'];

type Decide = (request: FileRequest) => Delivery | 'whole' | Buffer | Promise<void>;

/** An origin server with the file, the proxy before it, and what the origin server was asked for. */
async function line(
  net: Network,
  decide: Decide,
  options: Omit<ProxyOptions, 'upstream'> = {},
  fields = STRONG,
) {
  const asked: FileRequest[] = [];
  const origin = await net.origin(
    rangedOrigin(
      file,
      (request) => {
        asked.push(request);
        return decide(request);
      },
      fields,
    ),
  );
  const running = await net.proxy({ upstream: origin.url, ...options });
  return { asked, origin, running, client: await net.client(running) };
}

const cutOnce =
  (bytes: number, ending: Delivery['ending'] = 'end'): Decide =>
  ({ index }) =>
    index === 0 ? { bytes, ending } : 'whole';

describe('content that breaks', () => {
  test.for(['end', 'reset'] as const)(
    '(%s) goes on with a range request for the exact rest, on its strong validator, as often as it breaks [RFC 9110 13.1.5; RFC 9110 15.3.7]',
    async (ending, { net }) => {
      const { asked, running, client } = await line(net, ({ index }) =>
        index < 3 ? { bytes: 70_000, ending } : 'whole',
      );
      await client.get('/', ['Accept-Encoding: br', 'If-None-Match: "v0"', 'X-Own: 1']);
      const response = await client.readResponse();
      expect(response.complete).toBe(true);
      expect(response.head.status).toBe(200);
      expect(isSeeded('resume', 0, response.content)).toBe(true);
      expect(response.contentLength).toBe(SIZE);
      expect(asked).toHaveLength(4);
      for (const { head } of asked.slice(1)) {
        expect(head.get('range')).toMatch(/^bytes=\d+-$/);
        expect(head.get('if-range')).toBe('"v1"');
        expect(head.get('accept-encoding')).toBe('br');
        expect(head.get('x-own')).toBe('1');
        expect(head.has('if-none-match')).toBe(false);
      }
      expect(await running.record()).toMatchObject({
        outcome: 'completed',
        error: null,
        resumes: 3,
        attempts: 4,
        bytesDown: SIZE,
      });
    },
  );

  test('in a range that the client asked for goes on within it [RFC 9110 14.2; undici]', async ({ net }) => {
    const { asked, client } = await line(net, cutOnce(40_000));
    await client.get('/', ['Range: bytes=1000-200999']);
    const response = await client.readResponse();
    expect(response.head.status).toBe(206);
    expect(response.head.get('content-range')).toBe(`bytes 1000-200999/${SIZE}`);
    expect(response.complete).toBe(true);
    expect(response.content.equals(file.subarray(1000, 201_000))).toBe(true);
    expect(asked[1]?.head.get('range')).toBe(`bytes=${41_000 - TAIL_BYTES}-200999`);
  });

  test('and stalls goes on elsewhere after the idle time of the origin server, and the transfer lives [Sluiceway]', async ({
    net,
  }) => {
    const { running, client } = await line(net, cutOnce(40_000, 'stall'), {
      timeouts: { upstreamIdle: 150 },
    });
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(true);
    expect(response.content.equals(file)).toBe(true);
    expect(await running.record()).toMatchObject({ outcome: 'completed', resumes: 1 });
  });

  test('and is of unknown length goes on, and ends where the whole file does [RFC 9112 7.1]', async ({
    net,
  }) => {
    const whole = chunked([file.subarray(0, 100_000), file.subarray(100_000)], STRONG);
    const { client, running } = await line(net, ({ index, connection }) =>
      index === 0
        ? (async () => {
            await connection.write(whole.subarray(0, 150_000));
            connection.end();
          })()
        : 'whole',
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(true);
    expect(response.content.equals(file)).toBe(true);
    expect(await running.record()).toMatchObject({ resumes: 1 });
  });

  test('only by its last chunk ends well when the origin server says that nothing is left [RFC 9110 15.5.17]', async ({
    net,
  }) => {
    const whole = chunked([file], STRONG);
    const { client, running } = await line(net, ({ index, connection }) =>
      index === 0
        ? (async () => {
            await connection.write(whole.subarray(0, whole.length - 5));
            connection.end();
          })()
        : sized('', [`Content-Range: bytes */${SIZE}`], 'HTTP/1.1 416 Range Not Satisfiable'),
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(true);
    expect(response.content.equals(file)).toBe(true);
    expect((await running.record()).outcome).toBe('completed');
  });

  test('goes on by a date that counts as a strong validator, and not by one that does not [RFC 9110 8.8.2.2; RFC 9110 6.6.1]', async ({
    net,
  }) => {
    const modified = 'Last-Modified: Wed, 25 Nov 2026 10:00:00 GMT';
    const ago = (seconds: number): string => new Date(Date.now() - seconds * 1000).toUTCString();
    for (const [fields, isWhole] of [
      [[modified, 'Date: Wed, 25 Nov 2026 10:00:01 GMT'], true],
      [[modified, 'Date: Wed, 25 Nov 2026 10:00:00 GMT'], false],
      // The time of receipt, by clocks that may differ by a minute.
      [[`Last-Modified: ${ago(90)}`], true],
      [[`Last-Modified: ${ago(30)}`], false],
      [[`Last-Modified: ${ago(90)}`, 'Date: yesterday'], false],
    ] as const) {
      const { asked, client } = await line(net, cutOnce(40_000), {}, [...fields]);
      await client.get('/');
      const response = await client.readResponse();
      expect(response.complete, fields.join()).toBe(isWhole);
      if (isWhole) expect(`Last-Modified: ${asked[1]?.head.get('if-range')}`).toBe(fields[0]);
      else expect(asked).toHaveLength(1);
      client.close();
    }
  });

  test('with a weak entity tag and no such date, or neither, goes on only where the caller says that the length is proof [RFC 9110 13.1.5]', async ({
    net,
  }) => {
    const date = 'Wed, 25 Nov 2026 10:00:00 GMT';
    for (const fields of [
      ['ETag: W/"v1"'],
      ['X-None: 1'],
      ['ETag: W/"v1"', `Last-Modified: ${date}`, `Date: ${date}`],
    ]) {
      const strict = await line(net, cutOnce(40_000), {}, fields);
      await strict.client.get('/');
      expect((await strict.client.readResponse()).complete).toBe(false);
      expect(strict.asked).toHaveLength(1);
      const lenient = await line(net, cutOnce(40_000), { resume: { proof: 'length' } }, fields);
      await lenient.client.get('/');
      const response = await lenient.client.readResponse();
      expect(response.content.equals(file)).toBe(true);
      expect(lenient.asked[1]?.head.has('if-range')).toBe(false);
      for (const { client } of [strict, lenient]) client.close();
    }
  });

  test('stays broken where it is compressed on its way out, since ranges count what it was before, and whole parts of it pass as they are [Express; RFC 9110 14.4]', async ({
    net,
  }) => {
    const packed = gzipSync(file);
    const fields = [...STRONG, 'Content-Encoding: gzip'];
    const whole = chunked([packed], fields);
    const { asked, client } = await line(net, ({ connection }) =>
      (async () => {
        await connection.write(whole.subarray(0, 40_000));
        connection.end();
      })(),
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    expect(asked).toHaveLength(1);

    const start = gzipSync(Buffer.alloc(1000));
    const text = chunked([start], [...fields, `Content-Range: bytes 0-999/${SIZE}`]).toString('latin1');
    const part = Buffer.from(text.replace('200 OK', '206 Partial Content'), 'latin1');
    const parts = await line(net, () => part);
    await parts.client.get('/', ['Range: bytes=0-999']);
    const response = await parts.client.readResponse();
    expect(response.complete).toBe(true);
    expect(response.content.equals(start)).toBe(true);
    expect(parts.asked).toHaveLength(1);
  });

  test('stays broken where the origin server says that nothing is left of a file with another date [RFC 9110 15.5.17]', async ({
    net,
  }) => {
    const dated = (modified: string) => [`Last-Modified: ${modified}`, 'Date: Wed, 25 Nov 2026 11:00:00 GMT'];
    const whole = chunked([file], dated('Wed, 25 Nov 2026 09:00:00 GMT'));
    const { client } = await line(net, ({ index, connection }) =>
      index === 0
        ? (async () => {
            await connection.write(whole.subarray(0, whole.length - 5));
            connection.end();
          })()
        : sized(
            '',
            [`Content-Range: bytes */${SIZE}`, ...dated('Wed, 25 Nov 2026 10:00:00 GMT')],
            'HTTP/1.1 416 Range Not Satisfiable',
          ),
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
  });

  test('stays broken where the rest comes as several parts, though their Content-Range says otherwise [RFC 9110 15.3.7.2]', async ({
    net,
  }) => {
    const { client } = await line(net, ({ index, first }) =>
      index === 0
        ? { bytes: 40_000, ending: 'end' }
        : sized(
            `--x\r\nContent-Range: bytes ${first}-${SIZE - 1}/${SIZE}\r\n\r\n`.padEnd(SIZE - first),
            [
              ...STRONG,
              'Content-Type: multipart/byteranges; boundary=x',
              `Content-Range: bytes ${first}-${SIZE - 1}/${SIZE}`,
            ],
            'HTTP/1.1 206 Partial Content',
          ),
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(false);
    expect(response.content.equals(file.subarray(0, 40_000))).toBe(true);
  });

  test.for([
    ['resume is off', 'GET', { resume: false }, STRONG],
    ['the method is not GET', 'POST', {}, STRONG],
    ['the origin server has no ranges', 'GET', {}, [...STRONG, 'Accept-Ranges: none']],
    ['there are two entity tags', 'GET', {}, [...STRONG, 'ETag: "v2"']],
  ] as const)('stays broken where %s [RFC 9110 14.2]', async ([, method, options, fields], { net }) => {
    const { asked, client, running } = await line(net, cutOnce(40_000), options, [...fields]);
    await client.send(`${method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`);
    expect((await client.readResponse()).complete).toBe(false);
    expect(asked).toHaveLength(1);
    expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated', resumes: 0, attempts: 1 });
  });

  test('stays broken after so many attempts without a byte, and the break is what the record says [Sluiceway]', async ({
    net,
  }) => {
    const busy = sized('', ['Retry-After: 0'], 'HTTP/1.1 503 Busy');
    const { asked, client, running } = await line(
      net,
      ({ index }) => (index === 0 ? { bytes: 40_000, ending: 'end' } : busy),
      {
        resume: { attempts: 2 },
      },
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(false);
    expect(response.content.equals(file.subarray(0, 40_000))).toBe(true);
    expect(asked).toHaveLength(3);
    expect(await running.record()).toMatchObject({
      outcome: 'upstream_truncated',
      error: 'http_response_incomplete',
      resumes: 0,
    });
  });

  test('stays broken at once where Retry-After is later than the time without a byte allows [RFC 9110 10.2.3]', async ({
    net,
  }) => {
    const busy = sized('', ['Retry-After: 3600'], 'HTTP/1.1 503 Busy');
    const { asked, client } = await line(net, ({ index }) =>
      index === 0 ? { bytes: 40_000, ending: 'end' } : busy,
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    expect(asked).toHaveLength(2);
  });

  test('is not looked for any longer when its client leaves, be it before an attempt or during one [Go ReverseProxy]', async ({
    net,
  }) => {
    const busy = sized('', ['Retry-After: 10'], 'HTTP/1.1 503 Busy');
    const leaveDuring = async (then: typeof busy | 'silence') => {
      const { asked, client, running } = await line(net, ({ index, connection }) => {
        if (index === 0) return { bytes: 40_000, ending: 'end' };
        return then === 'silence' ? connection.closed.then(() => {}) : then;
      });
      await client.get('/');
      await until(() => asked.length === 2, 'the rest was asked for');
      client.close();
      expect(await running.record()).toMatchObject({ outcome: 'client_aborted' });
    };
    await Promise.all([leaveDuring(busy), leaveDuring('silence')]);
  });

  test('is looked for within the total time of the transfer, also after a timeout of the origin server [Sluiceway]', async ({
    net,
  }) => {
    const { asked, client, running } = await line(
      net,
      ({ index, connection }) =>
        index === 0 ? { bytes: 40_000, ending: 'stall' } : connection.closed.then(() => {}),
      { timeouts: { upstreamIdle: 100, total: 600 } },
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    expect(asked).toHaveLength(2);
    expect(await running.record()).toMatchObject({ outcome: 'limited', error: 'total_timeout' });
  });

  test('is asked for without the upgrade that the client has wished for [RFC 9110 7.8]', async ({ net }) => {
    const { asked, client } = await line(net, cutOnce(40_000));
    await client.get('/', ['Connection: Upgrade', 'Upgrade: websocket']);
    const response = await client.readResponse();
    expect(response.content.equals(file)).toBe(true);
    expect(asked.map(({ head }) => head.get('upgrade'))).toEqual(['websocket', undefined]);
  });

  test('forty times in a row, with less in between than is compared, goes on each time without a long pause [Sluiceway]', async ({
    net,
  }) => {
    const { client, running } = await line(net, ({ index }) =>
      index < 80 ? { bytes: 2000, ending: 'end' } : 'whole',
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.content.equals(file)).toBe(true);
    const { resumes, durationMs } = await running.record();
    expect(resumes).toBeGreaterThan(40);
    // Pauses that grew would add up to more than a minute.
    expect(durationMs).toBeLessThan(30_000);
  });
});
