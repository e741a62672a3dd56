// @ts-check
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { findTool } from '../lib/command.mjs';
import { freePort, startProgram } from '../lib/program.mjs';

/** @import { Program } from '../lib/types.mjs' */

/**
 * @typedef {object} Server
 * @property {number} port
 * @property {number} weight
 */

/**
 * A proxy with a group of servers: checks of `/healthz` each second, down after 3 failures and up after 2 successes,
 * two retries at other servers, and no requests for 10 s to a server that fails three times in a row.
 *
 * @typedef {object} Subject
 * @property {string} name
 * @property {() => string | undefined} tool  the program; undefined if it is not installed
 * @property {(dir: string, servers: readonly Server[]) => Promise<Program>} start
 */

const program = path.resolve(import.meta.dirname, '../../packages/server/bin/sluiceway.js');

/** @type {readonly Subject[]} */
export const subjects = [
  {
    name: 'sluiceway',
    tool: () => program,
    async start(dir, servers) {
      const port = await freePort();
      const config = {
        listeners: [{ address: `127.0.0.1:${port}` }],
        log: { format: 'none' },
        upstreams: {
          files: {
            servers: servers.map((server) => ({
              url: `http://127.0.0.1:${server.port}`,
              weight: server.weight,
            })),
            health: { path: '/healthz', interval: '1s', rise: 2, fall: 3 },
            passive: { failures: 3, ejectFor: '10s' },
            retry: { max: 2, budget: { percent: 100 } },
            move: { after: '1s' },
          },
        },
        routes: [{ proxy: { upstream: 'files' } }],
      };
      const file = path.join(dir, 'sluiceway.yaml');
      // YAML contains JSON.
      await writeFile(file, JSON.stringify(config));
      return startProgram(port, process.execPath, [program, 'serve', '--config', file]);
    },
  },
  {
    name: 'haproxy',
    tool: () => findTool('haproxy'),
    async start(dir, servers) {
      const port = await freePort();
      const file = path.join(dir, 'haproxy.cfg');
      await writeFile(
        file,
        `global
  nbthread 1
  maxconn 1000
defaults
  mode http
  http-reuse always
  retries 2
  retry-on all-retryable-errors
  option redispatch 1
  timeout connect 10s
  timeout client 10m
  timeout server 60s
listen proxy
  bind 127.0.0.1:${port}
  balance roundrobin
  option httpchk GET /healthz
  default-server check inter 1s rise 2 fall 3 observe layer7 error-limit 3 on-error mark-down
${servers.map((server, index) => `  server s${index} 127.0.0.1:${server.port} weight ${server.weight}`).join('\n')}
`,
      );
      return startProgram(port, /** @type {string} */ (findTool('haproxy')), ['-db', '-f', file]);
    },
  },
  {
    name: 'caddy',
    tool: () => findTool('caddy'),
    async start(dir, servers) {
      const port = await freePort();
      const file = path.join(dir, 'Caddyfile');
      // Weights need Caddy 2.7.
      await writeFile(
        file,
        `{
  admin off
  auto_https off
}
http://127.0.0.1:${port} {
  reverse_proxy ${servers.map((server) => `127.0.0.1:${server.port}`).join(' ')} {
    lb_policy round_robin
    lb_try_duration 5s
    lb_try_interval 50ms
    fail_duration 10s
    max_fails 3
    unhealthy_status 5xx
    health_uri /healthz
    health_interval 1s
    health_timeout 2s
    flush_interval -1
  }
}
`,
      );
      return startProgram(port, /** @type {string} */ (findTool('caddy')), [
        'run',
        '--config',
        file,
        '--adapter',
        'caddyfile',
      ]);
    },
  },
];
