import { describe, expect } from 'vitest';
import { streamFrom, type TransferRecord } from '../../src/index.js';
import { seededBytes } from '../support/content.js';
import { MISMATCH, memberOf } from '../support/digests.js';
import { type Network, test } from '../support/fixture.js';
import { startHttp2Server } from '../support/node-http2.js';
import { type Delivery, type FileRequest, rangedOrigin } from '../support/ranged-origin.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { chunked, sized } from '../support/through.js';

const SIZE = 300_000;
const CUT = 40_000;
const file = seededBytes('proofs', 0, SIZE);
/** The same but for its last byte. */
const damaged = Buffer.concat([file.subarray(0, -1), Buffer.from([file.readUInt8(SIZE - 1) ^ 1])]);
/** The same but for a byte a little behind the break, which no comparison of bytes sees. */
const damagedEarly = Buffer.from(file);
damagedEarly.writeUInt8(file.readUInt8(CUT + 10) ^ 1, CUT + 10);
const STRONG = 'ETag: "v1"';
const PARTIAL = 'HTTP/1.1 206 Partial Content';
const BREAK: Delivery = { bytes: CUT, ending: 'end' };

type Decide = (request: FileRequest) => Delivery | 'whole' | Buffer | Promise<void>;

async function line(
  net: Network,
  decide: Decide,
  options: Omit<ProxyOptions, 'upstream'> = {},
  fields: readonly string[] = [STRONG],
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

/** A part in chunks, as bytes. */
const inChunks = (bytes: Buffer, lines: readonly string[], trailers: readonly string[] = []): Buffer => {
  const text = chunked([bytes.subarray(0, 1000), bytes.subarray(1000)], lines, trailers).toString('latin1');
  return Buffer.from(text.replace('HTTP/1.1 200 OK', PARTIAL), 'latin1');
};
const range = (first: number, end = SIZE, total: number | '*' = SIZE): string =>
  `Content-Range: bytes ${first}-${end - 1}/${total}`;
const rest = (bytes: Buffer, first: number, lines: readonly string[] = []): Buffer =>
  sized(bytes, [STRONG, range(first), ...lines], PARTIAL);

const ALGORITHMS = ['sha256', 'sha512'] as const;

// At the same time: each goes on, or is broken off, only after a pause.
describe.concurrent('a rest with a digest of its own', () => {
  for (const algorithm of ALGORITHMS)
    for (const place of ['its head', 'a trailer'] as const)
      for (const field of ['Content-Digest', 'Repr-Digest'] as const) {
        const run = async (net: Network, isRight: boolean) => {
          const { client, running } = await line(
            net,
            ({ index, first }) => {
              if (index === 0) return BREAK;
              const bytes = (isRight ? file : damaged).subarray(first);
              const of = field === 'Content-Digest' ? file.subarray(first) : file;
              const digest = `${field}: ${memberOf(of, algorithm)}`;
              return place === 'its head'
                ? rest(bytes, first, [digest])
                : inChunks(bytes, [STRONG, range(first), `Trailer: ${field}`], [digest]);
            },
            {},
            // What has passed must have been hashed, by both algorithms where it is not known which one counts.
            [STRONG, ...(field === 'Repr-Digest' ? [`Repr-Digest: ${memberOf(file, algorithm)}`] : [])],
          );
          await client.get('/');
          return { response: await client.readResponse(), record: await running.record() };
        };

        test(`${field} by ${algorithm} in ${place}: passes where it is right, and is broken off before its last byte where it is not [RFC 9530 2; RFC 9530 3]`, async ({
          net,
        }) => {
          const right = await run(net, true);
          expect(right.response.complete).toBe(true);
          expect(right.response.content.equals(file)).toBe(true);
          expect(right.record).toMatchObject({ outcome: 'completed', resumes: 1 });
          const wrong = await run(net, false);
          expect(wrong.response.complete).toBe(false);
          expect(wrong.response.contentLength).toBeLessThan(SIZE);
          expect(wrong.record).toMatchObject(MISMATCH);
        });
      }

  test('over HTTP/2, in its head or a trailer, is broken off where it is wrong [RFC 9530 2; RFC 9113 8.1]', async ({
    net,
  }) => {
    for (const [place, hasLength] of [
      ['head', true],
      ['trailer', true],
      ['trailer', false],
    ] as const)
      for (const bytes of [file, damaged]) {
        let requests = 0;
        const origin = await startHttp2Server(net, (stream, { range: asked }) => {
          requests += 1;
          const first = Number(/^bytes=(\d+)-$/.exec(asked ?? '')?.[1] ?? 0);
          const digest = { 'content-digest': memberOf(file.subarray(first)) };
          if (requests === 1) {
            stream.respond({ ':status': 200, etag: '"v1"', 'content-length': SIZE });
            stream.write(file.subarray(0, CUT), () => stream.close(2));
            return;
          }
          const head = {
            ':status': 206,
            etag: '"v1"',
            'content-range': `bytes ${first}-${SIZE - 1}/${SIZE}`,
            ...(hasLength && { 'content-length': SIZE - first }),
          };
          if (place === 'head') stream.respond({ ...head, ...digest });
          else {
            stream.respond({ ...head, trailer: 'content-digest' }, { waitForTrailers: true });
            stream.on('wantTrailers', () => stream.sendTrailers(digest));
          }
          stream.end(bytes.subarray(first));
        });
        const running = await net.proxy({ upstream: { url: origin.url, protocol: 'http2' } });
        const client = await net.client(running);
        await client.get('/');
        const response = await client.readResponse();
        expect(response.complete, place).toBe(bytes === file);
        expect((await running.record()).error).toBe(bytes === file ? null : MISMATCH.error);
      }
  });

  test('is verified also where that rest breaks too, and another one brings its end [RFC 9530 2]', async ({
    net,
  }) => {
    for (const first of [file, damagedEarly]) {
      const { client, running } = await line(net, ({ index, first: from, connection }) => {
        if (index === 0) return BREAK;
        if (index === 2) return rest(file.subarray(from), from);
        const digest = `Content-Digest: ${memberOf(file.subarray(from))}`;
        const head = sized(first.subarray(from), [STRONG, range(from), digest], PARTIAL);
        return (async () => {
          await connection.write(head.subarray(0, head.length - 100_000));
          connection.end();
        })();
      });
      await client.get('/');
      expect((await client.readResponse()).complete).toBe(first === file);
      expect(await running.record()).toMatchObject(first === file ? { resumes: 2 } : MISMATCH);
    }
  });

  test('Repr-Digest in the head of the rest counts where the first response has announced it as a trailer [RFC 9530 6.4]', async ({
    net,
  }) => {
    for (const place of ['head', 'trailer'])
      for (const bytes of [file, damaged]) {
        const digest = `Repr-Digest: ${memberOf(file)}`;
        const whole = chunked([file], [STRONG, 'Trailer: Repr-Digest'], [digest]);
        const { client, running } = await line(net, ({ index, first, connection }) => {
          if (index > 0)
            return place === 'head'
              ? rest(bytes.subarray(first), first, [digest])
              : inChunks(bytes.subarray(first), [STRONG, range(first), 'Trailer: Repr-Digest'], [digest]);
          return (async () => {
            await connection.write(whole.subarray(0, CUT));
            connection.end();
          })();
        });
        await client.get('/', ['TE: trailers', 'Connection: TE']);
        const response = await client.readResponse();
        expect(response.complete).toBe(bytes === file);
        if (bytes === file && place === 'trailer') expect(response.trailers).toEqual([digest]);
        expect((await running.record()).error).toBe(bytes === file ? null : MISMATCH.error);
      }
  });

  test('Repr-Digest that differs from that of the first response is of another file, of a part of it too [RFC 9530 3]', async ({
    net,
  }) => {
    for (const lines of [[], ['Range: bytes=1000-']]) {
      const { client, running } = await line(
        net,
        ({ index, first }) =>
          index === 0 ? BREAK : rest(file.subarray(first), first, [`Repr-Digest: ${memberOf('another')}`]),
        {},
        [STRONG, `Repr-Digest: ${memberOf(file)}`],
      );
      await client.get('/', lines);
      expect((await client.readResponse()).complete).toBe(false);
      expect((await running.record()).outcome).toBe('upstream_truncated');
    }
  });

  test('Repr-Digest that nothing can verify, since what has passed was not hashed, is not taken for right [RFC 9530 3; Sluiceway]', async ({
    net,
  }) => {
    const { client } = await line(net, ({ index, first }) =>
      index === 0 ? BREAK : rest(damaged.subarray(first), first, [`Repr-Digest: ${memberOf(file)}`]),
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(false);
    expect(response.content.equals(file.subarray(0, CUT))).toBe(true);
  });

  test('passes with any digest where `digests.verify` is false [Sluiceway]', async ({ net }) => {
    const lines = [`Content-Digest: ${memberOf('another')}`, `Repr-Digest: ${memberOf('another')}`];
    const { client } = await line(
      net,
      ({ index, first }) => (index === 0 ? BREAK : rest(file.subarray(first), first, lines)),
      { digests: { verify: false } },
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(true);
  });

  test('of a mirror is verified as well [RFC 9530 2]', async ({ net }) => {
    const second = await net.origin(
      rangedOrigin(file, ({ first }) =>
        rest(damaged.subarray(first), first, [`Content-Digest: ${memberOf(file.subarray(first))}`]),
      ),
    );
    const first = await net.origin(
      rangedOrigin(file, ({ index }) => (index === 0 ? BREAK : sized('', [], 'HTTP/1.1 404 Not Found'))),
    );
    const running = await net.proxy({ upstream: { url: first.url, mirrors: [second.url] } });
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
    expect(await running.record()).toMatchObject(MISMATCH);
  });
});

test('a part (206) whose digest was to come as a trailer, and did not, is not whole though all of its bytes have come [RFC 9530 6.4]', async ({
  net,
}) => {
  const part = inChunks(file.subarray(0, 1500), [STRONG, range(0, 1500), 'Trailer: Content-Digest']);
  const { client } = await line(net, ({ connection }) =>
    (async () => {
      await connection.write(part.subarray(0, -5));
      connection.end();
    })(),
  );
  await client.get('/', ['Range: bytes=0-1499']);
  expect((await client.readResponse()).complete).toBe(false);
});

test('content over HTTP/2 with a length and a digest in a trailer is broken off before its end where it is another [RFC 9530 6.4; RFC 9113 8.1]', async ({
  net,
}) => {
  for (const bytes of [file, damaged]) {
    const origin = await startHttp2Server(net, (stream) => {
      stream.respond(
        { ':status': 200, 'content-length': SIZE, trailer: 'repr-digest' },
        { waitForTrailers: true },
      );
      stream.on('wantTrailers', () => stream.sendTrailers({ 'repr-digest': memberOf(file) }));
      stream.end(bytes);
    });
    const running = await net.proxy({ upstream: { url: origin.url, protocol: 'http2' } });
    const client = await net.client(running);
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(bytes === file);
    expect((await running.record()).error).toBe(bytes === file ? null : MISMATCH.error);
  }
});

describe.concurrent('a rest by a date', () => {
  const DATED = ['Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT', 'Date: Wed, 25 Nov 2026 10:00:00 GMT'];
  const gone = sized('', [], 'HTTP/1.1 410 Gone');
  const to = (url: string): Buffer => sized('', [`Location: ${url}`], 'HTTP/1.1 302 Found');

  test.for([
    ['another server', 'other'],
    ['another path of the same server', 'path'],
    ['another query of the same path', 'query'],
    ['the same URL', 'same'],
  ] as const)(
    'that comes from %s after a redirect of the rest, a new walk, or `refreshTarget` proves nothing, but at the same URL it does [RFC 9110 8.8.2.2; RFC 9110 8.8.3]',
    async ([, where], { net }) => {
      for (const how of ['redirect', 'walk', 'refresh'] as const) {
        const other = await net.origin(rangedOrigin(file, () => 'whole', DATED));
        let requests = 0;
        const elsewhere = (): string => {
          if (where === 'other') return `${other.url}/a?1`;
          return `${storage.url}${where === 'path' ? '/b?1' : where === 'query' ? '/a?2' : '/a?1'}`;
        };
        const storage = await net.origin(
          rangedOrigin(
            file,
            ({ head }) => {
              if (head.target !== '/a?1') return 'whole';
              requests += 1;
              if (requests === 1) return BREAK;
              if (requests > 2) return 'whole';
              return how === 'redirect' ? to(elsewhere()) : gone;
            },
            DATED,
          ),
        );
        let walks = 0;
        const release = await net.origin(
          rangedOrigin(file, () => {
            walks += 1;
            return to(walks === 1 ? `${storage.url}/a?1` : elsewhere());
          }),
        );
        const records: TransferRecord[] = [];
        const options = {
          addresses: 'any',
          observers: [{ onTransferEnd: (record: TransferRecord) => void records.push(record) }],
          ...(how === 'refresh' && { resume: { refreshTarget: elsewhere } }),
        } as const;
        const url = how === 'walk' ? `${release.url}/` : `${storage.url}/a?1`;
        const running = await startServer(
          (request, response) => void streamFrom(request, response, url, options),
        );
        net.cleanup(() => running.stop());
        const client = await net.client(running);
        await client.get('/');
        const response = await client.readResponse();
        expect(response.complete, how).toBe(where === 'same');
        if (where !== 'same') expect(response.content.equals(file.subarray(0, CUT))).toBe(true);
      }
    },
  );
});

describe.concurrent('the length of the whole file', () => {
  const whole = chunked([file.subarray(0, 100_000), file.subarray(100_000)], [STRONG]);
  /** The first response says nothing of the length; the rest says it and breaks; then this. */
  const afterwards = async (net: Network, answer: Buffer, lines: string[] = []) => {
    const { client, running } = await line(net, ({ index, first, connection }) => {
      if (index > 1) return answer;
      const head = `${PARTIAL}\r\n${STRONG}\r\n${range(first)}\r\nContent-Length: ${SIZE - first}\r\n\r\n`;
      return (async () => {
        if (index === 0) await connection.write(whole.subarray(0, CUT));
        else {
          await connection.write(head);
          await connection.write(file.subarray(first, 100_000));
        }
        connection.end();
      })();
    });
    await client.get('/', lines);
    return { response: await client.readResponse(), record: await running.record() };
  };

  test.for([
    ['a 416 without a validator', sized('', ['Content-Range: bytes */100000'], 'HTTP/1.1 416 No')],
    ['a 416 with the validator', sized('', [STRONG, 'Content-Range: bytes */100000'], 'HTTP/1.1 416 No')],
    [
      'a rest of a longer file',
      sized(file.subarray(100_000), [STRONG, range(100_000, SIZE, SIZE + 1)], PARTIAL),
    ],
  ] as const)(
    'that one rest has announced is not taken back by %s [RFC 9110 14.4; RFC 9110 15.5.17]',
    async ([, answer], { net }) => {
      const { response, record } = await afterwards(net, answer);
      expect(response.complete).toBe(false);
      expect(response.content.equals(file.subarray(0, 100_000))).toBe(true);
      expect(record).toMatchObject({ outcome: 'upstream_truncated' });
    },
  );

  test('of a 416 that says two of them is none [RFC 9110 14.4]', async ({ net }) => {
    const { client } = await line(net, ({ index, connection }) =>
      index === 0
        ? (async () => {
            await connection.write(whole.subarray(0, whole.length - 5));
            connection.end();
          })()
        : sized(
            '',
            [`Content-Range: bytes */${SIZE}`, 'Content-Range: bytes */1'],
            'HTTP/1.1 416 Range Not Satisfiable',
          ),
    );
    await client.get('/');
    expect((await client.readResponse()).complete).toBe(false);
  });
});

describe.concurrent('a rest that is not framed as it was asked for', () => {
  test.for([
    ['in chunks, with more bytes than its Content-Range', Buffer.concat([file, Buffer.from('x')])],
    ['in chunks, with fewer bytes', file.subarray(0, -1)],
  ] as const)('%s ends visibly broken [RFC 9110 14.4]', async ([, bytes], { net }) => {
    const { client } = await line(
      net,
      ({ index, first }) =>
        index === 0
          ? BREAK
          : index === 1
            ? inChunks(bytes.subarray(first), [STRONG, range(first)])
            : sized('', [], 'HTTP/1.1 404 Not Found'),
      { resume: { attempts: 1 } },
    );
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(false);
    expect(response.contentLength).toBeLessThan(SIZE);
  });

  test.for<[string, (request: FileRequest) => Buffer, string[]]>([
    [
      'with an unknown total',
      ({ first }) => sized(file.subarray(first), [STRONG, range(first, SIZE, '*')], PARTIAL),
      [],
    ],
    [
      'piece by piece',
      ({ first }) => {
        const end = Math.min(SIZE, first + 100_000);
        return sized(file.subarray(first, end), [STRONG, range(first, end)], PARTIAL);
      },
      [],
    ],
    ['from an earlier byte on', ({ first }) => rest(file.subarray(first - 1000), first - 1000), []],
    [
      'without the Content-Encoding that its entity tag implies',
      ({ first }) => rest(file.subarray(first), first),
      ['Content-Encoding: br'],
    ],
    [
      'without If-Range only',
      ({ head, first }) => (head.has('if-range') ? sized(file, [STRONG]) : rest(file.subarray(first), first)),
      [],
    ],
    ['as all of the same file', () => sized(file, [STRONG]), []],
  ])(
    'but comes %s is taken on its strong entity tag [RFC 9110 15.3.7]',
    async ([, answer, lines], { net }) => {
      const { client, running } = await line(
        net,
        (request) => (request.index === 0 ? BREAK : answer(request)),
        {},
        [STRONG, ...lines],
      );
      await client.get('/');
      const response = await client.readResponse();
      expect(response.complete).toBe(true);
      expect(response.content.equals(file)).toBe(true);
      expect(await running.record()).toMatchObject({ outcome: 'completed' });
    },
  );

  test.for<[string, string[]]>([
    ['another entity tag', ['ETag: "v2"']],
    ['a weak entity tag', ['ETag: W/"v1"']],
    ['no entity tag', []],
  ])('as all of a file with %s is not taken [RFC 9110 8.8.1]', async ([, lines], { net }) => {
    const { client } = await line(net, ({ index }) => (index === 0 ? BREAK : sized(file, lines)));
    await client.get('/');
    const response = await client.readResponse();
    expect(response.complete).toBe(false);
    expect(response.content.equals(file.subarray(0, CUT))).toBe(true);
  });

  test('with all of the file is verified by its Content-Digest, what has come before included [RFC 9530 2]', async ({
    net,
  }) => {
    for (const bytes of [file, damaged]) {
      const { client, running } = await line(net, ({ index }) =>
        index === 0 ? BREAK : sized(bytes, [STRONG, `Content-Digest: ${memberOf(file)}`]),
      );
      await client.get('/');
      expect((await client.readResponse()).complete).toBe(bytes === file);
      expect((await running.record()).error).toBe(bytes === file ? null : MISMATCH.error);
    }
  });
});
