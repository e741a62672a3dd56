import { createServer } from 'node:net';
import { describe, expect } from 'vitest';
import { SluicewayError } from '../../src/errors.js';
import type { Exchange } from '../../src/upstream/transport.js';
import { collect, failureOf, fetchText, startTransport, toRequest } from '../support/exchange.js';
import { type Network, test } from '../support/fixture.js';
import { Gate } from '../support/gate.js';
import type { OriginScript } from '../support/raw-origin.js';
import { StoppedTime } from '../support/stopped-time.js';
import { sized } from '../support/through.js';
import { until } from '../support/until.js';

/** Answers with the number of the connection and the target, each request when its gate opens. */
function gated(gates: readonly Gate[]): { script: OriginScript; targets: string[] } {
  const targets: string[] = [];
  return {
    targets,
    script: async (connection) => {
      for (;;) {
        const { head } = await connection.readRequest();
        targets.push(head.target);
        await gates[targets.length - 1]?.opened;
        await connection.write(sized(`${connection.index}${head.target}`));
      }
    },
  };
}

const textOf = async (exchange: Exchange): Promise<string> =>
  (await collect((await exchange.response).content)).content.toString();

/** Accepts connections and says nothing on them, TLS least of all. */
async function startSilent(net: Network): Promise<{ url: string; open: () => number; total: () => number }> {
  const sockets = new Set<object>();
  let total = 0;
  const server = createServer((socket) => {
    total += 1;
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
    socket.resume();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  net.cleanup(() => server.close());
  const { port } = server.address() as { port: number };
  return { url: `https://127.0.0.1:${port}`, open: () => sockets.size, total: () => total };
}

describe('more requests than connections', () => {
  test('wait in line, and are served in order as connections come free [HAProxy]', async ({ net }) => {
    const gates = [new Gate(), new Gate(), new Gate(), new Gate(), new Gate()];
    const { script, targets } = gated(gates);
    const origin = await net.origin(script);
    const transport = startTransport(net, { maxConnections: 2 });
    const texts = gates.map((_, i) => fetchText(transport, toRequest(origin.url, { path: `/${i}` })));
    await until(() => targets.length === 2, 'two requests have come');
    gates[1]?.open();
    await until(() => targets.length === 3, 'the third has come');
    for (const gate of gates) gate.open();
    const found = await Promise.all(texts);
    expect(found.map((text) => text.slice(1))).toEqual(['/0', '/1', '/2', '/3', '/4']);
    expect(targets.slice(2)).toEqual(['/2', '/3', '/4']);
    expect(origin.total).toBe(2);
  });

  test('the next in line gets a new connection where the old one is of no more use', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      await connection.readRequest();
      await connection.write(sized(String(connection.index), ['Connection: close']));
    });
    const transport = startTransport(net, { maxConnections: 1 });
    const texts = [0, 1, 2].map(() => fetchText(transport, toRequest(origin.url)));
    expect(await Promise.all(texts)).toEqual(['0', '1', '2']);
  });

  test('leave the next in line its turn when a connection could not be made [smokescreen]', async ({
    net,
  }) => {
    const { url, stop } = await net.origin(() => {});
    await stop();
    const transport = startTransport(net, { maxConnections: 1 });
    const failed = [1, 2, 3].map(() => failureOf(transport.send(toRequest(url))));
    const refused: unknown = expect.objectContaining({ code: 'connection_refused' });
    expect(await Promise.all(failed)).toEqual([refused, refused, refused]);
  });

  test('one that waits too long is refused, and those after it are not held up', async ({ net }) => {
    const time = new StoppedTime(net);
    const gates = [new Gate()];
    const { script, targets } = gated(gates);
    const origin = await net.origin(script);
    const transport = startTransport(net, { maxConnections: 1, connectTimeoutMs: 100 });
    const first = transport.send(toRequest(origin.url));
    const late = failureOf(transport.send(toRequest(origin.url, { path: '/late' })));
    await until(() => targets.length === 1, 'the first request had come');
    await time.pass(100);
    expect(await late).toMatchObject({
      code: 'connection_limit_reached',
      status: 503,
      outcome: 'limited',
    });
    const third = transport.send(toRequest(origin.url, { path: '/next' }));
    gates[0]?.open();
    expect([await textOf(first), await textOf(third)]).toEqual(['0/', '0/next']);
    expect(targets).toEqual(['/', '/next']);
  });

  test('are refused at once where the line is full [HAProxy]', async ({ net }) => {
    const gates = [new Gate()];
    const origin = await net.origin(gated(gates).script);
    const transport = startTransport(net, { maxConnections: 1, maxQueued: 1 });
    const served = [transport.send(toRequest(origin.url)), transport.send(toRequest(origin.url))];
    expect(await failureOf(transport.send(toRequest(origin.url)))).toMatchObject({
      code: 'connection_limit_reached',
      message: '1 connections are in use and 1 requests wait for one',
    });
    gates[0]?.open();
    expect(await Promise.all(served.map(textOf))).toEqual(['0/', '0/']);
  });

  test('no line at all: a free connection serves, a busy one refuses', async ({ net }) => {
    const gates = [new Gate()];
    const origin = await net.origin(gated(gates).script);
    const transport = startTransport(net, { maxConnections: 1, maxQueued: 0 });
    const first = transport.send(toRequest(origin.url));
    expect(await failureOf(transport.send(toRequest(origin.url)))).toMatchObject({
      code: 'connection_limit_reached',
    });
    gates[0]?.open();
    await textOf(first);
    expect(await fetchText(transport, toRequest(origin.url))).toBe('0/');
  });
});

