import { describe, expect } from 'vitest';
import { isSeeded, seededBytes } from '../support/content.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import { chunked, sized, through, toChunk } from '../support/through.js';

const KiB = 1024;
const SIZE = 600_000;
const content = seededBytes('broken', 0, SIZE);

const wires: Record<string, Buffer> = {
  sized: sized(content),
  'chunked in one piece': chunked([content]),
  'chunked in many pieces': chunked(
    Array.from({ length: 60 }, (_, i) => content.subarray(i * 10_000, (i + 1) * 10_000)),
    [],
    ['X-Trailer: 1'],
  ),
};

/** Where to cut: around every edge of a message, of read blocks and of framing. */
function offsets(wire: Buffer): number[] {
  const head = wire.indexOf('\r\n\r\n') + 4;
  const end = wire.length;
  return [
    head,
    head + 1,
    head + 2,
    head + 6,
    8 * KiB,
    64 * KiB - 1,
    64 * KiB,
    64 * KiB + head,
    64 * KiB + head + 1,
    256 * KiB,
    Math.floor(end / 2),
    end - 20,
    end - 7,
    end - 5,
    end - 4,
    end - 3,
    end - 2,
    end - 1,
  ];
}

async function cutAt(
  net: Network,
  wire: Buffer,
  at: number,
  how: 'end' | 'reset' | 'destroy',
): Promise<void> {
  const { client, running } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write(wire.subarray(0, at));
    connection[how]();
  });
  await client.get('/');
  const response = await client.readResponse();
  const where = `${how} at ${at} of ${wire.length}`;
  expect(response.head.status, where).toBe(200);
  expect(response.complete, where).toBe(false);
  expect(response.contentLength, where).toBeLessThanOrEqual(SIZE);
  expect(isSeeded('broken', 0, response.content), where).toBe(true);
  await client.closed;
  expect(await running.record(), where).toMatchObject({
    outcome: 'upstream_truncated',
    error: 'http_response_incomplete',
    status: 200,
  });
  client.close();
}

describe.each(Object.entries(wires))('a response (%s) that breaks off', (_name, wire) => {
  test.for(['end', 'reset', 'destroy'] as const)(
    '(%s) at any offset, be it the first byte, never ends cleanly: the client gets the head, right bytes, and no end [RFC 9112 8; Go ReverseProxy; nginx]',
    async (how, { net }) => {
      await Promise.all(offsets(wire).map((at) => cutAt(net, wire, at, how)));
    },
  );
});

describe('a response that ends with its connection', () => {
  test.for(['1.0', '1.1'])(
    '(HTTP/%s) never ends cleanly where that is reset [RFC 9112 8]',
    async (version, { net }) => {
      const resetAfter = async (at: number) => {
        const { client, running } = await through(net, async (connection) => {
          await connection.readHead();
          await connection.write(`HTTP/${version} 200 OK\r\n\r\n`);
          await connection.write(content.subarray(0, at));
          connection.reset();
        });
        await client.get('/');
        const response = await client.readResponse();
        expect(response.complete, `reset after ${at}`).toBe(false);
        expect((await running.record()).outcome).toBe('upstream_truncated');
      };
      await Promise.all([0, 1, 5000, 64 * KiB, SIZE].map(resetAfter));
    },
  );
});

test('content that breaks off while the client has paused never ends cleanly [RFC 9112 8]', async ({
  net,
}) => {
  const size = 32 * KiB * KiB;
  const { client } = await through(net, async (connection) => {
    await connection.readHead();
    await connection.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let at = 0; at < size; at += 1_000_000)
      await connection.write(toChunk(seededBytes('broken', at, Math.min(1_000_000, size - at))));
    connection.end();
  });
  await client.get('/');
  const head = await client.readHead();
  client.pause();
  await new Promise((resolve) => setTimeout(resolve, 100));
  client.resume();
  let at = 0;
  const { complete } = await client.readContent(head, {
    onContent: (bytes) => {
      expect(isSeeded('broken', at, bytes)).toBe(true);
      at += bytes.length;
    },
  });
  expect(complete).toBe(false);
});

test('20 uploads of 6 MiB, each answered short of its Content-Length: each ends visibly, and the upload is let go [Go ReverseProxy]', async ({
  net,
}) => {
  const upload = seededBytes('upload', 0, 6 * KiB * KiB);
  for (let i = 0; i < 20; i++) {
    const { client, running } = await through(net, async (connection) => {
      await connection.readHead();
      // Before any content is read, or in the midst of it.
      if (i % 4 > 1) await connection.readExactly(100_000);
      await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
      if (i % 2 === 0) connection.end();
      else connection.reset();
      await connection.readAll();
    });
    void client.send(`POST / HTTP/1.1\r\nHost: test\r\nContent-Length: ${upload.length}\r\n\r\n`);
    void client.send(upload);
    const response = await client.readResponse();
    expect(response).toMatchObject({ complete: false, contentLength: 4 });
    expect(await running.record()).toMatchObject({ outcome: 'upstream_truncated', status: 200 });
    await client.closed;
    client.close();
  }
});

test.for(['Content-Length: 100', 'Transfer-Encoding: chunked', 'X-Until: close'])(
  'nothing follows content (%s) that breaks off: no second status line, no error text [RFC 9112 8; Go ReverseProxy]',
  async (framing, { net }) => {
    const half = framing.includes('chunked') ? '4\r\nhalf\r\n' : 'half';
    const seen = new Gate();
    let asked = 0;
    const { client } = await through(
      net,
      async (connection) => {
        await connection.readHead();
        await connection.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n${half}`);
        await seen.opened;
        connection.reset();
      },
      {
        onError: () => {
          asked += 1;
          return { status: 500, content: 'error text' };
        },
      },
    );
    await client.get('/');
    const head = await client.readHead();
    expect(head.status).toBe(200);
    const expected = head.isChunked ? '4\r\nhalf\r\n' : 'half';
    expect((await client.readExactly(expected.length)).toString()).toBe(expected);
    seen.open();
    expect((await client.readUntilClose()).bytes.toString()).toBe('');
    expect(asked).toBe(0);
  },
);
