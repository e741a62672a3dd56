#!/bin/sh
# undici takes a connection reset for the end of a response whose length only the close tells. `fetch` of undici 6.24.1
# (that of Node 20.20.2) and of 7.28.0 resolves with half of the file and no error; `http.get` of Node reports
# ECONNRESET. Such responses come from HTTP/1.0 servers, and from proxies that speak HTTP/1.0 to their clients.
# Seen: "fetch: 500000 bytes, no error" for each version, and "http.get: ECONNRESET". Exits with 1 if that changes.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --prefix . \
  "undici6@npm:undici@6.24.1" "undici7@npm:undici@7.28.0" >/dev/null
cat >run.cjs <<'JS'
const http = require('node:http');
const net = require('node:net');
const server = net.createServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', () => {
    socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
    socket.write(Buffer.alloc(500_000), () => setTimeout(() => socket.resetAndDestroy(), 200));
  });
});
const outcome = async (read) => {
  try {
    return `${await read()} bytes, no error`;
  } catch (error) {
    return error.cause?.code ?? error.code ?? error.message;
  }
};
server.listen(0, '127.0.0.1', async () => {
  const url = `http://127.0.0.1:${server.address().port}/`;
  const seen = [];
  for (const version of [6, 7]) {
    const { fetch } = require(`undici${version}`);
    seen.push(await outcome(async () => (await (await fetch(url)).arrayBuffer()).byteLength));
    console.log(`undici ${version} fetch: ${seen.at(-1)}`);
  }
  const node = await outcome(() => new Promise((resolve, reject) => {
    http.get(url, async (response) => {
      let bytes = 0;
      try { for await (const chunk of response) bytes += chunk.length; resolve(bytes); } catch (error) { reject(error); }
    }).on('error', reject);
  }));
  console.log(`http.get: ${node}`);
  server.close();
  process.exit(seen.every((each) => each === '500000 bytes, no error') && node === 'ECONNRESET' ? 0 : 1);
});
JS
node run.cjs
