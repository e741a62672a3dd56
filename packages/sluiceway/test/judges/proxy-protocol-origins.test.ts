import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { loopbackCertificate } from '../support/certificates.js';
import { freePort, startDaemon } from '../support/daemon.js';
import { test } from '../support/fixture.js';
import { describeWith, requireTool } from '../support/requirements.js';
import { scratchFolder } from '../support/tool.js';

const nginx = requireTool('nginx');
const haproxy = requireTool('haproxy');

const kinds = [
  ['v1', 'http'],
  ['v2', 'http'],
  ['v1', 'https'],
  ['v2', 'https'],
] as const;

describeWith(nginx)('nginx that expects PROXY protocol', () => {
  test.for(kinds)(
    'gets the client from a header of %s over %s [nginx]',
    async ([version, scheme], { net }) => {
      const folder = scratchFolder(net);
      const { cert, key, ca } = await loopbackCertificate();
      writeFileSync(join(folder, 'cert.pem'), cert);
      writeFileSync(join(folder, 'key.pem'), key);
      const port = await freePort();
      const file = join(folder, 'nginx.conf');
      const secure = scheme === 'https';
      writeFileSync(
        file,
        `daemon off;
       pid ${folder}/pid;
       error_log stderr;
       events {}
       http {
         access_log off;
         server {
           listen 127.0.0.1:${port} ${secure ? 'ssl' : ''} proxy_protocol;
           ${secure ? `ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;` : ''}
           location / {
             return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr $proxy_protocol_server_port";
           }
         }
       }`,
      );
      await startDaemon(net, nginx, ['-c', file, '-p', folder, '-e', 'stderr'], port);
      const proxy = await net.proxy({
        upstream: { url: `${scheme}://localhost:${port}`, proxyProtocol: version, tls: { ca } },
      });
      const client = await net.client(proxy);
      for (let i = 0; i < 2; i++) {
        await client.get('/');
        const { content } = await client.readResponse();
        expect(content.toString()).toBe(`127.0.0.1 ${client.tcp.localPort} 127.0.0.1 ${proxy.port}`);
      }
    },
  );
});

describeWith(haproxy)('HAProxy that expects PROXY protocol', () => {
  test.for(['v1', 'v2'] as const)(
    'gets the client from a header of %s [HAProxy]',
    async (version, { net }) => {
      const port = await freePort();
      const file = join(scratchFolder(net), 'haproxy.cfg');
      writeFileSync(
        file,
        `defaults
         mode http
         timeout connect 10s
         timeout client 10s
         timeout server 10s
       frontend front
         bind 127.0.0.1:${port} accept-proxy
         http-request return status 200 content-type text/plain lf-string "%[src] %[src_port] %[dst] %[dst_port]"
`,
      );
      await startDaemon(net, haproxy, ['-db', '-f', file], port);
      const proxy = await net.proxy({
        upstream: { url: `http://127.0.0.1:${port}`, proxyProtocol: version },
      });
      const client = await net.client(proxy);
      await client.get('/');
      const { content } = await client.readResponse();
      expect(content.toString()).toBe(`127.0.0.1 ${client.tcp.localPort} 127.0.0.1 ${proxy.port}`);
    },
  );
});
