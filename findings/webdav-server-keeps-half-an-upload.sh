#!/bin/sh
# webdav-server 2.6.3 with its PhysicalFileSystem writes a PUT into the file itself. If the client breaks the upload off
# before the length in Content-Length is reached, half of the new file stays under the old name, and the next GET
# answers 200 with it. nginx, Apache httpd and lighttpd keep the old file.
# Seen: 'PUT: 201' and 'after a PUT that broke off: 200 "half of the new"'. Exits with 1 if that changes.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --prefix . webdav-server@2.6.3 >/dev/null
mkdir files
cat >run.cjs <<'JS'
const net = require('node:net');
const { v2: webdav } = require('webdav-server');
const server = new webdav.WebDAVServer({ port: 0, hostname: '127.0.0.1' });
const pause = () => new Promise((resolve) => setTimeout(resolve, 500));
server.setFileSystem('/', new webdav.PhysicalFileSystem('files'), () => {
  server.start(async (httpServer) => {
    const { port } = httpServer.address();
    const url = `http://127.0.0.1:${port}/f`;
    const put = await fetch(url, { method: 'PUT', body: 'the whole of the old file' });
    console.log('PUT:', put.status);
    const socket = net.connect(port, '127.0.0.1');
    socket.write('PUT /f HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nhalf of the new');
    await pause();
    socket.destroy();
    await pause();
    const got = await fetch(url);
    const text = await got.text();
    console.log(`after a PUT that broke off: ${got.status} "${text}"`);
    process.exit(got.status === 200 && text === 'half of the new' ? 0 : 1);
  });
});
JS
node run.cjs
