import { describe, expect } from 'vitest';
import { streamFrom as fetchStreamFrom } from '../../src/fetch.js';
import { createProxy, type StreamFromOptions, streamFrom, type TransferRecord } from '../../src/index.js';
import { type Entry, servingFiles, sumLine } from '../support/checksum-files.js';
import { isSeeded, seededBytes } from '../support/content.js';
import { MISMATCH, memberOf } from '../support/digests.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { nodeOrigin } from '../support/node-origin.js';
import { problemsOf } from '../support/problems.js';
import { rangedOrigin } from '../support/ranged-origin.js';
import { type ProxyOptions, startServer } from '../support/servers.js';
import { sized } from '../support/through.js';
import { throughHttp2 } from '../support/through-http2.js';
import { until } from '../support/until.js';

const SIZE = 200_000;
const file = seededBytes('listed', 0, SIZE);
const line = sumLine(file, 'a.bin');
const UNAVAILABLE = { outcome: 'upstream_invalid', error: 'digest_unavailable', status: 502 } as const;

/** A proxy before a server with these files. */
async function checking(
  net: Network,
  files: Readonly<Record<string, Entry>>,
  sidecar: NonNullable<ProxyOptions['digests']>['sidecar'],
  options: Partial<ProxyOptions> = {},
) {
  const origin = await nodeOrigin(net, servingFiles(files));
  const running = await net.proxy({
    upstream: origin.url,
    digests: { ...(sidecar !== undefined && { sidecar }) },
    ...options,
  });
  return { origin, running, client: await net.client(running) };
}

