import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestCertificate } from '../../support/certificates.js';
import { freePort, startDaemon } from '../../support/daemon.js';
import type { Network } from '../../support/fixture.js';
import { findOptionalTool, node, type Tool } from '../../support/requirements.js';
import type { ProxyOptions } from '../../support/servers.js';
import { labOptions, toUpstream } from './laboratory.js';
import type { LabOrigin } from './origin.js';

/** How long an origin server can be silent, if the proxy has an option for it. */
export const READ_TIMEOUT_MS = 2000;

/** A proxy in front of the origin server of the laboratory. */
export interface Subject {
  name: string;
  /** Null: it is not installed. */
  version: string | null;
  /** It supports other servers with the same files. */
  takesMirrors?: true;
  /** Starts it in front of the origin server, which has a certificate if it uses TLS. Resolves with its port. */
  start(net: Network, origin: LabOrigin, folder: string, certificate?: TestCertificate): Promise<number>;
}

const bench = new URL('../../../../../bench/', import.meta.url);

export function findSubjects(): Subject[] {
  return [
    sluiceway('Sluiceway', {}),
    sluiceway('Sluiceway, `resume: false`', { resume: false }),
    nginx(),
    haproxy(),
    nodePeer('undici RetryAgent', 'undici-retry', 'undici'),
    nodePeer('undici request', 'undici-request', 'undici'),
    nodePeer('undici fetch', 'undici-fetch', 'undici'),
    nodePeer('http-proxy-3', 'http-proxy-3', 'http-proxy-3'),
    nodePeer('httpxy', 'httpxy', 'httpxy'),
    nodePeer('http-proxy-middleware', 'http-proxy-middleware', 'http-proxy-middleware'),
    nodePeer('@fastify/http-proxy', 'fastify-http-proxy', '@fastify/http-proxy'),
    nodePeer('express-http-proxy', 'express-http-proxy', 'express-http-proxy'),
    nodePeer('http.request, pipe', 'http-request-pipe', null),
    nodePeer('http.request, pipeline', 'http-request-pipeline', null),
  ];
}

const installedVersion = (manifest: URL): string =>
  (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;

function sluiceway(name: string, options: Pick<ProxyOptions, 'resume'>): Subject {
  return {
    name,
    version: installedVersion(new URL('../../../package.json', import.meta.url)),
    takesMirrors: true,
    async start(net, origin, _folder, certificate) {
      const upstream = toUpstream(origin, certificate);
      const timeouts = { upstreamIdle: READ_TIMEOUT_MS };
      return (await net.proxy({ upstream, ...labOptions, timeouts, ...options })).port;
    },
  };
}

/** With its defaults, except for the read timeout. */
function nginx(): Subject {
  const program = findOptionalTool('nginx');
  return {
    name: 'nginx',
    version: program.missing === null ? said(program, '-v', /nginx\/([\d.]+)/) : null,
    start: (net, origin, folder, certificate) =>
      startConfigured(net, program, ['-p', folder, '-e', 'stderr', '-c'], folder, (port) => {
        const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
          (kind) => `${kind}_temp_path ${folder}/temp-${port};`,
        );
        return `daemon off; master_process off; pid ${folder}/pid-${port}; error_log stderr crit;
          events {}
          http {
            access_log off; ${temporary.join(' ')}
            server {
              listen 127.0.0.1:${port};
              location / {
                proxy_pass ${certificate ? 'https' : 'http'}://127.0.0.1:${origin.raw.port};
                proxy_http_version 1.1;
                proxy_set_header Connection "";
                proxy_read_timeout ${READ_TIMEOUT_MS}ms;
                ${certificate ? `proxy_ssl_trusted_certificate ${folder}/ca.pem; proxy_ssl_verify on; proxy_ssl_name localhost;` : ''}
              }
            }
          }`;
      }),
  };
}

/** With the timeouts that it requires, and its defaults otherwise. */
function haproxy(): Subject {
  const program = findOptionalTool('haproxy');
  return {
    name: 'HAProxy',
    version: program.missing === null ? said(program, '-v', /version ([\d.]+)/) : null,
    start: (net, origin, folder, certificate) =>
      startConfigured(
        net,
        program,
        ['-db', '-f'],
        folder,
        (port) => `
          defaults
            mode http
            timeout connect 5s
            timeout client 30s
            timeout server ${READ_TIMEOUT_MS}ms
          listen proxy
            bind 127.0.0.1:${port}
            server origin 127.0.0.1:${origin.raw.port} ${certificate ? `ssl verify required ca-file ${folder}/ca.pem sni str(localhost)` : ''}
`,
      ),
  };
}

/** A program of the bench. `packageName` null: it uses only Node. */
function nodePeer(name: string, program: string, packageName: string | null): Subject {
  const manifest = packageName && new URL(`node_modules/${packageName}/package.json`, bench);
  const version =
    manifest === null
      ? process.versions.node
      : manifest && existsSync(manifest)
        ? installedVersion(manifest)
        : null;
  return {
    name,
    version,
    async start(net, origin, folder) {
      const port = await freePort();
      const file = new URL(`peers/${program}.mjs`, bench).pathname;
      await startDaemon(
        net,
        node,
        [
          ...[file, '--origin', origin.raw.url, '--port', String(port), '--ca', join(folder, 'ca.pem')],
          ...['--read-timeout', String(READ_TIMEOUT_MS)],
        ],
        port,
      );
      return port;
    },
  };
}

async function startConfigured(
  net: Network,
  program: Tool,
  args: readonly string[],
  folder: string,
  configure: (port: number) => string,
): Promise<number> {
  const port = await freePort();
  const file = join(folder, `config-${port}`);
  writeFileSync(file, configure(port));
  await startDaemon(net, program, [...args, file], port);
  return port;
}

function said(tool: Tool, flag: string, pattern: RegExp): string {
  const { stdout, stderr } = spawnSync(tool.path, [flag], { encoding: 'utf8' });
  return pattern.exec(stdout + stderr)?.[1] ?? 'of unknown version';
}
