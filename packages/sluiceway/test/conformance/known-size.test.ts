import { describe, expect } from 'vitest';
import { streamFrom, type TransferRecord } from '../../src/index.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { throughGateway } from '../support/gateway.js';
import { http2Line } from '../support/http2-line.js';
import { respondWith } from '../support/raw-origin.js';
import { startServer } from '../support/servers.js';
import { chunked, sized, through } from '../support/through.js';
import { throughHttp2 } from '../support/through-http2.js';
import { until } from '../support/until.js';

const SIZE = 50_000;
const file = seededBytes('sized', 0, SIZE);

/** Options of a proxy whose application knows the size of every file. */
const knowing = (size: number) => ({
  onUpstreamRequest: ({ upstreamRequest }: { upstreamRequest: { size: number | null } }) => {
    upstreamRequest.size = size;
  },
});

const untilClose = Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\nETag: "v1"\r\n\r\n'), file]);

describe('a response without a length, of a file whose size the application knows', () => {
  test.for([
    { framing: 'in chunks', wire: chunked([file]), ends: false },
    { framing: 'up to the close', wire: untilClose, ends: true },
  ])(
    '$framing, has that length, for HTTP/1.1, HTTP/1.0 and HTTP/2 [RFC 9110 8.6; Sluiceway]',
    async ({ wire, ends }, { net }) => {
      const script = async (connection: Parameters<Parameters<typeof net.origin>[0]>[0]): Promise<void> => {
        await connection.readHead();
        await connection.write(wire);
        if (ends) connection.end();
      };
      for (const version of ['1.1', '1.0']) {
        const { client, running } = await through(net, script, knowing(SIZE));
        await client.send(`GET / HTTP/${version}\r\nHost: test\r\n\r\n`);
        const { head, complete, delimitedBy, content } = await client.readResponse();
        expect([complete, delimitedBy, head.contentLength]).toEqual([true, 'length', SIZE]);
        expect([head.has('transfer-encoding'), isSeeded('sized', 0, content)]).toEqual([false, true]);
        expect((await running.record()).outcome).toBe('completed');
      }
      const { client } = await http2Line(net, script, knowing(SIZE));
      expect((await client.get('/')).fields).toMatchObject({ 'content-length': String(SIZE) });
    },
  );

  test('from an HTTP/2 origin server has that length [RFC 9113 8.1.1]', async ({ net }) => {
    const { client } = await throughHttp2(
      net,
      (stream) => {
        stream.respond({ ':status': 200 });
        stream.end(file);
      },
      knowing(SIZE),
    );
    await client.get('/');
    expect(await client.readResponse()).toMatchObject({ complete: true, delimitedBy: 'length' });
  });

  test.for([
    { what: 'shorter', size: SIZE + 1, outcome: 'upstream_truncated' },
    { what: 'longer', size: SIZE - 1, outcome: 'upstream_invalid' },
  ])('and that is $what never looks complete [RFC 9112 8]', async ({ size, outcome }, { net }) => {
    for (const wire of [chunked([file]), untilClose]) {
      const { client, running } = await through(
        net,
        async (connection) => {
          await connection.readHead();
          await connection.write(wire);
          connection.end();
        },
        { ...knowing(size), resume: false },
      );
      await client.get('/');
      const response = await client.readResponse();
      expect([response.complete, response.delimitedBy]).toEqual([false, 'length']);
      expect(response.contentLength).toBeLessThanOrEqual(size);
      expect(await running.record()).toMatchObject({ outcome });
    }
  });

  test('continues where only the close tells the end, and it comes too early [Sluiceway]', async ({
    net,
  }) => {
    let requests = 0;
    const { client, running } = await through(
      net,
      async (connection) => {
        const head = await connection.readHead();
        requests += 1;
        if (requests === 1) {
          await connection.write(untilClose.subarray(0, 30_000));
          connection.end();
          return;
        }
        const first = Number(/^bytes=(\d+)-$/.exec(head.get('range') ?? '')?.[1]);
        const range = `Content-Range: bytes ${first}-${SIZE - 1}/${SIZE}`;
        await connection.write(
          sized(file.subarray(first), [range, 'ETag: "v1"'], 'HTTP/1.1 206 Partial Content'),
        );
      },
      knowing(SIZE),
    );
    await client.get('/');
    const { complete, content } = await client.readResponse();
    expect([complete, isSeeded('sized', 0, content)]).toEqual([true, true]);
    expect(await running.record()).toMatchObject({ outcome: 'completed', resumes: 1 });
  });

  test('keeps its chunks if trailers are announced, and is as strict [RFC 9112 7.1.2]', async ({ net }) => {
    for (const size of [SIZE, SIZE + 1]) {
      const wire = chunked([file], ['Trailer: X-T'], ['X-T: 1']);
      const { client } = await through(net, respondWith(wire), knowing(size));
      await client.get('/', ['TE: trailers', 'Connection: TE']);
      expect(await client.readResponse()).toMatchObject({ complete: size === SIZE, delimitedBy: 'chunked' });
    }
  });

  test('keeps its framing if it has a content coding, since the size is that of other bytes [RFC 9110 8.6]', async ({
    net,
  }) => {
    const { client } = await through(
      net,
      respondWith(chunked(['x'], ['Content-Encoding: gzip'])),
      knowing(SIZE),
    );
    await client.get('/', ['Accept-Encoding: gzip']);
    expect(await client.readResponse()).toMatchObject({ complete: true, delimitedBy: 'chunked' });
  });

  test('to HEAD has that length too [RFC 9110 9.3.2]', async ({ net }) => {
    const { client } = await through(net, respondWith('HTTP/1.1 200 OK\r\n\r\n'), knowing(SIZE));
    await client.send('HEAD / HTTP/1.1\r\nHost: test\r\n\r\n');
    expect((await client.readResponse({ method: 'HEAD' })).head.contentLength).toBe(SIZE);
  });
});