describe('abort', () => {
  const gone = new SluicewayError('client_aborted', 'gone');

  test('in line leaves the line: it is never sent, and the next one is', async ({ net }) => {
    const gates = [new Gate()];
    const { script, targets } = gated(gates);
    const origin = await net.origin(script);
    const transport = startTransport(net, { maxConnections: 1, maxQueued: 2 });
    const first = transport.send(toRequest(origin.url));
    const second = transport.send(toRequest(origin.url, { path: '/gone' }));
    const third = transport.send(toRequest(origin.url, { path: '/next' }));
    const failed = failureOf(second);
    second.abort(gone);
    expect(await failed).toBe(gone);
    gates[0]?.open();
    expect([await textOf(first), await textOf(third)]).toEqual(['0/', '0/next']);
    expect(targets).toEqual(['/', '/next']);
  });

  test('while dialling closes the socket, and the next in line dials', async ({ net }) => {
    const silent = await startSilent(net);
    const transport = startTransport(net, { maxConnections: 1 });
    const first = transport.send(toRequest(silent.url));
    const second = transport.send(toRequest(silent.url));
    const failed = [failureOf(first), failureOf(second)];
    await until(() => silent.open() === 1, 'the first is connected');
    first.abort(gone);
    expect(await failed[0]).toBe(gone);
    await until(() => silent.total() === 2 && silent.open() === 1, 'the second takes its place');
    second.abort(gone);
    expect(await failed[1]).toBe(gone);
    await until(() => silent.open() === 0, 'no connection is left');
    await transport.close();
  });

  test('before the head and during the content closes the connection at once', async ({ net }) => {
    const origin = await net.origin(async (connection) => {
      const { head } = await connection.readRequest();
      if (head.target === '/content')
        await connection.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe');
    });
    const transport = startTransport(net);
    const waiting = transport.send(toRequest(origin.url));
    const running = transport.send(toRequest(origin.url, { path: '/content' }));
    const failed = [failureOf(waiting), failureOf(running)];
    await running.response;
    await until(() => origin.connections.every(({ bytesRead }) => bytesRead > 0), 'both requests have come');
    waiting.abort(gone);
    running.abort(gone);
    running.abort(new SluicewayError('shutdown', 'again'));
    expect(await Promise.all(failed)).toEqual([gone, gone]);
    await until(() => origin.open === 0, 'both connections are closed');
  });
});

test('unlimited by default', async ({ net }) => {
  const gates = Array.from({ length: 40 }, () => new Gate());
  const { script, targets } = gated(gates);
  const origin = await net.origin(script);
  const transport = startTransport(net);
  const texts = gates.map(() => fetchText(transport, toRequest(origin.url)));
  await until(() => targets.length === 40, 'all requests have come');
  for (const gate of gates) gate.open();
  expect(new Set(await Promise.all(texts)).size).toBe(40);
});
