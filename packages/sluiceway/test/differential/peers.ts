import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startDaemon } from '../support/daemon.js';
import type { Network } from '../support/fixture.js';
import type { Tool } from '../support/requirements.js';
import { scratchFolder } from '../support/tool.js';
import { Stage } from './trace.js';

/** A proxy with an origin server of its own. */
export interface Peer {
  stage: Stage;
  port: number;
}

/** nginx as it comes, but for what would keep it from streaming. */
export function startNginx(net: Network, program: Tool): Promise<Peer> {
  return startPeer(net, program, (origin, port, folder) => {
    const file = join(folder, 'nginx.conf');
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder}/temp;`,
    );
    writeFileSync(
      file,
      `daemon off; master_process off; pid ${folder}/pid; error_log stderr crit;
       events {}
       http {
         access_log off; client_max_body_size 0; ${temporary.join(' ')}
         server {
           listen 127.0.0.1:${port};
           location / {
             proxy_pass http://127.0.0.1:${origin};
             proxy_http_version 1.1;
             proxy_buffering off;
             proxy_request_buffering off;
           }
         }
       }`,
    );
    return ['-p', folder, '-e', 'stderr', '-c', file];
  });
}

/** HAProxy as it comes. */
export function startHaproxy(net: Network, program: Tool): Promise<Peer> {
  return startPeer(net, program, (origin, port, folder) => {
    const file = join(folder, 'haproxy.cfg');
    writeFileSync(
      file,
      `global
         maxconn 100
       defaults
         mode http
         timeout connect 10s
         timeout client 10s
         timeout server 10s
       listen proxy
         bind 127.0.0.1:${port}
         server origin 127.0.0.1:${origin}
`,
    );
    return ['-db', '-f', file];
  });
}

export async function startSluiceway(net: Network): Promise<Peer> {
  const stage = await openStage(net);
  const { port } = await net.proxy({ upstream: stage.origin.url });
  return { stage, port };
}

async function startPeer(
  net: Network,
  program: Tool,
  configure: (origin: number, port: number, folder: string) => string[],
): Promise<Peer> {
  const stage = await openStage(net);
  const port = await freePort();
  await startDaemon(net, program, configure(stage.origin.port, port, scratchFolder(net)), port);
  return { stage, port };
}

async function openStage(net: Network): Promise<Stage> {
  const stage = await Stage.open();
  net.cleanup(() => stage.origin.stop());
  return stage;
}
