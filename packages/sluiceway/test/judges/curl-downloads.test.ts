import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import { clientLine } from '../support/client-line.js';
import { seededBytes, seededDigest, seededViews } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { cutAfter, type nodeOrigin, seededFile, serving } from '../support/node-origin.js';
import { describeWith, requireTool } from '../support/requirements.js';
import { until } from '../support/until.js';

const curl = requireTool('curl');

const SIZE = 8_000_000;
const DIGEST = seededDigest('curl', SIZE);
const file = seededFile('curl', SIZE);

/** Takes 5 s under the rate limit of the download that is killed. */
const LARGE_SIZE = 20_000_000;

type Listener = Parameters<typeof nodeOrigin>[1];

/** How curl speaks to the proxy: the arguments for it, and what the proxy listens with. */
const protocols = [
  ['HTTP/1.1', '1.1', ['--http1.1'], {}],
  ['HTTP/1.1 over TLS', '1.1', ['--http1.1', '--cacert', 'ca.pem'], { http2: 'tls' }],
  ['HTTP/2', '2', ['--http2', '--cacert', 'ca.pem'], { http2: 'tls' }],
  ['HTTP/2 without TLS', '2', ['--http2-prior-knowledge'], { http2: 'h2c' }],
] as const;

const plain = (net: Network, listener: Listener) => clientLine(net, [curl, '-sS', '--http1.1'], listener);

describeWith(curl).for(protocols)('curl with %s', ([_name, version, args, listen]) => {
  const line = (net: Network, listener: Listener) =>
    clientLine(net, [curl, '-sS', ...args], listener, { listen });

  test('downloads 8 MB of a stated length: the digest is right [curl]', async ({ net }) => {
    const { run, url, digest } = await line(net, serving(file));
    const got = await run('-o', 'file', '-w', '%{http_code} %{http_version} %{size_download}', url);
    expect(got).toEqual({ code: 0, stdout: `200 ${version} ${SIZE}`, stderr: '' });
    expect(await digest('file')).toBe(DIGEST);
  });

  test('downloads 8 MB of no stated length: the digest is right [curl]', async ({ net }) => {
    const { run, url, digest } = await line(net, async (_request, response) => {
      for (const view of seededViews('curl', 0, SIZE)) {
        await new Promise((resolve) => response.write(view, resolve));
      }
      response.end();
    });
    expect(await run('-o', 'file', url)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await digest('file')).toBe(DIGEST);
  });

  test('resumes, with -C -, a download that it was killed in [curl]', async ({ net }) => {
    const large = serving(seededFile('curl', LARGE_SIZE));
    const { run, runWith, url, origin, size, digest } = await line(net, large);
    const kill = new AbortController();
    const killed = runWith({ signal: kill.signal }, '--limit-rate', '4M', '-o', 'file', url);
    await until(() => size('file') > 1_000_000, 'some of the file had come');
    kill.abort();
    expect((await killed).code).toBe(-1);

    const had = size('file');
    expect(had).toBeLessThan(LARGE_SIZE);
    const resumed = await run('-C', '-', '-o', 'file', '-w', '%{http_code}', url);
    expect(resumed).toEqual({ code: 0, stdout: '206', stderr: '' });
    expect(origin.requests[1]?.headers.range).toBe(`bytes=${had}-`);
    expect(await digest('file')).toBe(seededDigest('curl', LARGE_SIZE));
  });

  test('resumes, with -C -, a download that the origin server cut [curl]', async ({ net }) => {
    // Without validators nobody but the client can know that it is the same file.
    const unnamed = { ...file, validators: null };
    let served = cutAfter(unnamed, 3_000_000);
    const { run, url, size, digest } = await line(net, (...exchange) => serving(served)(...exchange));
    expect((await run('-o', 'file', url)).code).not.toBe(0);
    // All that came before the cut over HTTP/1.1; over HTTP/2 the reset may overtake the last of it.
    expect(size('file')).toBeGreaterThan(0);
    expect(size('file')).toBeLessThanOrEqual(3_000_000);
    served = unnamed;
    expect(await run('-C', '-', '-o', 'file', url)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await digest('file')).toBe(DIGEST);
  });
});

describeWith(curl)('curl', () => {
  test('under --limit-rate gets every byte [curl]', async ({ net }) => {
    const { run, url, digest } = await plain(net, serving(seededFile('slow', 2_000_000)));
    expect((await run('--limit-rate', '2M', '-o', 'file', url)).code).toBe(0);
    expect(await digest('file')).toBe(seededDigest('slow', 2_000_000));
  });

  test('with -C - for a whole file learns from the 416 that there is no more [curl]', async ({ net }) => {
    const { run, url, folder } = await plain(net, serving(seededFile('whole', 1000)));
    expect((await run('-o', 'file', url)).code).toBe(0);
    const again = await run('-C', '-', '-o', 'file', '-w', '%{http_code}', url);
    expect(again).toMatchObject({ code: 0, stdout: '416' });
    expect(readFileSync(join(folder, 'file'))).toEqual(seededBytes('whole', 0, 1000));
  });

  test('with -I gets the length without the content, and keeps the connection [curl]', async ({ net }) => {
    const { run, url, running } = await plain(net, serving(file));
    const { code, stdout } = await run('-I', '-w', 'connects=%{num_connects}\n', url, url);
    expect(code).toBe(0);
    expect(stdout.match(/^Content-Length: 8000000\r$/gm)).toHaveLength(2);
    expect(stdout).toMatch(/connects=1\n[^]*connects=0\n/);
    expect((await running.records(2)).map(({ bytesDown }) => bytesDown)).toEqual([0, 0]);
  });

  test('gets coded content as the origin server coded it, with and without --compressed [curl]', async ({
    net,
  }) => {
    const text = Buffer.from('so much of the same '.repeat(10_000));
    const coded = gzipSync(text);
    const { run, url, folder, origin } = await plain(net, (_request, response) => {
      response.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': coded.length, ETag: '"c"' });
      response.end(coded);
    });
    expect((await run('-o', 'coded', '-H', 'Accept-Encoding: gzip', url)).code).toBe(0);
    expect(readFileSync(join(folder, 'coded'))).toEqual(coded);
    expect(gunzipSync(coded)).toEqual(text);
    expect((await run('--compressed', '-o', 'decoded', url)).code).toBe(0);
    expect(readFileSync(join(folder, 'decoded'))).toEqual(text);
    expect(origin.requests[1]?.headers['accept-encoding']).toContain('gzip');
    // Asked for no coding, the proxy asks for none either.
    expect((await run('-o', 'unasked', url)).code).toBe(0);
    expect(origin.requests[2]?.headers).not.toHaveProperty('accept-encoding');
  });

  test('with -Z downloads 40 files at a time whole [curl]', async ({ net }) => {
    const { run, url, digest, running } = await plain(net, (request, response) =>
      serving(seededFile(request.url ?? '', 500_000))(request, response),
    );
    const { code } = await run('-Z', '--parallel-max', '8', '-o', '#1', `${url}/[1-40]`);
    expect(code).toBe(0);
    for (let index = 1; index <= 40; index++) {
      expect(await digest(String(index))).toBe(seededDigest(`/${index}`, 500_000));
    }
    expect(await running.records(40)).toHaveLength(40);
  });
});
