#!/bin/sh
# sirv 3.0.2 without `dev` reads the directory once, when it is made, and sends the bytes that are there when a request
# comes. After a file was replaced it answers with the tag, date and length of the old file and the beginning of the new
# one: a client that checks the length and the ETag stores a mixture of neither file, and is told nothing.
# Seen: 'before: W/"14-…" 14 "the first file"' and 'after: W/"14-…" 14 "another file, "'. Exits with 1 if that changes.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --prefix . sirv@3.0.2 >/dev/null
mkdir files; printf 'the first file' >files/f
cat >run.cjs <<'JS'
const http = require('node:http');
const fs = require('node:fs');
const sirv = require('sirv');
const server = http.createServer(sirv('files', { etag: true }));
server.listen(0, '127.0.0.1', async () => {
  const url = `http://127.0.0.1:${server.address().port}/f`;
  const get = async () => {
    const response = await fetch(url);
    return [response.headers.get('etag'), response.headers.get('content-length'), await response.text()];
  };
  const before = await get();
  fs.writeFileSync('files/new', 'another file, and a longer one');
  fs.renameSync('files/new', 'files/f');
  const after = await get();
  console.log('before:', ...before, '\nafter:', ...after);
  process.exit(before[0] === after[0] && after[1] === '14' && after[2] === 'another file, ' ? 0 : 1);
});
JS
node run.cjs
