#!/bin/sh
# Node's http2 client (20.20.2 and 26.10.0) ends an upload properly when it is canceled: `stream.close(NGHTTP2_CANCEL)` in the
# midst of request content sends DATA with END_STREAM before RST_STREAM. A server has the whole request then, as far as the
# protocol tells (RFC 9113 section 8.1), and may store half of a file. Send Content-Length, or destroy the session.
# Seen: "DATA 5 bytes, DATA 0 bytes END_STREAM, RST_STREAM 8" on both versions. Exits with 1 if that changes.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
case $(uname -m) in aarch64 | arm64) machine=arm64 ;; *) machine=x64 ;; esac
npm install --silent --no-audit --no-fund --prefix . \
  "node20@npm:node-linux-$machine@20.20.2" "node26@npm:node-linux-$machine@26.10.0" >/dev/null
cat >run.cjs <<'JS'
const net = require('node:net');
const http2 = require('node:http2');
const frames = [];
const server = net.createServer((socket) => {
  let bytes = Buffer.alloc(0);
  let isPrefaced = false;
  socket.on('error', () => {});
  socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  socket.on('data', (part) => {
    bytes = Buffer.concat([bytes, part]);
    if (!isPrefaced && bytes.length >= 24) { bytes = bytes.subarray(24); isPrefaced = true; }
    while (isPrefaced && bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const length = bytes.readUIntBE(0, 3);
      const [type, flags] = [bytes[3], bytes[4]];
      if (type === 0) frames.push(`DATA ${length} bytes${flags & 1 ? ' END_STREAM' : ''}`);
      if (type === 3) frames.push(`RST_STREAM ${bytes.readUInt32BE(9)}`);
      bytes = bytes.subarray(9 + length);
    }
  });
});
server.listen(0, '127.0.0.1', () => {
  const session = http2.connect(`http://127.0.0.1:${server.address().port}`);
  session.on('error', () => {});
  const stream = session.request({ ':method': 'PUT', ':path': '/f' });
  stream.on('error', () => {});
  stream.write('hello');
  setTimeout(() => stream.close(http2.constants.NGHTTP2_CANCEL), 200);
  setTimeout(() => {
    console.log(`${process.version} ${frames.join(', ')}`);
    process.exit(frames.some((frame) => frame.includes('END_STREAM')) ? 0 : 1);
  }, 600);
});
JS
for version in node20 node26; do "node_modules/$version/bin/node" run.cjs; done
