import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { loopbackCertificate } from '../../sluiceway/test/support/certificates.js';
import { seededBytes, seededDigest } from '../../sluiceway/test/support/content.js';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import {
  answerUpload,
  cutAfter,
  nodeOrigin,
  seededFile,
  serving,
} from '../../sluiceway/test/support/node-origin.js';
import { describeWith, requireTool, type Tool } from '../../sluiceway/test/support/requirements.js';
import { fileDigest, runTool, scratchFolder } from '../../sluiceway/test/support/tool.js';
import { sluicewayProxy } from './support/process.js';

const curl = requireTool('curl');
const h2load = requireTool('h2load');

const SIZE = 20_000_000;
const DIGEST = seededDigest('program', SIZE);
const file = seededFile('program', SIZE, { validators: null });

describeWith(curl)('curl through the program', () => {
  test('downloads, sees a cut, resumes and uploads: the digests are right [curl]', async ({ net }) => {
    const origin = await nodeOrigin(net, (request, response) => {
      if (request.method === 'PUT') return answerUpload(request, response);
      const isFirst = request.url === '/cut' && request.headers.range === undefined;
      return serving(isFirst ? cutAfter(file, 5_000_000) : file)(request, response);
    });
    const program = await sluicewayProxy(net, origin.url, '--log', 'json');
    const url = `http://127.0.0.1:${program.port}`;
    const folder = scratchFolder(net);
    const run = (...args: string[]) => runTool(net, curl, ['-sS', ...args], { in: folder });

    expect((await run('-o', 'whole', `${url}/whole`)).code).toBe(0);
    expect(await fileDigest(join(folder, 'whole'))).toBe(DIGEST);

    expect((await run('-o', 'cut', `${url}/cut`)).code).toBe(56);
    expect((await run('-C', '-', '-o', 'cut', `${url}/cut`)).code).toBe(0);
    expect(await fileDigest(join(folder, 'cut'))).toBe(DIGEST);

    writeFileSync(join(folder, 'up'), seededBytes('program', 0, SIZE));
    const { stdout } = await run('-T', 'up', `${url}/up`);
    expect(JSON.parse(stdout)).toMatchObject({ method: 'PUT', framing: String(SIZE), sha256: DIGEST });

    program.signal('SIGTERM');
    expect(await program.exited).toBe(0);
    const records = await program.records(4);
    expect(records.map(({ outcome }) => outcome)).toEqual([
      'completed',
      'upstream_truncated',
      'completed',
      'completed',
    ]);
  });
});

describeWith(curl, h2load)('clients of HTTP/2 through the program', () => {
  /** The program with both its ways to HTTP/2, and the program of a client that runs in a folder with its CA. */
  const start = async (net: Network) => {
    const origin = await nodeOrigin(net, serving(file));
    const folder = scratchFolder(net);
    const { cert, key, ca } = await loopbackCertificate();
    const path = (name: string) => join(folder, name);
    for (const [name, text] of Object.entries({ 'cert.pem': cert, 'key.pem': key, 'ca.pem': ca }))
      writeFileSync(path(name), text);
    const identity = ['--cert', path('cert.pem'), '--key', path('key.pem')];
    const program = await sluicewayProxy(net, origin.url, ...identity, '--h2c', '127.0.0.1:0');
    const [, h2cPort] = await program.match('stdout', /listening on \S+:(\d+) for HTTP\/2 without TLS/);
    return {
      folder,
      secure: `https://localhost:${program.port}/file`,
      h2c: `http://127.0.0.1:${h2cPort}/file`,
      run: (tool: Tool, ...args: string[]) => runTool(net, tool, args, { in: folder }),
    };
  };

  test('curl downloads over TLS and without it, each by HTTP/2: the digests are right [curl]', async ({
    net,
  }) => {
    const { run, folder, secure, h2c } = await start(net);
    const common = ['-sS', '-w', '%{http_version}', '-o', 'file'];
    for (const args of [
      ['--http2', '--cacert', 'ca.pem', secure],
      ['--http2-prior-knowledge', h2c],
    ]) {
      expect(await run(curl, ...common, ...args)).toEqual({ code: 0, stdout: '2', stderr: '' });
      expect(await fileDigest(join(folder, 'file'))).toBe(DIGEST);
    }
  });

  test('h2load has 2,000 requests answered on the listener without TLS [nghttp2]', {
    timeout: 60_000,
  }, async ({ net }) => {
    const { run, h2c } = await start(net);
    const range = ['-H', 'Range: bytes=0-99'];
    const { stdout } = await run(h2load, '-n', '2000', '-c', '4', '-m', '100', ...range, h2c);
    expect(stdout).toContain('2000 succeeded, 0 failed, 0 errored, 0 timeout');
    expect(stdout).toContain('2000 2xx');
  });
});
