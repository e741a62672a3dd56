import { expect, vi } from 'vitest';
import { BufferPool } from '../../src/stream/buffer-pool.js';
import { seededBytes } from '../support/content.js';
import { test } from '../support/fixture.js';
import { chunked, sized, through } from '../support/through.js';
import { until } from '../support/until.js';

const content = seededBytes('buffers', 0, 3_000_000);

test('every buffer that is borrowed for a response is given back once, also after failures and aborts [Go ReverseProxy]', async ({
  net,
}) => {
  const out = new Set<Buffer>();
  const back = new Set<Buffer>();
  let borrowed = 0;
  const { acquire, release } = BufferPool.prototype;
  vi.spyOn(BufferPool.prototype, 'acquire').mockImplementation(function (this: BufferPool, size: number) {
    const buffer = acquire.call(this, size);
    expect(out.has(buffer)).toBe(false);
    out.add(buffer);
    back.delete(buffer);
    borrowed += 1;
    return buffer;
  });
  vi.spyOn(BufferPool.prototype, 'release').mockImplementation(function (this: BufferPool, buffer: Buffer) {
    // One that a large head has moved to was not borrowed, and is not kept.
    expect(back.has(buffer)).toBe(false);
    out.delete(buffer);
    back.add(buffer);
    release.call(this, buffer);
  });
  net.cleanup(() => vi.restoreAllMocks());

  const { client, running, origin } = await through(net, async (connection) => {
    for (;;) {
      const { target } = await connection.readHead();
      if (target === '/garbage') return connection.write('garbage\r\n\r\n');
      if (target === '/empty') await connection.write(sized(''));
      if (target === '/sized') await connection.write(sized(content));
      if (target === '/chunked') await connection.write(chunked([content]));
      if (target === '/broken') await connection.write(sized(content).subarray(0, 1_000_000));
      if (target === '/broken') return connection.end();
      if (target === '/aborted') await connection.writeSeeded('buffers', 0, 1e9);
    }
  });
  for (const target of ['/empty', '/sized', '/chunked', '/garbage', '/sized', '/chunked']) {
    await client.get(target);
    await client.readResponse();
  }
  for (const target of ['/broken', '/aborted', '/broken', '/aborted']) {
    const other = await net.client(running);
    await other.get(target);
    if (target === '/broken') await other.readResponse();
    else await other.readSome();
    other.reset();
  }
  await running.records(10);
  await running.proxy.close();
  await until(() => origin.open === 0, 'no connection was left');
  await until(() => out.size === 0, 'every buffer was back');
  expect(borrowed).toBeGreaterThan(10);
});