describe('a file that its checksum file lists', () => {
  test.for([
    ['{name}.sha256', '/d/a.bin.sha256', line],
    ['SHA256SUMS', '/d/SHA256SUMS', `${sumLine('b', 'b.bin')}${line}`],
    ['/sums', '/sums', sumLine(file, 'd/a.bin')],
    ['{name}.sha512', '/d/a.bin.sha512', sumLine(file, 'a.bin', 'sha512')],
  ] as const)(
    'by %s passes whole, with its Repr-Digest, in both framings [RFC 9530 3; Sluiceway]',
    async ([sidecar, path, sums], { net }) => {
      const { client, running, origin } = await checking(net, { '/d/a.bin': file, [path]: sums }, sidecar);
      for (const target of ['/d/a.bin', '/d/a.bin?chunked']) {
        await client.get(target, ['Range: bytes=5-', 'Accept-Encoding: gzip']);
        const { head, content, complete } = await client.readResponse();
        expect([head.status, complete, isSeeded('listed', 0, content)]).toEqual([200, true, true]);
        expect(head.get('repr-digest')).toBe(memberOf(file, sidecar.includes('512') ? 'sha512' : 'sha256'));
        expect(head.has('accept-ranges')).toBe(false);
      }
      expect(await running.record(1)).toMatchObject({ outcome: 'completed', bytesDown: SIZE, attempts: 1 });
      const asked = origin.requests.map(({ url, headers }) => [
        url,
        headers.range,
        headers['accept-encoding'],
      ]);
      expect(asked).toContainEqual([path, undefined, 'identity']);
      expect(asked).toContainEqual(['/d/a.bin', undefined, 'identity']);
    },
  );

  test('is described to HEAD [RFC 9110 9.3.2; RFC 9530 3]', async ({ net }) => {
    const { client } = await checking(net, { '/a.bin': file, '/SUMS': line }, 'SUMS');
    await client.send('HEAD /a.bin HTTP/1.1\r\nHost: test\r\n\r\n');
    const { head } = await client.readResponse({ method: 'HEAD' });
    expect([head.get('content-length'), head.get('repr-digest')]).toEqual([`${SIZE}`, memberOf(file)]);
  });

  test.for(['/a.bin', '/a.bin?chunked'])(
    'and has other content, at %s, never looks complete, until the list is right [Sluiceway]',
    async (target, { net }) => {
      const files = { '/a.bin': file, '/SUMS': sumLine('other', 'a.bin') };
      const { client, running } = await checking(net, files, { file: 'SUMS', cacheFor: '1h' });
      await client.get(target);
      expect((await client.readResponse()).complete).toBe(false);
      expect(await running.record()).toMatchObject(MISMATCH);
      expect((await running.record()).errorMessage).toContain('the checksum file gives');
      files['/SUMS'] = line;
      const again = await net.client(running);
      await again.get(target);
      expect((await again.readResponse()).complete).toBe(true);
    },
  );

  test('and breaks in the middle continues, and is verified in one piece [Sluiceway]', async ({ net }) => {
    const origin = await net.origin(
      rangedOrigin(
        file,
        ({ head, index }) => {
          if (head.target.endsWith('.sha256')) return sized(line);
          return index === 1 ? { bytes: SIZE / 2, ending: 'end' } : 'whole';
        },
        [],
      ),
    );
    const running = await net.proxy({ upstream: origin.url, digests: { sidecar: '{name}.sha256' } });
    const client = await net.client(running);
    await client.get('/a.bin');
    const { content, complete } = await client.readResponse();
    expect([complete, isSeeded('listed', 0, content)]).toEqual([true, true]);
    expect(await running.record()).toMatchObject({ outcome: 'completed', resumes: 1 });
  });

  test('and continues with other bytes never looks complete [Sluiceway]', async ({ net }) => {
    const other = Buffer.concat([file.subarray(0, SIZE - 100), Buffer.alloc(100)]);
    const script = rangedOrigin(file, ({ head, index, first }) => {
      if (head.target.endsWith('.sha256')) return sized(line);
      if (index === 1) return { bytes: SIZE / 2, ending: 'end' };
      const range = `Content-Range: bytes ${first}-${SIZE - 1}/${SIZE}`;
      return sized(other.subarray(first), [range, 'ETag: "v1"'], 'HTTP/1.1 206 Partial Content');
    });
    const origin = await net.origin(script);
    const running = await net.proxy({ upstream: origin.url, digests: { sidecar: '{name}.sha256' } });
    const client = await net.client(running);
    await client.get('/a.bin');
    expect((await client.readResponse()).complete).toBe(false);
    expect(await running.record()).toMatchObject(MISMATCH);
  });

  test('on an HTTP/2 origin server passes only with the digest [RFC 9113 8.1; Sluiceway]', async ({
    net,
  }) => {
    for (const content of [file, Buffer.alloc(SIZE)]) {
      const { client, running } = await throughHttp2(
        net,
        (stream, headers) => {
          stream.respond({ ':status': 200 });
          stream.end(headers[':path'] === '/a.bin' ? content : line);
        },
        { digests: { sidecar: '{name}.sha256' } },
      );
      await client.get('/a.bin');
      expect((await client.readResponse()).complete).toBe(content === file);
      expect((await running.record()).outcome).toBe(content === file ? 'completed' : 'upstream_invalid');
    }
  });

  test('on a mirror passes if the first server cannot be reached [Sluiceway]', async ({ net }) => {
    const mirror = await nodeOrigin(net, servingFiles({ '/a.bin': file, '/SUMS': line }));
    const gone = await net.origin(() => {});
    await gone.stop();
    const running = await net.proxy({
      upstream: { url: gone.url, mirrors: [mirror.url] },
      digests: { sidecar: 'SUMS' },
    });
    const client = await net.client(running);
    await client.get('/a.bin');
    const { head, complete } = await client.readResponse();
    expect([complete, head.get('repr-digest')]).toEqual([true, memberOf(file)]);
  });
});

test('a checksum file on another server is asked for once, whatever mirrors the file has [Sluiceway]', async ({
  net,
}) => {
  const sums = await nodeOrigin(net, servingFiles({ '/a.bin.txt': line }));
  const mirror = await nodeOrigin(net, servingFiles({ '/a.bin': file }));
  const running = await net.proxy({
    upstream: { url: mirror.url, mirrors: [`${mirror.url}/x`, `${mirror.url}/y`] },
    digests: { sidecar: `${sums.url}/{path}.txt` },
  });
  const client = await net.client(running);
  await client.get('/a.bin');
  expect((await client.readResponse()).head.get('repr-digest')).toBe(memberOf(file));
  expect(sums.requests.map(({ url }) => url)).toEqual(['/a.bin.txt']);
});

