import { statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { clientLine } from '../support/client-line.js';
import { seededDigest } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { cutAfter, seededFile, serving } from '../support/node-origin.js';
import { describeWith, requireTool, type Tool } from '../support/requirements.js';
import { until } from '../support/until.js';

const wget = requireTool('wget');
const aria2c = requireTool('aria2c');

const SIZE = 40_000_000;
const DIGEST = seededDigest('managed', SIZE);
const file = seededFile('managed', SIZE);
/** Without validators nobody but the client can know that it is the same file. */
const unnamed = { ...file, validators: null };

const line = (net: Network, program: Tool, served: typeof file) =>
  clientLine(net, [program], serving(served));

describeWith(wget)('wget', () => {
  test('downloads 40 MB: the digest is right [wget]', async ({ net }) => {
    const { run, url, digest } = await line(net, wget, file);
    expect((await run('-q', '-O', 'file', url)).code).toBe(0);
    expect(await digest('file')).toBe(DIGEST);
  });

  test('resumes, with -c, a download that it was killed in [wget]', async ({ net }) => {
    const { run, runWith, url, origin, size, digest } = await line(net, wget, file);
    const kill = new AbortController();
    const killed = runWith({ signal: kill.signal }, '-q', '--limit-rate=20m', `${url}/file`);
    await until(() => size('file') > 1_000_000, 'some of the file had come');
    kill.abort();
    await killed;
    const had = size('file');
    expect(had).toBeLessThan(SIZE);
    expect((await run('-q', '-c', `${url}/file`)).code).toBe(0);
    expect(origin.requests[1]?.headers.range).toBe(`bytes=${had}-`);
    expect(await digest('file')).toBe(DIGEST);
  });

  test('sees that a download was cut, and takes up each time where it was [wget]', async ({ net }) => {
    const { run, url, origin, digest } = await line(net, wget, cutAfter(unnamed, 15_000_000));
    expect((await run('-q', '--waitretry=0', `${url}/file`)).code).toBe(0);
    expect(origin.requests.map(({ headers }) => headers.range)).toEqual([
      undefined,
      'bytes=15000000-',
      'bytes=30000000-',
    ]);
    expect(await digest('file')).toBe(DIGEST);
  });

  test('fails where it may not try again [wget]', async ({ net }) => {
    const { run, url } = await line(net, wget, cutAfter(unnamed, 15_000_000));
    expect((await run('-q', '--tries=1', `${url}/file`)).code).toBe(4);
  });

  test('mirrors by date, with -N: a file that it has is not sent again [wget; RFC 9110 13.1.3]', async ({
    net,
  }) => {
    const { run, url, running } = await clientLine(net, [wget], (request, response) =>
      request.headers['if-modified-since'] === file.validators?.lastModified
        ? response.writeHead(304).end()
        : serving(file)(request, response),
    );
    expect((await run('-q', '-N', `${url}/file`)).code).toBe(0);
    expect((await run('-q', '-N', `${url}/file`)).code).toBe(0);
    expect((await running.records(2)).map(({ status, bytesDown }) => [status, bytesDown])).toEqual([
      [200, SIZE],
      [304, 0],
    ]);
  });
});

describeWith(aria2c)('aria2c', () => {
  const flags = ['-q', '-x8', '-s8', '-k1M', '--file-allocation=none', `--checksum=sha-256=${DIGEST}`];

  test('downloads over eight connections at once, by ranges: the digest is right [aria2]', async ({
    net,
  }) => {
    const { run, url, origin, running, digest } = await line(net, aria2c, file);
    expect((await run(...flags, '-o', 'file', url)).code).toBe(0);
    expect(await digest('file')).toBe(DIGEST);
    expect(origin.requests.filter(({ headers }) => headers.range !== undefined).length).toBeGreaterThan(6);
    await until(() => running.proxy.active === 0, 'every transfer had ended');
    expect(running.recorded.filter(({ status }) => status === 206).length).toBeGreaterThan(6);
  });

  test('puts a file together whose every range is cut off [aria2]', async ({ net }) => {
    const { run, url, digest } = await line(net, aria2c, cutAfter(unnamed, 2_000_000));
    expect((await run(...flags, '-m0', '--retry-wait=0', '-o', 'file', url)).code).toBe(0);
    expect(await digest('file')).toBe(DIGEST);
  });

  test('resumes, with -c, a download that it was stopped in [aria2]', async ({ net }) => {
    const { run, runWith, url, origin, running, digest, folder } = await line(net, aria2c, file);
    const stop = new AbortController();
    const slow = [...flags, '--max-overall-download-limit=15M'];
    const stopped = runWith({ signal: stop.signal }, ...slow, '-o', 'file', url);
    // Not the size: the parts are written where they belong.
    const had = () => (statSync(join(folder, 'file'), { throwIfNoEntry: false })?.blocks ?? 0) * 512;
    await until(() => had() > 18_000_000 && origin.requests.length > 6, 'some of each part had come');
    stop.abort();
    expect((await stopped).code).not.toBe(0);
    await until(() => running.proxy.active === 0, 'the first run was over');

    const before = running.recorded.length;
    expect((await run(...flags, '-c', '-o', 'file', url)).code).toBe(0);
    expect(await digest('file')).toBe(DIGEST);
    await until(() => running.proxy.active === 0, 'every transfer had ended');
    const again = running.recorded.slice(before).reduce((sum, { bytesDown }) => sum + bytesDown, 0);
    // Of each of eight parts up to a megabyte is thrown away.
    expect(again).toBeLessThan(SIZE - 5_000_000);
  });
});
