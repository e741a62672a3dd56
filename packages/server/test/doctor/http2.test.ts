import { writeFileSync } from 'node:fs';
import { createSecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { loopbackCertificate } from '../../../sluiceway/test/support/certificates.js';
import { freePort } from '../../../sluiceway/test/support/daemon.js';
import { type Network, test } from '../../../sluiceway/test/support/fixture.js';
import { describeWith, requireTool } from '../../../sluiceway/test/support/requirements.js';
import { scratchFolder } from '../../../sluiceway/test/support/tool.js';
import { createEchoOrigin } from '../../src/doctor/origin/echo-origin.js';
import { probes } from '../../src/doctor/probes/all.js';
import { runDoctor, settingsOf, startEchoOrigin, startProxy } from './start-chain.js';

const nginx = requireTool('nginx');
const haproxy = requireTool('haproxy');

/** A file with a certificate and its key. */
async function writePem(net: Network): Promise<string> {
  const { cert, key } = await loopbackCertificate();
  const pem = join(scratchFolder(net), 'server.pem');
  writeFileSync(pem, `${cert}\n${key}`);
  return pem;
}

/** Starts nginx with a port for TLS and HTTP/2; its URL. */
async function startNginx(net: Network, settings: readonly string[]): Promise<string> {
  const pem = await writePem(net);
  const port = await freePort();
  await startProxy(net, nginx, 'nginx', await startEchoOrigin(net), [
    ...[`listen 127.0.0.1:${port} ssl http2`, `ssl_certificate ${pem}`, `ssl_certificate_key ${pem}`],
    ...settings,
  ]);
  return `https://127.0.0.1:${port}/`;
}

/** Starts HAProxy with a port for TLS; its URL. */
async function startHaproxy(net: Network, alpn: string, settings: readonly string[] = []): Promise<string> {
  const pem = await writePem(net);
  const port = await freePort();
  await startProxy(net, haproxy, 'haproxy', await startEchoOrigin(net), [
    `bind 127.0.0.1:${port} ssl crt ${pem} alpn ${alpn}`,
    ...settings,
  ]);
  return `https://127.0.0.1:${port}/`;
}

/** An echo origin over TLS that chooses HTTP/2 and then closes such connections; its URL. */
async function startRefusingOrigin(net: Network): Promise<string> {
  const { cert, key } = await loopbackCertificate();
  const origin = createEchoOrigin();
  const server = createSecureServer({ cert, key, allowHTTP1: true });
  server.on('request', (request, response) => origin.emit('request', request, response));
  server.on('session', (session) => session.destroy());
  const sockets = new Set<Socket>();
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  net.cleanup(async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const onlyOf = (names: readonly string[]): string[] => names.flatMap((name) => ['--only', name]);

/** But for those that measure limits of sizes, which take long. */
const quickProbes = onlyOf(
  probes
    .filter(({ name, isSlow }) => isSlow !== true || name === 'tunnels')
    .map(({ name }) => name)
    .filter((name) => name !== 'head-sizes' && name !== 'large-upload'),
);

const silences = onlyOf(['head-silence', 'content-silence', 'client-silence', 'upload-silence']);

/** Findings with the protocols that show them. */
const protocolsOf = ({ findings }: Awaited<ReturnType<typeof runDoctor>>['report']) =>
  Object.fromEntries(findings.map(({ id, protocols }) => [id, protocols.join(' ')]));

const both = 'http/1.1 h2';

describe.concurrent('doctor over HTTP/2', { timeout: 150_000 }, () => {
  test('finds that HTTP/2 is offered and does not work, and tests the rest over HTTP/1.1 [RFC 9113 3.2]', async ({
    net,
  }) => {
    const url = await startRefusingOrigin(net);
    const { report } = await runDoctor(
      net,
      ...[url, '--insecure', '--quick', '--only', 'protocols', '--only', 'ranges'],
    );
    expect(protocolsOf(report)).toEqual({ 'http2-refused': 'h2' });
    expect(report.findings[0]?.severity).toBe('error');
    expect(report.passed).toEqual(['ranges']);
  });

  describeWith(nginx)('with nginx', () => {
    test('runs its tests over both protocols, and tells what only one of them shows [RFC 9113 8.1]', async ({
      net,
    }) => {
      const url = await startNginx(net, []);
      const { report } = await runDoctor(
        net,
        url,
        '--insecure',
        '--quick',
        '--silence',
        '1s',
        ...quickProbes,
      );
      expect(report.notTested).toEqual([]);
      expect(protocolsOf(report), JSON.stringify(report.findings, null, 1)).toEqual({
        'response-completed': 'http/1.1',
        'http2-completed': 'h2',
        'http-1.0': both,
        'response-buffered': both,
        'upload-buffered': both,
        'underscores-lost': both,
        'trailers-lost': both,
        'request-trailers-lost': 'http/1.1',
        'request-trailers-refused': 'h2',
        'early-hints-lost': both,
        'expect-answered': 'http/1.1',
        'upgrade-refused': 'http/1.1',
      });
      const trailers = report.findings.find(({ id }) => id === 'request-trailers-refused');
      expect(trailers?.message).toMatch(/\(only over HTTP\/2\)$/);
      expect(trailers?.hop.product).toBe('nginx');
    });

    test('finds timeouts and sizes that are too small, over both protocols [nginx]', async ({ net }) => {
      const url = await startNginx(net, [
        ...['proxy_read_timeout 2s', 'send_timeout 2s', 'client_body_timeout 2s', 'client_max_body_size 2m'],
        ...['gzip on', 'gzip_types *', 'gzip_proxied any'],
      ]);
      const only = [...silences, ...onlyOf(['large-upload', 'compression'])];
      const { report } = await runDoctor(net, url, '--insecure', '--quick', '--silence', '6s', ...only);
      expect(protocolsOf(report), JSON.stringify(report.findings, null, 1)).toEqual({
        'head-silence': both,
        'content-silence': both,
        'client-silence': both,
        'upload-silence': both,
        'upload-limit': both,
        compressed: both,
        'validator-weakened': both,
      });
    });
  });

  describeWith(haproxy)('with HAProxy', () => {
    test('finds that broken downloads look whole over HTTP/2, and nothing else [RFC 9113 8.1]', async ({
      net,
    }) => {
      const url = await startHaproxy(net, 'h2,http/1.1');
      const { report } = await runDoctor(
        net,
        url,
        '--insecure',
        '--quick',
        '--silence',
        '1s',
        ...quickProbes,
      );
      expect(protocolsOf(report), JSON.stringify(report.findings, null, 1)).toEqual({
        'http2-completed': 'h2',
      });
      expect(settingsOf(report)['http2-completed']).toContain('HAProxy: alpn http/1.1 on the bind line');
      expect(report.notTested).toEqual([]);
    });

    test('finds timeouts that are too small, over both protocols [HAProxy]', async ({ net }) => {
      const url = await startHaproxy(net, 'h2,http/1.1', ['timeout server 2s', 'timeout client 2s']);
      const { report } = await runDoctor(net, url, '--insecure', '--quick', '--silence', '6s', ...silences);
      expect(protocolsOf(report), JSON.stringify(report.findings, null, 1)).toEqual({
        'head-silence': both,
        'content-silence': both,
        'client-silence': both,
        'upload-silence': both,
      });
    });

    test('finds that the first hop does not offer HTTP/2, although the hop behind it does [RFC 9113 3.2]', async ({
      net,
    }) => {
      const inner = await startHaproxy(net, 'h2,http/1.1');
      const outer = await startHaproxy(net, 'http/1.1');
      const { report } = await runDoctor(
        net,
        ...[outer, '--hop', inner, '--insecure', '--quick', '--only', 'protocols', '--only', 'ranges'],
      );
      expect(report.findings).toMatchObject([
        {
          id: 'http2-missing',
          hop: { url: outer, product: 'HAProxy' },
          settings: [{ product: 'HAProxy', setting: 'alpn h2,http/1.1 on the bind line' }],
          evidence: { protocol: 'http/1.1' },
        },
      ]);
      expect(report.passed).toEqual(['ranges']);
    });

    test('names the hop that shows what only HTTP/2 shows [RFC 9113 8.1]', async ({ net }) => {
      const inner = await startHaproxy(net, 'http/1.1');
      const outer = await startHaproxy(net, 'h2,http/1.1');
      const { report } = await runDoctor(
        net,
        ...[outer, '--hop', inner, '--insecure', '--quick', '--only', 'http2-downloads'],
      );
      expect(report.findings.map(({ id, hop }) => [id, hop.url])).toEqual([['http2-completed', outer]]);
    });
  });
});