describe('a file whose checksum file', () => {
  const faults: [what: string, entry: Entry | undefined][] = [
    ['does not exist', undefined],
    ['does not list it', sumLine('b', 'b.bin')],
    ['is a page in HTML', '<!doctype html><h1>Not found</h1>'],
    ['has more than 1 MiB', `${line}${'#'.repeat(1024 * 1024)}`],
    [
      'has a content coding',
      (_, response) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(line),
    ],
    [
      'is a part (206)',
      (_, response) => response.writeHead(206, { 'Content-Range': 'bytes 0-0/1' }).end(line),
    ],
    ['comes with an error', (_, response) => response.writeHead(500).end(line)],
    ['is redirected', (_, response) => response.writeHead(302, { Location: '/elsewhere' }).end()],
    [
      'breaks off',
      (_, response) => {
        response.writeHead(200, { 'Content-Length': 1000 });
        response.write(line, () => response.destroy());
      },
    ],
    ['never answers', () => {}],
    ['stops in the middle', (_, response) => response.writeHead(200, { 'Content-Length': 1000 }).write(line)],
  ];

  test.for(faults)(
    '%s is refused with 502, and passes unverified with missing: ignore [Sluiceway]',
    async ([, entry], { net }) => {
      const files = { '/a.bin': file, '/elsewhere': line, ...(entry !== undefined && { '/SUMS': entry }) };
      const timeout = entry === undefined ? '10s' : '500ms';
      for (const missing of ['refuse', 'ignore'] as const) {
        const { client, running } = await checking(net, files, { file: 'SUMS', missing, timeout });
        await client.get('/a.bin');
        const { head, content, complete } = await client.readResponse();
        if (missing === 'refuse') {
          expect([head.status, complete]).toEqual([502, true]);
          expect(content.length).toBeLessThan(1000);
          expect(await running.record()).toMatchObject(UNAVAILABLE);
        } else {
          expect([head.status, complete, content.equals(file)]).toEqual([200, true, true]);
          expect(head.has('repr-digest')).toBe(false);
        }
      }
    },
  );

  test('does not exist is missed only by a successful response [Sluiceway]', async ({ net }) => {
    const files: Record<string, Entry> = {
      '/not-modified': (_, response) => response.writeHead(304).end(),
      '/moved': (_, response) => response.writeHead(302, { Location: '/x' }).end(),
      '/head': file,
    };
    const { client } = await checking(net, files, '{name}.sha256');
    for (const [path, status] of [
      ['/gone', 404],
      ['/not-modified', 304],
      ['/moved', 302],
    ] as const) {
      await client.get(path);
      expect((await client.readResponse()).head.status).toBe(status);
    }
    await client.send('HEAD /head HTTP/1.1\r\nHost: test\r\n\r\n');
    expect((await client.readResponse({ method: 'HEAD' })).head.status).toBe(502);
  });
});

test('checksum files themselves, folders and methods other than GET and HEAD need none [Sluiceway]', async ({
  net,
}) => {
  const put: Entry = (request, response) => request.resume().on('end', () => response.writeHead(201).end());
  const files = { '/d/a.sha256': line, '/d/': 'index', '/d/new': put };
  const { client, origin } = await checking(net, files, '{name}.sha256');
  for (const path of ['/d/a.sha256', '/d/']) {
    await client.get(path);
    expect((await client.readResponse()).head.status).toBe(200);
  }
  await client.send('PUT /d/new HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\nx');
  expect((await client.readResponse()).head.status).toBe(201);
  expect(origin.requests.map(({ url }) => url)).toEqual(['/d/a.sha256', '/d/', '/d/new']);
});

