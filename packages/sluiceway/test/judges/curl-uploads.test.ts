import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { clientLine } from '../support/client-line.js';
import { seededBytes, seededDigest, seededViews } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { answerUpload, type SeenUpload } from '../support/node-origin.js';
import { requireTool } from '../support/requirements.js';

const curl = requireTool('curl');

const SIZE = 30_000_000;
const DIGEST = seededDigest('up', SIZE);

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** A line whose folder holds the file `file` of SIZE bytes. */
async function line(net: Network, listener: Listener, onExpectContinue?: Listener) {
  const started = await clientLine(net, [curl, '-sS', '--http1.1'], listener, {
    ...(onExpectContinue && { onExpectContinue }),
  });
  writeFileSync(join(started.folder, 'file'), seededBytes('up', 0, SIZE));
  return started;
}

const seen = (stdout: string): SeenUpload => JSON.parse(stdout) as SeenUpload;

const refuse: Listener = (_request, response) => {
  response.writeHead(413, { Connection: 'close', 'Content-Length': 8 });
  response.end('too much');
};

describe.skipIf(curl === null)('curl', () => {
  test('uploads 30 MB with -T: length and digest are right [curl]', async ({ net }) => {
    const { run, url } = await line(net, answerUpload);
    const { code, stdout } = await run('-T', 'file', url);
    expect(code).toBe(0);
    expect(seen(stdout)).toEqual({ method: 'PUT', framing: String(SIZE), bytes: SIZE, sha256: DIGEST });
  });

  test('uploads what comes from a pipe with -T -: in chunks, the digest is right [curl]', async ({ net }) => {
    const { runWith, url } = await line(net, answerUpload);
    const { code, stdout } = await runWith({ input: seededViews('up', 0, SIZE) }, '-T', '-', url);
    expect(code).toBe(0);
    expect(seen(stdout)).toEqual({ method: 'PUT', framing: 'chunked', bytes: SIZE, sha256: DIGEST });
  });

  test('uploads an empty file, sized and in chunks [curl]', async ({ net }) => {
    const { run, runWith, url, folder } = await line(net, answerUpload);
    writeFileSync(join(folder, 'empty'), '');
    expect(seen((await run('-T', 'empty', url)).stdout)).toMatchObject({ framing: '0', bytes: 0 });
    expect(seen((await runWith({ input: [] }, '-T', '-', url)).stdout)).toMatchObject({
      framing: 'chunked',
      bytes: 0,
    });
  });

  test('posts a form with a file of 30 MB in it [curl]', async ({ net }) => {
    const { run, url, running } = await line(net, answerUpload);
    const { code, stdout } = await run('-F', 'file=@file', '-F', 'name=value', url);
    expect(code).toBe(0);
    const { method, framing, bytes } = seen(stdout);
    expect({ method, framing }).toEqual({ method: 'POST', framing: String(bytes) });
    expect(bytes).toBeGreaterThan(SIZE);
    expect(running.records[0]?.bytesUp).toBe(bytes);
  });

  test('sends its Expect to the origin server, and gets its 100, once [curl; RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const { run, url, origin } = await line(net, refuse, (request, response) => {
      response.writeContinue();
      void answerUpload(request, response);
    });
    const { code, stdout, stderr } = await run('-v', '-T', 'file', url);
    expect(code).toBe(0);
    expect(stderr.match(/^< HTTP\/1\.1 \d+/gm)).toEqual(['< HTTP/1.1 100', '< HTTP/1.1 200']);
    expect(origin.requests[0]?.headers.expect).toBe('100-continue');
    expect(seen(stdout).sha256).toBe(DIGEST);
  });

  test('keeps its content when the origin server refuses instead of 100 [curl; RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const { run, url, running } = await line(net, answerUpload, refuse);
    const { code, stdout, stderr } = await run('-v', '-w', ' %{http_code} %{size_upload}', '-T', 'file', url);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'too much 413 0' });
    expect(stderr).not.toContain('100 Continue');
    expect(running.records[0]).toMatchObject({ status: 413, bytesUp: 0 });
  });

  test.for([
    ['of a stated length', ['-T', 'file']],
    ['in chunks', ['-T', '-']],
  ] as const)(
    'sees the 413 that comes before the end of its upload %s [curl; RFC 9112 9.6]',
    async ([_framing, args], { net }) => {
      const { runWith, url } = await line(net, refuse);
      const input = seededViews('up', 0, SIZE);
      // Without the wait for 100, it sends as fast as it can.
      const ran = await runWith({ input }, '-w', ' %{http_code}', '-H', 'Expect:', ...args, url);
      expect(ran).toMatchObject({ code: 0, stdout: 'too much 413' });
    },
  );

  test('with -f fails on a refused upload with its own code for it, not as if cut off [curl]', async ({
    net,
  }) => {
    const { run, url } = await line(net, refuse);
    expect((await run('-f', '-H', 'Expect:', '-T', 'file', url)).code).toBe(22);
  });

  test('uses its connection again after an upload [curl]', async ({ net }) => {
    const { run, url, running } = await line(net, answerUpload);
    const { stdout } = await run('-o', '/dev/null', '-w', '%{num_connects}', '-T', 'file', `${url}/[1-3]`);
    expect(stdout).toBe('100');
    expect(running.records.map(({ bytesUp }) => bytesUp)).toEqual([SIZE, SIZE, SIZE]);
  });
});
