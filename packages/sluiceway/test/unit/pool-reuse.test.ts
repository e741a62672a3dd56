import { describe, expect } from 'vitest';
import { collect, contentOf, fetchText, startTransport, toRequest } from '../support/exchange.js';
import { test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { OriginScript } from '../support/raw-origin.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

/** Answers every request with the number of its connection, with further field lines. */
function tellIndex(...lines: string[]): OriginScript {
  return async (connection) => {
    for (;;) {
      await connection.readRequest();
      await connection.write(sized(String(connection.index), lines));
    }
  };
}

describe('a connection is used again', () => {
  test('by one request after the other', async ({ net }) => {
    const origin = await net.origin(tellIndex());
    const transport = startTransport(net);
    for (let i = 0; i < 20; i += 1) expect(await fetchText(transport, toRequest(origin.url))).toBe('0');
    expect(origin.total).toBe(1);
  });

  test('the most recently used first, so that the others time out', async ({ net }) => {
    const time = new StoppedTime(net);
    const gates = [new Gate(), new Gate(), new Gate()];
    const origin = await net.origin(async (connection) => {
      await connection.readRequest();
      await gates[connection.index]?.opened;
      await connection.write(sized(String(connection.index)));
      await tellIndex()(connection);
    });
    const transport = startTransport(net, { idleTimeoutMs: 300 });
    const running = gates.map(() => fetchText(transport, toRequest(origin.url)));
    await until(() => origin.total === 3, 'three connections are open');
    const order: string[] = [];
    for (const gate of [gates[1], gates[2], gates[0]]) {
      gate?.open();
      const before = order.length;
      for (const each of running) void each.then((index) => order.includes(index) || order.push(index));
      await until(() => order.length > before, 'the next response has come');
    }
    const last = order.at(-1);
    for (let i = 0; i < 4; i += 1) {
      expect(await fetchText(transport, toRequest(origin.url))).toBe(last);
      await time.pass(100);
    }
    await until(() => origin.open === 1, 'the others had been closed');
    expect(origin.total).toBe(3);
    expect(origin.connections[Number(last)]?.ending).toBeUndefined();
  });

  const contentless: [string, string, string][] = [
    ['HEAD', 'HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'],
    ['HEAD with chunked', 'HEAD', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ['204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n'],
    ['an empty content', 'GET', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'],
    [
      'chunked content',
      'GET',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nA: b\r\n\r\n',
    ],
    [
      'HTTP/1.0 with keep-alive',
      'GET',
      'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na',
    ],
    ['interim responses', 'GET', 'HTTP/1.1 103 x\r\n\r\nHTTP/1.1 100 x\r\n\r\nHTTP/1.1 204 x\r\n\r\n'],
  ];
  for (const [what, method, response] of contentless) {
    test(`after a response with ${what}`, async ({ net }) => {
      const origin = await net.origin(async (connection) => {
        await connection.readRequest();
        await connection.write(response);
        await tellIndex()(connection);
      });
      const transport = startTransport(net);
      await fetchText(transport, toRequest(origin.url, { method }));
      expect(await fetchText(transport, toRequest(origin.url))).toBe('0');
    });
  }

  test('after an upload, sized or chunked', async ({ net }) => {
    const origin = await net.origin(tellIndex());
    const transport = startTransport(net);
    for (const length of [5, null]) {
      const request = toRequest(origin.url, { method: 'POST', content: contentOf(['he', 'llo'], length) });
      expect(await fetchText(transport, request)).toBe('0');
    }
    expect(await fetchText(transport, toRequest(origin.url))).toBe('0');
  });

  test('within the time that the origin server keeps it, and not after it', async ({ net }) => {
    const [long, short] = [
      await net.origin(tellIndex('Keep-Alive: timeout=30')),
      await net.origin(tellIndex('Keep-Alive: timeout=1')),
    ];
    const transport = startTransport(net);
    for (const { url } of [long, short, long, short]) await fetchText(transport, toRequest(url));
    expect([long.total, short.total]).toEqual([1, 2]);
  });

  test('for its own destination only', async ({ net }) => {
    const [first, second] = [await net.origin(tellIndex()), await net.origin(tellIndex())];
    const transport = startTransport(net);
    for (const { url } of [first, second, first, second]) await fetchText(transport, toRequest(url));
    await fetchText(transport, toRequest(first.url.replace('127.0.0.1', 'localhost')));
    expect([first.total, second.total]).toEqual([2, 1]);
  });
});

describe('a connection is not used again', () => {
  const responses: [string, string][] = [
    ['that says close', 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na'],
    ['in HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na'],
    ['with bytes behind it', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab'],
    [
      'with another response behind it',
      'HTTP/1.1 204 x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na',
    ],
    [
      'with bytes behind its last chunk',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\r\n',
    ],
  ];
  for (const [what, response] of responses) {
    test(`after a response ${what}`, async ({ net }) => {
      const origin = await net.origin(async (connection) => {
        await connection.readRequest();
        await connection.write(connection.index === 0 ? response : sized('x'));
      });
      const transport = startTransport(net);
      await fetchText(transport, toRequest(origin.url));
      await until(() => origin.open === 0, 'the connection is closed');
      const post = toRequest(origin.url, { method: 'POST', content: contentOf(['x']) });
      const { status } = await transport.send(post).response;
      expect([status, origin.total]).toEqual([200, 2]);
    });
  }

  test('that the origin server closes while it idles: it leaves at once', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      await connection.readRequest();
      await connection.write(sized(String(connection.index)));
      if (connection.index === 0) connection.end();
    });
    const transport = startTransport(net);
    await fetchText(transport, toRequest(origin.url));
    await origin.connections[0]?.closed;
    // Not idempotent, so it would not be sent again.
    const request = toRequest(origin.url, { method: 'POST', content: contentOf(['x']) });
    expect(await fetchText(transport, request)).toBe('1');
  });

  test('that speaks while it idles', async ({ net }) => {
    const idle = new Gate();
    const origin = await net.origin(async (connection) => {
      await connection.readRequest();
      await connection.write(sized('a'));
      await idle.opened;
      await connection.write('HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n');
    });
    const transport = startTransport(net);
    await fetchText(transport, toRequest(origin.url));
    idle.open();
    await until(() => origin.open === 0, 'the connection is closed');
  });

  test('whose content was given up', async ({ net }) => {
    const origin = await net.origin(tellIndex());
    const transport = startTransport(net);
    const { content } = await transport.send(toRequest(origin.url)).response;
    content.cancel();
    await until(() => origin.open === 0, 'the connection is closed');
    expect(await fetchText(transport, toRequest(origin.url))).toBe('1');
  });

  test('whose answer came before the request was sent', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      await connection.readHead();
      await connection.write(sized('enough'));
    });
    const transport = startTransport(net);
    const upload = contentOf(['x'], 5);
    const source = { ...upload.source, start: () => {} };
    const request = toRequest(origin.url, { method: 'POST', content: { source, length: 5 } });
    const { content } = await transport.send(request).response;
    expect((await collect(content)).content.toString()).toBe('enough');
    await until(() => origin.open === 0, 'the connection is closed');
  });
});
