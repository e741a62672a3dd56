import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { expect } from 'vitest';
import { clientLine } from '../support/client-line.js';
import { seededBytes, seededDigest, seededViews } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { answerUpload, type SeenUpload } from '../support/node-origin.js';
import { describeWith, requireTool } from '../support/requirements.js';

const curl = requireTool('curl');

const SIZE = 12_000_000;
const DIGEST = seededDigest('up', SIZE);

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

const seen = (stdout: string): SeenUpload => JSON.parse(stdout) as SeenUpload;

const refuse: Listener = (_request, response) => {
  response.writeHead(413, { Connection: 'close', 'Content-Length': 8 });
  response.end('too much');
};

describeWith(curl).for([
  ['HTTP/1.1', ['--http1.1'], {}],
  ['HTTP/2', ['--http2', '--cacert', 'ca.pem'], { http2: 'tls' }],
  ['HTTP/2 without TLS', ['--http2-prior-knowledge'], { http2: 'h2c' }],
] as const)('curl with %s', ([_name, args, listen]) => {
  /** A line whose folder holds the file `file` of SIZE bytes. */
  const line = async (net: Network, listener: Listener, onExpectContinue?: Listener) => {
    const started = await clientLine(net, [curl, '-sS', ...args], listener, {
      listen,
      ...(onExpectContinue && { onExpectContinue }),
    });
    writeFileSync(join(started.folder, 'file'), seededBytes('up', 0, SIZE));
    return started;
  };

  test('uploads 12 MB with -T: length and digest are right [curl]', async ({ net }) => {
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

  test('uploads an empty file, with its length and without [curl]', async ({ net }) => {
    const { run, runWith, url, folder } = await line(net, answerUpload);
    writeFileSync(join(folder, 'empty'), '');
    expect(seen((await run('-T', 'empty', url)).stdout)).toMatchObject({ framing: '0', bytes: 0 });
    expect(seen((await runWith({ input: [] }, '-T', '-', url)).stdout)).toMatchObject({ bytes: 0 });
  });

  test('posts a form with a file of 12 MB in it [curl]', async ({ net }) => {
    const { run, url, running } = await line(net, answerUpload);
    const { code, stdout } = await run('-F', 'file=@file', '-F', 'name=value', url);
    expect(code).toBe(0);
    const { method, framing, bytes } = seen(stdout);
    expect({ method, framing }).toEqual({ method: 'POST', framing: String(bytes) });
    expect(bytes).toBeGreaterThan(SIZE);
    expect((await running.record()).bytesUp).toBe(bytes);
  });

  test('sends its Expect to the origin server, and gets its 100, once [curl; RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const { run, url, origin } = await line(net, refuse, (request, response) => {
      response.writeContinue();
      void answerUpload(request, response);
    });
    const { code, stdout, stderr } = await run('-v', '-H', 'Expect: 100-continue', '-T', 'file', url);
    expect(code).toBe(0);
    expect(stderr.match(/^< HTTP\/[\d.]+ \d+/gm)?.map((found) => found.slice(-3))).toEqual(['100', '200']);
    expect(origin.requests[0]?.headers.expect).toBe('100-continue');
    expect(seen(stdout).sha256).toBe(DIGEST);
  });

  test('keeps its content when the origin server refuses instead of 100 [curl; RFC 9110 10.1.1]', async ({
    net,
  }) => {
    const { run, url, running } = await line(net, answerUpload, refuse);
    // It goes on without a 100 after a second otherwise.
    const patience = ['--expect100-timeout', '60', '-H', 'Expect: 100-continue'];
    const ran = await run('-v', '-w', ' %{http_code}', ...patience, '-T', 'file', url);
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stdout).toBe('too much 413');
    expect(ran.stderr).not.toMatch(/^< HTTP\/[\d.]+ 100/m);
    expect(await running.record()).toMatchObject({ status: 413, bytesUp: 0 });
  });

  test.for([
    ['of a stated length', ['-T', 'file']],
    ['of no stated length', ['-T', '-']],
  ] as const)(
    'sees the 413 that comes before the end of its upload %s [curl; RFC 9112 9.6; RFC 9113 8.1]',
    async ([_framing, upload], { net }) => {
      const { runWith, url } = await line(net, refuse);
      const input = seededViews('up', 0, SIZE);
      // Without the wait for 100, it sends as fast as it can.
      const ran = await runWith({ input }, '-w', ' %{http_code}', '-H', 'Expect:', ...upload, url);
      expect(ran).toMatchObject({ code: 0, stdout: 'too much 413' });
    },
  );

  test('with -f fails on a refused upload with its own code for it, not as if cut off [curl]', async ({
    net,
  }) => {
    const { run, url } = await line(net, refuse);
    expect((await run('-f', '-H', 'Expect:', '-T', 'file', url)).code).toBe(22);
  });

  // curl 7.88 says that the framing is wrong when it comes back to such a connection, whichever server is at its end.
  if ('http2' in listen && listen.http2 === 'h2c') return;

  test('uses its connection again after an upload [curl]', async ({ net }) => {
    const { run, url, running } = await line(net, answerUpload);
    const { stdout } = await run('-o', '/dev/null', '-w', '%{num_connects}', '-T', 'file', `${url}/[1-3]`);
    expect(stdout).toBe('100');
    expect((await running.records(3)).map(({ bytesUp }) => bytesUp)).toEqual([SIZE, SIZE, SIZE]);
  });
});
