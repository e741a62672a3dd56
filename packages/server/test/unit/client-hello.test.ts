import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { connect } from 'node:tls';
import { expect } from 'vitest';
import { Dice } from '../../../sluiceway/test/support/dice.js';
import { type Network, test } from '../../../sluiceway/test/support/fixture.js';
import { readClientHello } from '../../src/listeners/client-hello.js';

/** The first bytes that Node's client sends. */
async function helloOf(net: Network, options: object): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  net.cleanup(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connect({ port, host: '127.0.0.1', ...options });
  client.on('error', () => {});
  net.cleanup(() => client.destroy());
  const [socket] = (await once(server, 'connection')) as [Socket];
  net.cleanup(() => socket.destroy());
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  return bytes;
}

test.for([
  [{ servername: 'Files.example.org', ALPNProtocols: ['acme-tls/1'] }, 'files.example.org', ['acme-tls/1']],
  [
    { servername: 'a.test', ALPNProtocols: ['h2', 'http/1.1'], maxVersion: 'TLSv1.2' },
    'a.test',
    ['h2', 'http/1.1'],
  ],
  [{}, '', []],
] as const)(
  'of a ClientHello with %j, the name and the protocols are read [RFC 8446 4.1.2]',
  async ([options, serverName, protocols], { net }) => {
    const bytes = await helloOf(net, options);
    expect(readClientHello(bytes)).toEqual({ serverName, protocols });
    for (let length = 0; length < bytes.length; length++)
      expect(readClientHello(bytes.subarray(0, length))).toBe('incomplete');
  },
);

test.for([
  'GET / HTTP/1.1\r\n',
  '\x16\x03\x01\xff\xff',
  '\x16\x03\x01\0\x01\x02',
  '\x16\x03\x01\0\x04\x01\0\0\x09',
])('%j is no ClientHello in one record', (text) => {
  expect(readClientHello(Buffer.from(text, 'latin1'))).toBeNull();
});

test('a ClientHello that is damaged anywhere never breaks the reader', async ({ net }) => {
  const bytes = await helloOf(net, { servername: 'a.test', ALPNProtocols: ['acme-tls/1'] });
  const dice = new Dice(8737);
  let read = 0;
  for (let round = 0; round < 20_000; round++) {
    const damaged = Buffer.from(bytes);
    for (let hits = 0; hits < 4; hits++) damaged[5 + dice.roll(damaged.length - 5)] = dice.roll(256);
    if (readClientHello(damaged) !== null) read += 1;
  }
  expect(read).toBeGreaterThan(0);
});