test.for([
  { what: 'a Content-Length', wire: sized('short') },
  {
    what: 'a Content-Range',
    wire: sized('s', ['Content-Range: bytes 0-0/7'], 'HTTP/1.1 206 Partial Content'),
  },
  { what: 'no content (204)', wire: 'HTTP/1.1 204 No Content\r\n\r\n' },
])('a file that is of another size by $what is refused with 502 [Sluiceway]', async ({ wire }, { net }) => {
  const { client, running } = await through(net, respondWith(wire), knowing(SIZE));
  await client.get('/', ['Range: bytes=0-0']);
  expect((await client.readResponse()).head.status).toBe(502);
  expect(await running.record()).toMatchObject({ error: 'http_protocol_error' });
});

test('a file that is of another size by its head is taken from a mirror [Sluiceway]', async ({ net }) => {
  const mirror = await net.origin(respondWith(chunked([file])));
  const origin = await net.origin(respondWith(sized('short')));
  const running = await net.proxy({ upstream: { url: origin.url, mirrors: [mirror.url] }, ...knowing(SIZE) });
  const client = await net.client(running);
  await client.get('/');
  expect(await client.readResponse()).toMatchObject({ complete: true, contentLength: SIZE });
});

test('a size has no effect on errors, 304 and other methods [Sluiceway]', async ({ net }) => {
  const { client } = await through(
    net,
    respondWith(({ method, target }) =>
      method === 'GET' ? sized('', [], `HTTP/1.1 ${target.slice(1)} X`) : chunked(['done']),
    ),
    knowing(SIZE),
  );
  for (const status of [304, 404, 500]) {
    await client.get(`/${status}`);
    expect((await client.readResponse()).head.status).toBe(status);
  }
  await client.send('POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n');
  expect(await client.readResponse()).toMatchObject({ complete: true, delimitedBy: 'chunked' });
});

test('a link gives the size of its file, and asks for it without a coding [Sluiceway]', async ({ net }) => {
  const seen: (string | undefined)[] = [];
  const { client, link } = await throughGateway(
    net,
    respondWith((head) => {
      seen.push(head.get('accept-encoding'));
      return chunked([file]);
    }),
  );
  await client.get(link('/a', { size: SIZE, maxBytes: SIZE }), ['Accept-Encoding: gzip']);
  expect(await client.readResponse()).toMatchObject({ complete: true, delimitedBy: 'length' });
  await client.get(link('/a', { size: SIZE, maxBytes: SIZE - 1 }));
  expect((await client.readResponse()).head.status).toBe(502);
  await client.get(link('/a', { size: SIZE + 1 }));
  expect(await client.readResponse()).toMatchObject({ complete: false, delimitedBy: 'length' });
  expect(seen).toEqual(['identity', 'identity', 'identity']);
});

test('a call of streamFrom gives the size, and one that is none is a mistake of the set-up, 500 [Sluiceway]', async ({
  net,
}) => {
  const origin = await net.origin(respondWith(chunked([file])));
  const records: TransferRecord[] = [];
  const options = {
    addresses: 'any',
    observers: [{ onTransferEnd: (record: TransferRecord) => void records.push(record) }],
  } as const;
  const running = await startServer(
    (request, response) =>
      void streamFrom(request, response, origin.url, options, { size: Number(request.url?.slice(1)) }),
  );
  net.cleanup(() => running.stop());
  const client = await net.client(running);
  await client.get(`/${SIZE}`);
  expect(await client.readResponse()).toMatchObject({ complete: true, delimitedBy: 'length' });
  await client.get('/1.5');
  expect((await client.readResponse()).head.status).toBe(500);
  await until(() => records.length === 2, 'the transfers had ended');
});
