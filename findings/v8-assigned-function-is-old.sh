#!/bin/sh
# A function that is assigned to a property, `transfer.onEnd = () => …`, costs a server more than the same function in an
# object literal or a variable: V8 takes it for a method that stays, and allocates it in the old generation. A function for
# each request keeps its request there as well: what it refers to survives scavenges until the next collection of the whole
# heap, although the request has ended.
# Seen with Node 20.20.2 and 26.10.0: `%InYoungGeneration` is false for an assigned function, and true for the same function in
# an object literal. A server that assigns one for each request promoted 6 and 40 times as many bytes to the old generation
# (90 and 600 bytes of each of 40,000 requests; the more a request refers to, the more). Exits with 1 if both functions are
# young, or if the server promotes less than twice as much.
set -eu
case $(uname -m) in aarch64) machine=arm64 ;; *) machine=x64 ;; esac
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm install --silent --no-audit --no-fund --prefix . \
  "node20@npm:node-linux-$machine@20.20.2" "node26@npm:node-linux-$machine@26.10.0" >/dev/null
cat >server.cjs <<'JS'
const http = require('node:http');
const isAssigned = process.argv[2] === 'assigned';
function watch(request, response) {
  if (!isAssigned) return { onEnd: () => [request.url, response.statusCode] };
  const watched = { onEnd: null };
  watched.onEnd = () => [request.url, response.statusCode];
  return watched;
}
const server = http.createServer((request, response) => {
  const watched = watch(request, response);
  setTimeout(() => {
    response.end('ok');
    watched.onEnd();
  }, 1);
});
server.listen(0, '127.0.0.1', () => process.stderr.write(`${server.address().port}\n`));
JS
cat >young.cjs <<'JS'
const assigned = { onEnd: null };
assigned.onEnd = () => 1;
const literal = { onEnd: () => 1 };
console.log(`assigned ${%InYoungGeneration(assigned.onEnd)}, in a literal ${%InYoungGeneration(literal.onEnd)}`);
JS
cat >run.cjs <<'JS'
const { execFileSync, spawn } = require('node:child_process');
const net = require('node:net');
const REQUESTS = 40_000;
async function promotedPerRequest(node, kind) {
  // The other way in which V8 decides on the old generation depends on the first requests, and so on chance.
  const flags = ['--trace-gc-nvp', '--no-allocation-site-pretenuring'];
  const server = spawn(node, [...flags, 'server.cjs', kind], { stdio: ['ignore', 'pipe', 'pipe'] });
  let trace = '';
  server.stdout.on('data', (text) => { trace += text; });
  const port = Number(await new Promise((resolve) => server.stderr.once('data', resolve)));
  await Promise.all(Array.from({ length: 64 }, () => new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    let left = REQUESTS / 64;
    const ask = () => socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    socket.on('connect', ask).on('data', () => {
      left -= 1;
      if (left > 0) ask(); else socket.end(resolve);
    });
  })));
  server.kill();
  await new Promise((resolve) => server.once('close', resolve));
  // The trace is JSON since Node 26.
  const sizes = [...trace.matchAll(/\bpromoted"?[=:](\d+)/g)];
  return sizes.reduce((all, [, bytes]) => all + Number(bytes), 0) / REQUESTS;
}
(async () => {
  let isAsSeen = true;
  for (const version of [20, 26]) {
    const node = `./node_modules/node${version}/bin/node`;
    const assigned = await promotedPerRequest(node, 'assigned');
    const literal = await promotedPerRequest(node, 'literal');
    console.log(`Node ${version}: ${assigned.toFixed(0)} bytes promoted per request with an assigned function, ${literal.toFixed(0)} with one in a literal`);
    const young = execFileSync(node, ['--allow-natives-syntax', 'young.cjs'], { encoding: 'utf8' }).trim();
    console.log(`Node ${version}: young: ${young}`);
    isAsSeen &&= assigned > 2 * literal && young === 'assigned false, in a literal true';
  }
  process.exit(isAsSeen ? 0 : 1);
})();
JS
node run.cjs