describe('what a checksum file says', () => {
  test('is asked for once by requests at the same time, and kept for cacheFor [Sluiceway]', async ({
    net,
  }) => {
    const gate = new Gate();
    const files: Record<string, Entry> = {
      '/a.bin': file,
      '/SUMS': async (_, response) => {
        await gate.opened;
        response.end(line);
      },
    };
    const { origin, running } = await checking(net, files, { file: 'SUMS', cacheFor: '1h' });
    const clients = await Promise.all([net.client(running), net.client(running)]);
    for (const client of clients) await client.get('/a.bin');
    gate.open();
    for (const client of clients) expect((await client.readResponse()).complete).toBe(true);
    await clients[0].get('/a.bin');
    expect((await clients[0].readResponse()).complete).toBe(true);
    expect(origin.requests.filter(({ url }) => url === '/SUMS')).toHaveLength(1);
  });

  test('is not kept with cacheFor: false [Sluiceway]', async ({ net }) => {
    const { origin, client } = await checking(
      net,
      { '/a.bin': file, '/SUMS': line },
      { file: 'SUMS', cacheFor: false },
    );
    for (let i = 0; i < 2; i += 1) {
      await client.get('/a.bin');
      await client.readResponse();
    }
    expect(origin.requests.filter(({ url }) => url === '/SUMS')).toHaveLength(2);
  });

  test('is not shared by requests with other credentials [Sluiceway]', async ({ net }) => {
    const guarded =
      (content: string | Buffer): Entry =>
      ({ headers }, response) =>
        headers['x-key'] === '1' ? response.end(content) : response.writeHead(404).end();
    const files = { '/a.bin': guarded(file), '/SUMS': guarded(line) };
    const { client, running } = await checking(net, files, { file: 'SUMS', cacheFor: '1h' });
    for (const [key, status] of [
      ['2', 404],
      ['1', 200],
      ['2', 404],
    ] as const) {
      await client.get('/a.bin', [`X-Key: ${key}`]);
      expect((await client.readResponse()).head.status).toBe(status);
    }
    expect((await running.record(1)).outcome).toBe('completed');
  });

  test('does not matter to a client that leaves meanwhile [Sluiceway]', async ({ net }) => {
    const gate = new Gate();
    const files: Record<string, Entry> = { '/a.bin': file, '/SUMS': () => gate.open() };
    const { client, running, origin } = await checking(net, files, { file: 'SUMS', timeout: '1s' });
    await client.get('/a.bin');
    await gate.opened;
    client.reset();
    expect(await running.record()).toMatchObject({ outcome: 'client_aborted', attempts: 0 });
    expect(origin.requests.map(({ url }) => url)).toEqual(['/SUMS']);
  });
});

test('a checksum file on another server gets nothing of the client, and one on the same server its credentials [Sluiceway]', async ({
  net,
}) => {
  const files = { '/d/a.bin': file, '/d/a.bin.txt': line };
  const other = await nodeOrigin(net, servingFiles(files));
  for (const sidecar of [`${other.url}/{path}.txt`, '/{path}.txt']) {
    const { client, origin } = await checking(net, files, sidecar, {
      headers: { request: { set: { 'X-Key': 'k' } } },
    });
    await client.get('/d/a.bin', ['Authorization: Basic x', 'Cookie: a=b', 'X-Token: t']);
    expect((await client.readResponse()).head.get('repr-digest')).toBe(memberOf(file));
    const isOther = sidecar.startsWith('http');
    const [asked] = isOther ? other.requests : origin.requests;
    const {
      authorization,
      cookie,
      'x-key': key,
      'x-token': token,
      'x-forwarded-for': address,
    } = asked?.headers ?? {};
    expect(asked?.url).toBe('/d/a.bin.txt');
    expect([authorization, cookie, key, token, address]).toEqual(
      isOther ? Array(5).fill(undefined) : ['Basic x', 'a=b', 'k', 't', '127.0.0.1'],
    );
  }
});

test('a checksum file on the same server is asked for with the Host of the file [RFC 9110 7.2]', async ({
  net,
}) => {
  const { client, origin } = await checking(net, { '/a.bin': file, '/SUMS': line }, 'SUMS', {
    headers: { host: 'files.example' },
  });
  await client.get('/a.bin');
  expect((await client.readResponse()).complete).toBe(true);
  expect(origin.requests.map(({ headers }) => headers.host)).toEqual(['files.example', 'files.example']);
});

