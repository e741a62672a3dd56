import { PassThrough, Transform } from 'node:stream';
import { expect } from 'vitest';
import { isSeeded } from '../support/content.js';
import { test } from '../support/fixture.js';
import { through } from '../support/through.js';

const MiB = 1024 * 1024;
const SIZE = 1024 * MiB;
/** Both ends of the line are in the same process; none of them holds more than a few MiB. */
const ROOM = 160 * MiB;

test('memory stays flat while 1 GiB passes through three streams to a client that pauses again and again [Go ReverseProxy; nginx]', async ({
  net,
}) => {
  const copying = (): Transform =>
    new Transform({
      transform(chunk: Buffer, _, callback) {
        callback(null, Buffer.from(chunk));
      },
    });
  const { client, running } = await through(
    net,
    async (connection) => {
      await connection.readHead();
      await connection.write(`HTTP/1.1 200 OK\r\nContent-Length: ${SIZE}\r\n\r\n`);
      await connection.writeSeeded('memory', 0, SIZE);
    },
    {
      transform: {
        response: { changesContent: false, create: () => [copying(), new PassThrough(), copying()] },
      },
    },
  );
  let peak = 0;
  const watch = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  net.cleanup(() => clearInterval(watch));
  const before = process.memoryUsage.rss();
  await client.get('/');
  const head = await client.readHead();
  let at = 0;
  const { complete } = await client.readContent(head, {
    onContent: (bytes) => {
      if (!isSeeded('memory', at, bytes)) throw new Error(`Wrong bytes at ${at}`);
      if (Math.floor((at + bytes.length) / (32 * MiB)) > Math.floor(at / (32 * MiB))) {
        client.pause();
        setTimeout(() => client.resume(), 150);
      }
      at += bytes.length;
    },
  });
  expect({ complete, at }).toEqual({ complete: true, at: SIZE });
  expect(await running.record()).toMatchObject({ outcome: 'completed', bytesDown: SIZE });
  expect(peak - before).toBeLessThan(ROOM);
});
