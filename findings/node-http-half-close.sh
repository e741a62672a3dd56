#!/bin/sh
# Node's http server (20.20.2 and 26.10.0) sends nothing to a client that ends its side of the connection after a
# complete request and then waits, if the handler answers later than in the same turn. RFC 9112 section 9.6 lets a
# client half-close after its last request; `server.httpAllowHalfOpen`, which is not in the documentation, serves it.
# Seen: "default: 0 bytes" and "httpAllowHalfOpen: 200 OK" on both versions. Exits with 1 if that changes.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
case $(uname -m) in aarch64 | arm64) machine=arm64 ;; *) machine=x64 ;; esac
npm install --silent --no-audit --no-fund --prefix . \
  "node20@npm:node-linux-$machine@20.20.2" "node26@npm:node-linux-$machine@26.10.0" >/dev/null
cat >run.cjs <<'JS'
const http = require('node:http');
const net = require('node:net');
async function ask(allowsHalfOpen) {
  const server = http.createServer((request, response) => setTimeout(() => response.end('hello'), 50));
  if (allowsHalfOpen) server.httpAllowHalfOpen = true;
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const client = net.connect({ port: server.address().port, host: '127.0.0.1', allowHalfOpen: true });
  client.end('GET / HTTP/1.1\r\nHost: test\r\n\r\n');
  let text = '';
  for await (const chunk of client) text += chunk;
  server.close();
  return text;
}
(async () => {
  const byDefault = await ask(false);
  const halfOpen = await ask(true);
  console.log(`${process.version} default: ${byDefault.length} bytes`);
  console.log(`${process.version} httpAllowHalfOpen: ${halfOpen.slice(9, 15)}`);
  process.exit(byDefault === '' && halfOpen.startsWith('HTTP/1.1 200 OK') ? 0 : 1);
})();
JS
for version in node20 node26; do "node_modules/$version/bin/node" run.cjs; done
