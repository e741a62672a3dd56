#!/bin/sh
# koa-mount 4.2.0 with koa 3.1.1: a mount path that ends with a slash gives the mounted application a path without a
# leading slash. `mount('/files/', app)` turns GET /files/a into the path `a`; `mount('/files', app)` gives `/a`, as
# the comment in its source says for both. Code that expects an absolute path, such as a router or a proxy that joins
# the path to a URL, sees a relative one.
# Output: "/files -> /a" and "/files/ -> a". Exits with 1 if that changes.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --prefix . koa@3.1.1 koa-mount@4.2.0 >/dev/null
cat >run.cjs <<'JS'
const http = require('node:http');
const Koa = require('koa');
const mount = require('koa-mount');
async function pathUnder(prefix) {
  const inner = new Koa();
  inner.use((ctx) => { ctx.body = ctx.path; });
  const outer = new Koa();
  outer.use(mount(prefix, inner));
  const server = http.createServer(outer.callback()).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const response = await fetch(`http://127.0.0.1:${server.address().port}/files/a`);
  const text = await response.text();
  server.close();
  return text;
}
(async () => {
  const seen = [await pathUnder('/files'), await pathUnder('/files/')];
  console.log(`/files -> ${seen[0]}\n/files/ -> ${seen[1]}`);
  process.exit(seen[0] === '/a' && seen[1] === 'a' ? 0 : 1);
})();
JS
node run.cjs
