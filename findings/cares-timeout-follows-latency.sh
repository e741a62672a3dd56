#!/bin/sh
# Node's dns.Resolver gives up on a silent name long before the timeout that it was given, once its name server has
# answered quickly. `new Resolver({ timeout: 2000, tries: 3 })` fails a silent name after 14 s when that is its first
# question, and after 3 s behind ten fast answers: c-ares derives the timeout of each try from the latency that it has
# measured. glibc's getaddrinfo waits 10 s by default. Seen on 26.10.0: "first question: 13994 ms, after fast answers:
# 3002 ms". Exits with 1 if the second time is not less than half of the first.
set -eu
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
case $(uname -m) in aarch64 | arm64) machine=arm64 ;; *) machine=x64 ;; esac
npm install --silent --no-audit --no-fund --prefix . "node26@npm:node-linux-$machine@26.10.0" >/dev/null
cat >run.cjs <<'JS'
const dgram = require('node:dgram');
const { Resolver } = require('node:dns').promises;
const server = dgram.createSocket('udp4');
server.on('message', (query, { port, address }) => {
  if (query.includes('silent')) return;
  const answer = Buffer.concat([
    query.subarray(0, 2), Buffer.from([0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]),
    query.subarray(12, query.indexOf(0, 12) + 5),
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]),
  ]);
  server.send(answer, port, address);
});
async function silentFor(resolver, name) {
  const start = Date.now();
  await resolver.resolve4(name).catch((error) => { if (error.code !== 'ETIMEOUT') throw error; });
  return Date.now() - start;
}
server.bind(0, '127.0.0.1', async () => {
  const make = () => {
    const resolver = new Resolver({ timeout: 2000, tries: 3 });
    resolver.setServers([`127.0.0.1:${server.address().port}`]);
    return resolver;
  };
  const first = await silentFor(make(), 'silent.test');
  const warm = make();
  for (let i = 0; i < 10; i += 1) await warm.resolve4(`fast${i}.test`);
  const later = await silentFor(warm, 'silent.test');
  console.log(`${process.version} first question: ${first} ms, after fast answers: ${later} ms`);
  process.exit(later < first / 2 ? 0 : 1);
});
JS
node_modules/node26/bin/node run.cjs
