import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { basicOf, bcryptOfPw } from '../support/access.js';

const origins = {
  http1: createServer((_request, response) => response.end('hello')),
  http2: createHttp2Server((_request, response) => response.end('hello')),
};
beforeAll(async () => {
  for (const origin of Object.values(origins)) {
    origin.listen(0, '127.0.0.1');
    await once(origin, 'listening');
  }
});
afterAll(() => {
  for (const origin of Object.values(origins)) origin.close();
});

/** A program that serves one request, then stops listening. */
const program = (serve: string): string => `
import { createServer } from 'node:http';
import { attach, basic, createProxy, Fields, streamFrom } from 'sluiceway';
const server = createServer();
const upstream = process.argv[1];
${serve}
server.listen(0, '127.0.0.1', async () => {
  const response = await fetch('http://127.0.0.1:' + server.address().port, { headers: { connection: 'close' } });
  process.stdout.write(await response.text());
  server.close();
});
`;

test.each([
  ['a proxy that is not closed', 'http1', 'attach(server, createProxy({ upstream }));'],
  [
    'a proxy that speaks HTTP/2 with the origin server',
    'http2',
    "attach(server, createProxy({ upstream: { url: upstream, protocol: 'http2' } }));",
  ],
  [
    'streamFrom',
    'http1',
    `const options = { addresses: 'any' };
     server.on('request', (request, response) => void streamFrom(request, response, upstream, options));`,
  ],
  [
    'a policy with passwords of bcrypt',
    'http1',
    `const policy = basic({ anna: '${bcryptOfPw}' });
     const fields = new Fields(['Authorization', '${basicOf('anna', 'pw')}']);
     const access = ({ forwarded }) => policy({ headers: fields, forwarded });
     attach(server, createProxy({ upstream, access }));`,
  ],
] as const)('%s keeps no process alive by what it keeps at hand', async (_, version, serve) => {
  const { port } = origins[version].address() as AddressInfo;
  const child = spawn(
    process.execPath,
    ['--input-type=module', '--eval', program(serve), `http://127.0.0.1:${port}/`],
    { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let answeredAt = Number.POSITIVE_INFINITY;
  child.stdout.once('data', () => {
    answeredAt = performance.now();
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit') as Promise<[number]>]);
  expect([output, code]).toEqual(['hello', 0]);
  // The origin server keeps its idle connections for 5 s, we for a minute.
  expect(performance.now() - answeredAt).toBeLessThan(4500);
});
