import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect } from 'vitest';
import { writeInterim } from '../../src/downstream/http1-heads.js';
import { Fields } from '../../src/http/fields.js';
import { test } from '../support/fixture.js';

test('interim responses for a client that does not read do not pile up in memory', async ({ net }) => {
  const server = createServer((socket) => void socket.pause()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
  net.cleanup(() => {
    socket.destroy();
    server.close();
  });
  const head = { status: 103, statusText: 'Early Hints', fields: new Fields(['Link', 'x'.repeat(60_000)]) };
  for (let i = 0; i < 1000; i += 1) writeInterim(socket, head);
  expect(socket.writableLength).toBeGreaterThan(0);
  expect(socket.writableLength).toBeLessThan(512 * 1024);
});
