import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect } from 'vitest';
import type { UpstreamOptions } from '../../src/index.js';
import { loopbackCertificate } from '../support/certificates.js';
import { seededBytes, seededDigest } from '../support/content.js';
import { freePort, startDaemon } from '../support/daemon.js';
import { type Network, test } from '../support/fixture.js';
import { describeWith, requireTool, type Tool, testWith } from '../support/requirements.js';

import { fileDigest, runTool, scratchFolder } from '../support/tool.js';

const nginx = requireTool('nginx');
const curl = requireTool('curl');
const aria2c = requireTool('aria2c');
const h2load = requireTool('h2load');

const SIZE = 9_000_000;
const DIGEST = seededDigest('nginx', SIZE);
const TEXT = 'much of the same, '.repeat(5000);

type Protocol = NonNullable<UpstreamOptions['protocol']>;

/**
 * An nginx that serves files, under `listen`, and a proxy before it. Without `gzip_proxied` it codes nothing for a
 * request that came by a proxy, which it knows by Via.
 */
async function start(net: Network, listen: string, protocol: Protocol) {
  const folder = scratchFolder(net);
  const files = join(folder, 'files');
  mkdirSync(files);
  writeFileSync(join(files, 'file'), seededBytes('nginx', 0, SIZE));
  writeFileSync(join(files, 'small'), 'small');
  writeFileSync(join(files, 'text'), TEXT);
  writeFileSync(join(files, 'text.gz'), gzipSync(TEXT));
  const identity = await loopbackCertificate();
  writeFileSync(join(folder, 'cert.pem'), identity.cert);
  writeFileSync(join(folder, 'key.pem'), identity.key);

  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/temp;`,
  );
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
     events {}
     http {
       access_log off; ${temporary.join(' ')}
       server {
         listen 127.0.0.1:${port} ${listen};
         ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;
         root ${files}; gzip_static on; gzip_proxied any; keepalive_requests 20;
       }
     }`,
  );
  await startDaemon(net, nginx, ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], port);
  const upstream = {
    url: listen.includes('ssl') ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    protocol,
    tls: { ca: identity.ca },
  };
  const running = await net.proxy({ upstream });
  return {
    folder,
    running,
    url: `http://127.0.0.1:${running.port}`,
    run: (tool: Tool, ...args: string[]) => runTool(net, tool, args, { in: folder }),
  };
}

describeWith(nginx, curl).for([
  ['HTTP/1.1', '', 'http1'],
  ['HTTP/1.1 over TLS', 'ssl', 'http1'],
  ['HTTP/2 without TLS', 'http2', 'http2'],
  ['HTTP/2 over TLS', 'ssl http2', 'http2'],
  ['whichever nginx chooses', 'ssl http2', 'auto'],
] as const)('nginx as the origin server with %s', ([_name, listen, protocol]) => {
  test('sends 9 MB whole, and the rest of a broken download: the digest is right [nginx; curl]', async ({
    net,
  }) => {
    const { run, running, url, folder } = await start(net, listen, protocol);
    expect((await run(curl, '-sS', '-o', 'whole', `${url}/file`)).code).toBe(0);
    expect(await fileDigest(join(folder, 'whole'))).toBe(DIGEST);
    writeFileSync(join(folder, 'part'), seededBytes('nginx', 0, 3_000_001));
    const rest = await run(curl, '-sS', '-C', '-', '-o', 'part', '-w', '%{http_code}', `${url}/file`);
    expect(rest).toMatchObject({ code: 0, stdout: '206' });
    expect(await fileDigest(join(folder, 'part'))).toBe(DIGEST);
    expect((await running.records(2)).map(({ bytesDown }) => bytesDown)).toEqual([SIZE, SIZE - 3_000_001]);
  });

  testWith(aria2c)('sends eight ranges at once: the digest is right [nginx; aria2]', async ({ net }) => {
    const { run, url } = await start(net, listen, protocol);
    const flags = ['-q', '-x8', '-s8', '-k1M', '--file-allocation=none', `--checksum=sha-256=${DIGEST}`];
    expect((await run(aria2c, ...flags, '-o', 'ranges', `${url}/file`)).code).toBe(0);
  });

  test('answers conditions and codings through it, coded bytes as they are [nginx; curl]', async ({
    net,
  }) => {
    const { run, url } = await start(net, listen, protocol);
    const head = await run(curl, '-sSI', `${url}/text`);
    const [, etag = ''] = /^etag: (.*)\r$/im.exec(head.stdout) ?? [];
    const same = await run(curl, '-sS', '-w', '%{http_code}', '-H', `If-None-Match: ${etag}`, `${url}/text`);
    expect(same.stdout).toBe('304');
    const coded = await run(
      curl,
      '-sS',
      '-D',
      'head',
      '-w',
      '%{size_download}',
      '-o',
      'coded',
      '-H',
      'Accept-Encoding: gzip',
      `${url}/text`,
    );
    expect(coded.stdout).toBe(String(gzipSync(TEXT).length));
    expect((await run(curl, '-sS', '--compressed', `${url}/text`)).stdout).toBe(TEXT);
  });

  testWith(h2load)(
    'has 1,000 requests of 50 clients answered, though it ends each connection after 20 [nginx; nghttp2]',
    { timeout: 60_000 },
    async ({ net }) => {
      const { run, running, url } = await start(net, listen, protocol);
      const { stdout } = await run(h2load, '--h1', '-n', '1000', '-c', '50', `${url}/small`);
      expect(stdout).toContain('1000 succeeded, 0 failed, 0 errored, 0 timeout');
      expect((await running.records(1000)).filter(({ outcome }) => outcome !== 'completed')).toEqual([]);
    },
  );
});
