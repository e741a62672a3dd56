import { Readable, type Writable } from 'node:stream';
import { expect } from 'vitest';
import { type Network, test } from '../../sluiceway/test/support/fixture.js';
import { nodeOrigin } from '../../sluiceway/test/support/node-origin.js';
import { RedisProcess } from '../../sluiceway/test/support/redis.js';
import { describeWith, requireTool } from '../../sluiceway/test/support/requirements.js';
import { until } from '../../sluiceway/test/support/until.js';
import { sluicewayProxy } from './support/process.js';

const redisServer = requireTool('redis-server');

/** Bytes per second. */
const RATE = 600_000;
/** What takes 3.3 s at that rate, and 1.1 s if each of three processes has it. */
const BYTES = 2_000_000;
const LEAST_MS = 2000;

/** Three processes of the program with one store, and an HTTP/2 client of each. */
async function startThree(net: Network, url: string, store: string, ...flags: string[]) {
  const clients = [];
  for (let i = 0; i < 3; i += 1) {
    const program = await sluicewayProxy(net, url, '--store', store, '--h2c', '127.0.0.1:0', ...flags);
    const [, port] = await program.match('stdout', /listening on \S+:(\d+) for HTTP\/2 without TLS/);
    clients.push(await net.http2({ port: Number(port), ca: undefined }));
  }
  return clients;
}

const block = Buffer.alloc(16 * 1024, 'x');

/** Writes without end. */
function writeAlways(stream: Writable): void {
  const write = (): void => {
    while (!stream.destroyed && stream.write(block));
  };
  stream.on('drain', write);
  stream.on('error', () => {});
  write();
}

describeWith(redisServer)('three processes with one store, over HTTP/2,', () => {
  test.for([
    ['downloads', '--limit-rate'],
    ['uploads', '--limit-upload-rate'],
  ] as const)(
    'share the rate of %s and the number of transfers, and free them when these end [Sluiceway]',
    async ([kind, flag], { net }) => {
      const redis = await RedisProcess.start(net, redisServer);
      const isUpload = kind === 'uploads';
      let passed = 0;
      const count = (bytes: Buffer): void => {
        passed += bytes.length;
      };
      const origin = await nodeOrigin(net, (request, response) => {
        if (request.url === '/short') {
          response.end();
          return;
        }
        request.on('data', count);
        if (isUpload) response.flushHeaders();
        else writeAlways(response);
      });
      const flags = ['--limit-by', 'all', '--limit-transfers', '6', flag, String(RATE)];
      const clients = await startThree(net, origin.url, redis.url, ...flags);
      const begin = performance.now();
      const streams = clients.flatMap((client) => {
        const open = () =>
          client.open('/', isUpload ? { headers: { ':method': 'POST' }, content: endless() } : {});
        return [open(), open()];
      });
      if (!isUpload) for (const stream of streams) stream.on('data', count);
      await until(() => origin.requests.length === streams.length, 'all were served');
      for (const client of clients) expect((await client.get('/short')).status).toBe(503);
      await until(() => passed >= BYTES, 'enough had passed');
      expect(performance.now() - begin).toBeGreaterThan(LEAST_MS);
      for (const stream of streams) stream.destroy();
      for (const client of clients)
        await until(async () => (await client.get('/short')).status === 200, 'there was room again');
    },
  );
});

/** Content without end. */
function endless(): Readable {
  return new Readable({
    read() {
      this.push(block);
    },
  });
}
