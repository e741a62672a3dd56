#!/bin/sh
# undici's `fetch` sends fields that look like a browser's: `sec-fetch-mode: cors` and `accept-language: *`, but none of the
# other Sec-Fetch fields, which browsers always send with it. A server that takes `Sec-Fetch-Mode` for the sign of a browser
# takes scripts on Node for one; `Sec-Fetch-Site` tells them apart. `undici.request` sends neither field.
# Seen with undici 6.24.1 (that of Node 20.20.2) and 7.28.0: "fetch: sec-fetch-mode=cors accept-language=*", and
# "request: nothing". Exits with 1 if that changes.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --prefix . \
  "undici6@npm:undici@6.24.1" "undici7@npm:undici@7.28.0" >/dev/null
cat >run.cjs <<'JS'
const http = require('node:http');
const named = /^(?:sec-fetch-|accept-language$|upgrade-insecure-requests$)/;
let sent = '';
const server = http.createServer((request, response) => {
  const seen = Object.entries(request.headers).filter(([name]) => named.test(name));
  sent = seen.map(([name, value]) => `${name}=${value}`).sort().reverse().join(' ') || 'nothing';
  response.end('ok');
});
server.listen(0, '127.0.0.1', async () => {
  const url = `http://127.0.0.1:${server.address().port}/`;
  let isAsSeen = true;
  for (const version of [6, 7]) {
    const { fetch, request } = require(`undici${version}`);
    await (await fetch(url)).text();
    console.log(`undici ${version} fetch: ${sent}`);
    isAsSeen &&= sent === 'sec-fetch-mode=cors accept-language=*';
    await (await request(url)).body.text();
    console.log(`undici ${version} request: ${sent}`);
    isAsSeen &&= sent === 'nothing';
  }
  process.exit(isAsSeen ? 0 : 1);
});
JS
node run.cjs
