import { describe, expect } from 'vitest';
import { seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import type { RequestHead } from '../support/message-head.js';
import { startHttp2Server } from '../support/node-http2.js';
import type { OriginScript } from '../support/raw-origin.js';
import type { ProxyOptions } from '../support/servers.js';
import { streaming } from '../support/stream-from.js';
import { sized } from '../support/through.js';

const SIZE = 100_000;
const file = seededBytes('if-range', 0, SIZE);
const PARTIAL = 'HTTP/1.1 206 Partial Content';
const OLD = 'Wed, 25 Nov 2026 09:00:00 GMT';
const NEW = 'Wed, 25 Nov 2026 10:00:00 GMT';

/** An origin server that sends the range that it is asked for, whatever `If-Range` says. */
function ignoring(lines: readonly string[], asked: RequestHead[] = []): OriginScript {
  return async (connection) => {
    for (;;) {
      const head = await connection.readHead();
      asked.push(head);
      const [, first] = /^bytes=(\d+)-/.exec(head.get('range') ?? '') ?? [];
      const range = `Content-Range: bytes ${first}-${SIZE - 1}/${SIZE}`;
      await connection.write(
        first === undefined
          ? sized(file, lines)
          : sized(file.subarray(Number(first)), [range, ...lines], PARTIAL),
      );
    }
  };
}

async function ask(
  net: Network,
  condition: string,
  lines: readonly string[],
  options: Omit<ProxyOptions, 'upstream'> = {},
) {
  const asked: RequestHead[] = [];
  const origin = await net.origin(ignoring(lines, asked));
  const running = await net.proxy({ upstream: origin.url, ...options });
  const client = await net.client(running);
  await client.get('/', ['Range: bytes=50000-', `If-Range: ${condition}`, 'X-Own: 1']);
  const response = await client.readResponse();
  return { asked, response, record: await running.record() };
}

describe('a part (206) in answer to a range on a condition (If-Range)', () => {
  test.for<[string, string, string[]]>([
    ['another strong entity tag', '"v1"', ['ETag: "v2"']],
    ['another weak entity tag', '"v1"', ['ETag: W/"v1"']],
    ['another entity tag without quotes', 'abc', ['ETag: def']],
    ['another date', OLD, [`Last-Modified: ${NEW}`]],
    ['another entity tag, and the same date', '"v1"', ['ETag: "v2"', `Last-Modified: ${OLD}`]],
  ])(
    'with %s is not relayed: the client gets the whole file (200) [RFC 9110 13.1.5]',
    async ([, condition, lines], { net }) => {
      const { asked, response, record } = await ask(net, condition, lines);
      expect(response.head.status).toBe(200);
      expect(response.head.has('content-range')).toBe(false);
      expect(response.content.equals(file)).toBe(true);
      expect(asked.map((head) => [head.get('range'), head.get('if-range'), head.get('x-own')])).toEqual([
        ['bytes=50000-', condition, '1'],
        [undefined, undefined, '1'],
      ]);
      expect(record).toMatchObject({ outcome: 'completed', status: 200, attempts: 2, ifRangeRetries: 1 });
    },
  );

  test.for<[string, string, string[]]>([
    ['the same entity tag', '"v1"', ['ETag: "v1"', `Last-Modified: ${NEW}`]],
    ['the same entity tag without quotes', 'abc', ['ETag: abc']],
    ['the same date', OLD, [`Last-Modified: ${OLD}`, 'ETag: "v2"']],
  ])(
    'with %s is relayed as it is [RFC 9110 13.1.5; RFC 9110 15.3.7]',
    async ([, condition, lines], { net }) => {
      const { asked, response, record } = await ask(net, condition, lines);
      expect(response.head.status).toBe(206);
      expect(response.content.equals(file.subarray(50_000))).toBe(true);
      expect(asked).toHaveLength(1);
      expect(record.ifRangeRetries).toBe(0);
    },
  );

  test.for<[string, string, string[], string[], number]>([
    ['the date that the condition names', OLD, ['ETag: abc'], [`Last-Modified: ${OLD}`], 206],
    ['another date', OLD, ['ETag: abc'], [`Last-Modified: ${NEW}`], 200],
    ['the entity tag that the condition names', '"v1"', [`Last-Modified: ${OLD}`], ['ETag: "v1"'], 206],
    ['another entity tag', '"v1"', [`Last-Modified: ${OLD}`], ['ETag: "v2"'], 200],
    ['no validator either', '"v1"', [], [], 206],
    ['404', '"v1"', [], ['status: 404'], 206],
  ])(
    'without the validator of the condition is checked by a HEAD, which brings %s [RFC 9110 13.1.5; RFC 9110 15.3.7]',
    async ([, condition, ofPart, ofWhole, status], { net }) => {
      const asked: RequestHead[] = [];
      const origin = await net.origin(async (connection) => {
        for (;;) {
          const head = await connection.readHead();
          asked.push(head);
          const isPart = head.has('range');
          const lines = isPart ? [`Content-Range: bytes 50000-${SIZE - 1}/${SIZE}`, ...ofPart] : ofWhole;
          if (head.method === 'HEAD')
            await connection.write(
              ofWhole[0] === 'status: 404'
                ? 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'
                : `HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`,
            );
          else
            await connection.write(
              isPart ? sized(file.subarray(50_000), lines, PARTIAL) : sized(file, lines),
            );
        }
      });
      const running = await net.proxy({ upstream: origin.url });
      const client = await net.client(running);
      await client.get('/', ['Range: bytes=50000-', `If-Range: ${condition}`]);
      const response = await client.readResponse();
      expect(response.head.status).toBe(status);
      expect(response.complete).toBe(true);
      expect(response.content.equals(status === 200 ? file : file.subarray(50_000))).toBe(true);
      expect(asked.map((head) => [head.method, head.get('range'), head.get('if-range')])).toEqual([
        ['GET', 'bytes=50000-', condition],
        ['HEAD', undefined, undefined],
        ['GET', ...(status === 200 ? [undefined, undefined] : ['bytes=50000-', condition])],
      ]);
      expect(await running.record()).toMatchObject({
        outcome: 'completed',
        attempts: 3,
        ifRangeRetries: status === 200 ? 1 : 0,
      });
    },
  );

  test('is relayed whatever it says where `verifyIfRange` is false [Sluiceway]', async ({ net }) => {
    const { response } = await ask(net, '"v1"', ['ETag: "v2"'], { verifyIfRange: false });
    expect(response.head.status).toBe(206);
  });

  test('is replaced by the whole file by `streamFrom`, a gateway, and from an HTTP/2 origin server [Sluiceway]', async ({
    net,
  }) => {
    const lines = ['Range: bytes=50000-', 'If-Range: "v1"'];
    const origin = await net.origin(ignoring(['ETag: "v2"', 'Connection: close']));
    const streamed = await streaming(net, `${origin.url}/file`, { addresses: 'any' });
    await streamed.client.get('/', lines);
    expect((await streamed.client.readResponse()).content.equals(file)).toBe(true);

    const gateway = await throughGateway(net, ignoring(['ETag: "v2"', 'Connection: close']));
    await gateway.client.get(gateway.link('/file'), lines);
    expect((await gateway.client.readResponse()).content.equals(file)).toBe(true);

    const http2 = await startHttp2Server(net, (stream, { range }) => {
      const isPart = range !== undefined;
      stream.respond({
        ':status': isPart ? 206 : 200,
        etag: '"v2"',
        ...(isPart && { 'content-range': `bytes 50000-${SIZE - 1}/${SIZE}` }),
      });
      stream.end(isPart ? file.subarray(50_000) : file);
    });
    const running = await net.proxy({ upstream: { url: http2.url, protocol: 'http2' } });
    const client = await net.client(running);
    await client.get('/', lines);
    expect((await client.readResponse()).content.equals(file)).toBe(true);
  });

  test('that is replaced by the whole file is continued where that breaks [Sluiceway]', async ({ net }) => {
    const asked: RequestHead[] = [];
    const origin = await net.origin(async (connection) => {
      const serve = ignoring(['ETag: "v2"'], asked);
      if (asked.length < 1) {
        const head = await connection.readHead();
        asked.push(head);
        await connection.write(
          sized(
            file.subarray(50_000),
            ['ETag: "v2"', `Content-Range: bytes 50000-${SIZE - 1}/${SIZE}`],
            PARTIAL,
          ),
        );
        return;
      }
      if (asked.length === 1) {
        asked.push(await connection.readHead());
        const whole = sized(file, ['ETag: "v2"']);
        await connection.write(whole.subarray(0, whole.length - 40_000));
        connection.end();
        return;
      }
      await serve(connection);
    });
    const running = await net.proxy({ upstream: origin.url });
    const client = await net.client(running);
    await client.get('/', ['Range: bytes=50000-', 'If-Range: "v1"']);
    const response = await client.readResponse();
    expect(response.head.status).toBe(200);
    expect(response.content.equals(file)).toBe(true);
    expect(await running.record()).toMatchObject({ resumes: 1, ifRangeRetries: 1 });
  });
});
