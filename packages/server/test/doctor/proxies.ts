import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface ProxySetup {
  /** A folder for its files. */
  folder: string;
  port: number;
  originPort: number;
  /** Further configuration, where the product reads limits. */
  settings?: readonly string[];
}

/**
 * Writes the configuration of a proxy before an origin, with its defaults but for where it listens, and returns the arguments
 * with which it runs in the foreground.
 */
export const proxies = {
  nginx: ({ folder, port, originPort, settings = [] }) => {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder}/${name};`,
    );
    const file = write(folder, 'nginx.conf', [
      // As root, the workers would be another user, who cannot write to the folder.
      ...(process.getuid?.() === 0 ? ['user root;'] : []),
      `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr; events {}`,
      `http { access_log off; ${temporary.join(' ')} server { listen 127.0.0.1:${port}; ${settings.map((each) => `${each};`).join(' ')}`,
      `location / { proxy_pass http://127.0.0.1:${originPort}; } } }`,
    ]);
    return ['-c', file, '-e', 'stderr'];
  },
  haproxy: ({ folder, port, originPort, settings = [] }) => {
    const file = write(folder, 'haproxy.cfg', [
      'global',
      '  maxconn 500',
      'defaults',
      '  mode http',
      '  timeout connect 5s',
      '  timeout client 50s',
      '  timeout server 50s',
      'listen chain',
      `  bind 127.0.0.1:${port}`,
      ...settings.map((each) => `  ${each}`),
      `  server origin 127.0.0.1:${originPort}`,
    ]);
    return ['-db', '-q', '-f', file];
  },
  varnishd: ({ folder, port, originPort, settings = [] }) => {
    const file = write(folder, 'default.vcl', [
      'vcl 4.1;',
      `backend origin { .host = "127.0.0.1"; .port = "${originPort}"; }`,
    ]);
    return [
      ...['-F', '-a', `127.0.0.1:${port}`, '-f', file, '-n', join(folder, 'work'), '-s', 'malloc,256m'],
      ...settings.flatMap((each) => ['-p', each]),
    ];
  },
  squid: ({ folder, port, originPort, settings = [] }) => {
    const file = write(folder, 'squid.conf', [
      `http_port 127.0.0.1:${port} accel defaultsite=127.0.0.1:${port} no-vhost`,
      `cache_peer 127.0.0.1 parent ${originPort} 0 no-query originserver name=origin`,
      'http_access allow all',
      `pid_filename ${folder}/squid.pid`,
      `cache_log ${folder}/cache.log`,
      'access_log none',
      `coredump_dir ${folder}`,
      'pinger_enable off',
      'shutdown_lifetime 0 seconds',
      'visible_hostname squid.test',
      ...settings,
    ]);
    // The name is that of its shared memory, which several instances must not share.
    return ['-N', '-n', `doctor${port}`, '-f', file];
  },
  apache2: ({ folder, port, originPort, settings = [] }) => {
    const modules = ['mpm_event', 'authz_core', 'proxy', 'proxy_http', 'reqtimeout', 'deflate', 'filter'];
    const file = write(folder, 'apache.conf', [
      `ServerRoot ${folder}`,
      `PidFile ${folder}/pid`,
      `DefaultRuntimeDir ${folder}`,
      'ServerName localhost',
      `ErrorLog ${folder}/error.log`,
      `Listen 127.0.0.1:${port}`,
      ...modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
      ...settings,
      `ProxyPass / http://127.0.0.1:${originPort}/`,
      `ProxyPassReverse / http://127.0.0.1:${originPort}/`,
    ]);
    return ['-DFOREGROUND', '-f', file];
  },
  traffic_server: ({ folder, port, originPort, settings = [] }) => {
    for (const name of ['config', 'run', 'log', 'cache']) {
      mkdirSync(join(folder, name), { recursive: true });
      chmodSync(join(folder, name), 0o777);
    }
    write(folder, 'config/records.config', [
      `CONFIG proxy.config.http.server_ports STRING ${port}:ip-in=127.0.0.1`,
      'CONFIG proxy.config.url_remap.remap_required INT 1',
      'CONFIG proxy.config.log.logging_enabled INT 0',
      'CONFIG proxy.config.diags.output.error STRING E',
      ...(process.getuid?.() === 0 ? ['CONFIG proxy.config.admin.user_id STRING trafficserver'] : []),
      ...settings.map((each) => `CONFIG ${each}`),
    ]);
    write(folder, 'config/remap.config', [`map / http://127.0.0.1:${originPort}/`]);
    write(folder, 'config/storage.config', [`${folder}/cache 256M`]);
    write(folder, 'config/ip_allow.yaml', [
      'ip_allow:',
      '  - apply: in',
      '    ip_addrs: 0/0',
      '    action: allow',
      '    methods: ALL',
    ]);
    write(folder, 'runroot.yaml', [
      `prefix: ${folder}`,
      `exec_prefix: ${folder}`,
      'bindir: /usr/bin',
      'sbindir: /usr/sbin',
      `sysconfdir: ${folder}/config`,
      `datadir: ${folder}/cache`,
      'libexecdir: /usr/lib/trafficserver/modules',
      `localstatedir: ${folder}/run`,
      `runtimedir: ${folder}/run`,
      `logdir: ${folder}/log`,
      `cachedir: ${folder}/cache`,
      'libdir: /usr/lib/trafficserver',
      'includedir: /usr/include',
      'mandir: /usr/share/man',
      'infodir: /usr/share/info',
    ]);
    return [`--run-root=${folder}`];
  },
} satisfies Record<string, (setup: ProxySetup) => string[]>;

export type ProxyName = keyof typeof proxies;

function write(folder: string, name: string, lines: readonly string[]): string {
  // Some run as another user when root starts them.
  chmodSync(folder, 0o777);
  const path = join(folder, name);
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}