test('no checksum file is asked for when a client opens a WebSocket [Sluiceway]', async ({ net }) => {
  const { client, origin } = await checking(net, { '/chat': 'no' }, 'SUMS');
  await client.get('/chat', ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']);
  await client.readHead();
  expect(origin.requests.map(({ url }) => url)).not.toContain('/SUMS');
});

test('a digest of the application or a hook takes its place [Sluiceway]', async ({ net }) => {
  const { client, origin } = await checking(net, { '/a.bin': file }, 'SUMS', {
    onUpstreamRequest: ({ upstreamRequest }) => {
      upstreamRequest.digest = memberOf(file);
    },
  });
  await client.get('/a.bin');
  expect((await client.readResponse()).complete).toBe(true);
  expect(origin.requests).toHaveLength(1);
});

describe('streamFrom', () => {
  const files = { '/a.bin': file, '/a.bin.sha256': line, '/wrong': sumLine('other', 'a.bin') };

  test('reads the checksum file of its options, or of the call [Sluiceway]', async ({ net }) => {
    const origin = await nodeOrigin(net, servingFiles(files));
    const records: TransferRecord[] = [];
    const options: StreamFromOptions = {
      addresses: 'any',
      digests: { sidecar: '{name}.sha256' },
      observers: [{ onTransferEnd: (record) => void records.push(record) }],
    };
    const running = await startServer((request, response) => {
      const digestSidecar = request.url?.slice(1) ?? '';
      const own = digestSidecar === '' ? {} : { digestSidecar };
      void streamFrom(request, response, `${origin.url}/a.bin`, options, own);
    });
    net.cleanup(() => running.stop());
    for (const [sidecar, expected] of [
      ['', { status: 200, outcome: 'completed' }],
      ['wrong', { status: 200, ...MISMATCH }],
      ['none', UNAVAILABLE],
      ['//a', { status: 500, outcome: 'internal' }],
    ] as const) {
      const client = await net.client(running);
      await client.get(`/${sidecar}`);
      const { complete } = await client.readResponse();
      expect(complete).toBe(sidecar !== 'wrong');
      await until(() => records.length > 0, 'the transfer had ended');
      expect(records.splice(0)).toMatchObject([expected]);
    }
  });

  test('of a fetch handler does the same [Sluiceway]', async ({ net }) => {
    const origin = await nodeOrigin(net, servingFiles(files));
    for (const sidecar of ['{name}.sha256', 'wrong']) {
      const options: StreamFromOptions = { addresses: 'any', digests: { sidecar } };
      const response = await fetchStreamFrom(new Request('http://a/'), `${origin.url}/a.bin`, options);
      expect(response.headers.get('repr-digest')).not.toBeNull();
      const read = response.arrayBuffer().then((bytes) => Buffer.from(bytes).equals(file));
      if (sidecar === 'wrong') await expect(read).rejects.toThrow(/aborted/);
      else expect(await read).toBe(true);
    }
  });

  test('never connects to a checksum file on an address that is not public [Sluiceway]', async ({ net }) => {
    const origin = await nodeOrigin(net, servingFiles(files));
    const running = await startServer(
      (request, response) =>
        void streamFrom(request, response, 'http://192.0.2.1/a.bin', {
          digests: { sidecar: { file: `${origin.url}/{path}.sha256`, timeout: '1s' } },
        }),
    );
    net.cleanup(() => running.stop());
    const client = await net.client(running);
    await client.get('/');
    expect((await client.readResponse()).head.status).toBe(403);
    expect(origin.requests).toEqual([]);
  });
});

test.for([
  [{ sidecar: '{name}' }, 'digests.sidecar'],
  [{ sidecar: { file: '{name}.sha256', missing: 'drop' } }, 'digests.sidecar.missing'],
  [{ sidecar: { missing: 'ignore' } }, 'digests.sidecar.file'],
  [{ sidecar: { file: 'a', timeout: 0 } }, 'digests.sidecar.timeout'],
] as const)('a mistake in the options is reported with its path: %j [Sluiceway]', ([digests, path]) => {
  expect(problemsOf(() => createProxy({ upstream: 'http://a.example', digests: digests as never }))).toEqual([
    expect.stringContaining(path),
  ]);
});
