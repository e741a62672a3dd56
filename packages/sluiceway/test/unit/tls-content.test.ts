import type { TLSSocket } from 'node:tls';
import { beforeAll, describe, expect } from 'vitest';
import type { ChunkSource } from '../../src/stream/chunk-source.js';
import { loopbackCertificate, type TestCertificate } from '../support/certificates.js';
import { isSeeded, seededViews } from '../support/content.js';
import { startTransport, toRequest } from '../support/exchange.js';
import { test } from '../support/fixture.js';
import { toChunk } from '../support/through.js';
import { startTlsServer } from '../support/tls-server.js';

const MB = 1_000_000;
const SEED = 'tls';

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await loopbackCertificate();
});

async function writeAll(socket: TLSSocket, parts: Iterable<Uint8Array | string>): Promise<void> {
  for (const part of parts) {
    if (!socket.write(part)) await new Promise((resolve) => socket.once('drain', resolve));
  }
}

function* chunksOf(length: number, size: number): Generator<Buffer> {
  for (const view of seededViews(SEED, 0, length)) {
    for (let at = 0; at < view.length; at += size) yield toChunk(view.subarray(at, at + size));
  }
}

/** The content of a response in each framing, after its head. */
const framings = {
  length: (length: number): Iterable<Uint8Array | string> => [
    `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`,
    ...seededViews(SEED, 0, length),
  ],
  chunked: (length: number): Iterable<Uint8Array | string> => [
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
    ...chunksOf(length, 3000),
    '0\r\nA: b\r\n\r\n',
  ],
  close: (length: number): Iterable<Uint8Array | string> => [
    'HTTP/1.1 200 OK\r\n\r\n',
    ...seededViews(SEED, 0, length),
  ],
};

/** When a sink gives a chunk back. */
const sinks = {
  'at once': (done: () => void) => done(),
  'a turn later': (done: () => void) => void setImmediate(done),
  'some milliseconds later': (done: () => void) => void setTimeout(done, 2),
  'sometimes at once, sometimes late': (done: () => void, chunk: number) => {
    if (chunk % 3 === 0) done();
    else if (chunk % 3 === 1) setImmediate(done);
    else setTimeout(done, 1);
  },
};

/**
 * Takes content as it comes, and checks it against the seed on receipt and once more when it is given back. Resolves
 * with the number of bytes.
 */
function verify(source: ChunkSource, giveBack: (done: () => void, chunk: number) => void): Promise<number> {
  return new Promise((resolve, reject) => {
    let [received, chunks, lent, ended] = [0, 0, 0, false];
    const settle = (): void => {
      if (ended && lent === 0) resolve(received);
    };
    source.start({
      chunk(bytes, done) {
        const offset = received;
        received += bytes.length;
        lent += 1;
        if (!isSeeded(SEED, offset, bytes)) reject(new Error(`Wrong bytes at ${offset}`));
        giveBack(
          () => {
            if (!isSeeded(SEED, offset, bytes))
              reject(new Error(`Bytes at ${offset} changed while they were lent`));
            lent -= 1;
            done();
            settle();
          },
          (chunks += 1),
        );
      },
      end() {
        ended = true;
        settle();
      },
      fail: reject,
    });
  });
}

const cases: [keyof typeof framings, number, keyof typeof sinks][] = [
  ['length', 20 * MB, 'at once'],
  ['length', 20 * MB, 'a turn later'],
  ['length', 20 * MB, 'some milliseconds later'],
  ['length', 20 * MB, 'sometimes at once, sometimes late'],
  ['chunked', 4 * MB, 'at once'],
  ['chunked', 4 * MB, 'sometimes at once, sometimes late'],
  ['close', 4 * MB, 'some milliseconds later'],
];

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  describe(version, () => {
    for (const [framing, length, giveBack] of cases) {
      test(`${length / MB} MB by ${framing}, given back ${giveBack}, arrive whole and unchanged`, async ({
        net,
      }) => {
        const { cert, key, ca } = certificate;
        const server = await startTlsServer(
          net,
          { cert, key, minVersion: version, maxVersion: version },
          (socket) => {
            socket.once('data', () => {
              void writeAll(socket, framings[framing](length)).then(() => {
                if (framing === 'close') socket.end();
              });
            });
          },
        );
        const transport = startTransport(net, { tls: { ca } });
        const { content } = await transport.send(toRequest(server.url)).response;
        expect(await verify(content, sinks[giveBack])).toBe(length);
        expect(content.trailers?.raw).toEqual(framing === 'chunked' ? ['A', 'b'] : undefined);
      });
    }

    test('small responses, one after the other, each lent while the next is asked for', async ({ net }) => {
      const { cert, key, ca } = certificate;
      const server = await startTlsServer(
        net,
        { cert, key, minVersion: version, maxVersion: version },
        (socket) => {
          socket.on('data', () => void writeAll(socket, framings.length(5000)));
        },
      );
      const transport = startTransport(net, { tls: { ca }, maxConnections: 1 });
      for (let round = 0; round < 20; round += 1) {
        const { content } = await transport.send(toRequest(server.url)).response;
        expect(await verify(content, sinks['a turn later'])).toBe(5000);
      }
      expect(server.connections).toHaveLength(1);
    });
  });
}
